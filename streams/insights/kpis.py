"""The eleven figures that the system is held to, from its own events. What is not measured says so; never a guess."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import field

from schemas.values import SampleKind
from streams.assurance.agreement import Coefficient, Ratings, agreement, from_patterns
from streams.assurance.intervals import CONFIDENCE, clopper_pearson, lower_bound
from streams.insights.figures import BlindGroup, Durations, Figures, Pairs, ValidatedGroup
from streams.workflow.types import Costs

ENOUGH: Final = 30  # blind answers below which no share is given
SECONDS: Final = 1_000  # milliseconds
TWO_HOURS: Final = 7_200.0  # seconds
HOUR: Final = 3_600_000  # milliseconds
NO_CLAIMS: Final = "nobody answered a case that they had claimed before: how long people work is not known"
SIMULATED_NOTE: Final = "answers came from simulated people"


Details = dict[str, int | float | str]


class Kpi(msgspec.Struct, frozen=True, kw_only=True):
    """One figure against its target; without a value `why_not` says what is missing."""

    value: float | None = None
    target: str
    met: bool | None = None
    why_not: str | None = None
    unit: str = ""
    details: Details = field(default_factory=dict)


class Kpis(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one workflow."""

    automation_rate: Kpi
    system_accuracy: Kpi
    human_review_latency: Kpi
    time_to_resolution: Kpi
    cost_per_decision: Kpi
    review_efficiency: Kpi
    inter_annotator_agreement: Kpi
    human_ai_agreement: Kpi
    expert_validation_rate: Kpi
    false_positive_rate: Kpi
    learning_acceleration: Kpi


def kpis(figures: Figures, costs: Costs | None = None) -> Kpis:
    """The figures of a workflow as of what was read."""
    return Kpis(
        automation_rate=automation_rate(figures),
        system_accuracy=system_accuracy(figures),
        human_review_latency=_duration(figures, figures.latency, "no case was answered yet"),
        time_to_resolution=_duration(figures, figures.resolution, "no request was decided yet"),
        cost_per_decision=cost_per_decision(figures, costs),
        review_efficiency=review_efficiency(figures),
        inter_annotator_agreement=inter_annotator_agreement(figures),
        human_ai_agreement=human_ai_agreement(figures),
        expert_validation_rate=expert_validation_rate(figures),
        false_positive_rate=false_positive_rate(figures),
        learning_acceleration=_unmeasured(
            "> 3×", "times", "it needs the same labels bought at random beside it, which is not run here"
        ),
    )


def automation_rate(figures: Figures) -> Kpi:
    """Automatic decisions among all requests that were decided or wait for a person."""
    total = figures.decided + figures.waiting
    if total == 0:
        return _unmeasured("85–95 %", "share", "no request was routed yet")
    rate = figures.automatic / total
    return _figure(rate, "85–95 %", lambda share: 0.85 <= share <= 0.95, "share", requests=total)


def system_accuracy(figures: Figures) -> Kpi:
    """Not given: people decide, too, and how often they err is not measured. What audits say of automation is."""
    known = automatic_accuracy(figures)
    return Kpi(
        target="> 95 %",
        unit="share",
        why_not="people decide a part, and their own error is not measured yet; "
        + ("details hold the accuracy of automatic decisions" if known else _too_few(figures, _audits(figures))),
        details=known,
    )


def automatic_accuracy(figures: Figures) -> Details:
    """The 1/π-weighted share of automatic decisions that blind audits confirm, with its exact interval."""
    groups = _audits(figures)
    answers = _answers(groups)
    if answers < ENOUGH:
        return {}
    interval = clopper_pearson(_agreeing(groups), answers)
    known: Details = {
        "automatic_accuracy": round(weighted_agreement(groups), 4),
        "automatic_accuracy_low": interval.low,
        "automatic_accuracy_high": interval.high,
        "confidence": 0.95,
        "audits": answers,
        "expired_audits": figures.expired,
    }
    if len({group.probability for group in groups}) > 1:
        known["note"] = "the interval ignores that audits were drawn with different probabilities"
    return _weighed(figures, known)


def review_efficiency(figures: Figures) -> Kpi:
    """Answers by the hour for which people had claimed cases; each person's answer counts, also of several to one case.

    A claim that ran out adds no time, one that was given back does; answers without a claim are in neither.
    """
    answers, hours = figures.work.count, figures.work.milliseconds / HOUR
    if not answers or not hours:
        return _unmeasured("> 100", "cases per person-hour", NO_CLAIMS)
    details = _noted(figures, {"answers": answers, "person_hours": round(hours, 4)})
    return _figure(answers / hours, "> 100", lambda rate: rate > 100, "cases per person-hour", **details)


def cost_per_decision(figures: Figures, costs: Costs | None) -> Kpi:
    """Mean dollars per decision by the policy's own rates; answered audits are paid as reviews."""
    if costs is None:
        return _unmeasured("< $0.50", "US dollars", "the policy names no [costs]: automatic, review and expert")
    if not figures.decided:
        return _unmeasured("< $0.50", "US dollars", "no request was decided yet")
    audits = _answers(_audits(figures))
    spent = (
        figures.automatic * costs.automatic + (figures.reviewed + audits) * costs.review + figures.expert * costs.expert
    )
    details = _noted(figures, {"audits": audits, "rates": "those of the policy, not measured"})
    return _figure(spent / figures.decided, "< $0.50", lambda cost: cost < 0.50, "US dollars", **details)


def human_ai_agreement(figures: Figures) -> Kpi:
    """The 1/π-weighted share of blind answers that are the model's; where no draw reaches, it says nothing."""
    groups = [group for group in figures.blind if group.has_model]
    answers = _answers(groups)
    if answers < ENOUGH:
        return _unmeasured("> 90 %", "share", _too_few(figures, groups))
    details = _weighed(figures, {"answers": answers, "covers": "automatic decisions and ordinary reviews"})
    return _figure(weighted_agreement(groups), "> 90 %", lambda share: share > 0.90, "share", **details)


def false_positive_rate(figures: Figures) -> Kpi:
    """The 1/π-weighted share of automatic decisions that a blind audit contradicts; expired ones are counted apart."""
    groups = _audits(figures)
    answers = _answers(groups)
    if answers < ENOUGH:
        return _unmeasured("< 5 %", "share", _too_few(figures, groups))
    interval = clopper_pearson(answers - _agreeing(groups), answers)
    details = _weighed(
        figures,
        {"audits": answers, "low": interval.low, "high": interval.high, "expired_audits": figures.expired},
    )
    return _figure(1 - weighted_agreement(groups), "< 5 %", lambda share: share < 0.05, "share", **details)


def inter_annotator_agreement(figures: Figures) -> Kpi:
    """The share of cases whose first two answers are the same, and the coefficients beside it. Later answers are left
    out: they are asked for where the first two disagree."""
    cases = sum(pairs.cases for pairs in figures.pairs)
    if cases < ENOUGH:
        why_not = f"only {cases} cases were answered by two people so far, {ENOUGH} are needed"
        return _unmeasured("> 85 %", "share", why_not)
    alike = sum(pairs.cases for pairs in figures.pairs if pairs.first == pairs.second)
    interval, found = clopper_pearson(alike, cases), agreement(ratings_of(figures.pairs))
    blind = sum(pairs.cases for pairs in figures.pairs if pairs.blind)
    details: Details = {
        "cases": cases, "low": interval.low, "high": interval.high,
        "krippendorff_alpha": shown(found.krippendorff_alpha), "gwet_ac1": shown(found.gwet_ac1),
        "fleiss_kappa": shown(found.fleiss_kappa), "blind_cases": blind,
    }  # fmt: skip
    if blind < cases:
        details["note"] = "who sees the model's answer leans to it: only blind cases show people's own agreement"
    return _figure(alike / cases, "> 85 %", lambda share: share > 0.85, "share", **_noted(figures, details))


def ratings_of(pairs: Sequence[Pairs]) -> Ratings:
    """Counts by class of each pair; a workflow has two classes at least, used or not."""
    classes = sorted({label for each in pairs for label in each[:2]})
    patterns = Counter[tuple[int, ...]]()
    for each in pairs:
        patterns[tuple((each.first, each.second).count(label) for label in classes)] += each.cases
    width = max(2, len(classes))
    return from_patterns({(*pattern, *(0,) * (width - len(pattern))): n for pattern, n in patterns.items()}, width)


def shown(coefficient: Coefficient) -> float | str:
    """A coefficient as a detail."""
    return str(coefficient) if coefficient.value is None else round(coefficient.value, 4)


def expert_validation_rate(figures: Figures) -> Kpi:
    """The 1/π-weighted share of final decisions that an expert confirms; met when its lower 95 % bound exceeds 95 %."""
    checked = _answers(figures.validated)
    if checked < ENOUGH:
        why_not = f"experts have checked only {checked} final decisions of a random sample, {ENOUGH} are needed"
        return _unmeasured("> 95 %", "share", why_not)
    bound = lower_bound(_agreeing(figures.validated), checked)
    details: Details = {"checked": checked, "lower_bound": bound, "confidence": CONFIDENCE}
    if len(figures.validated) > 1:
        details["note"] = "the bound ignores that decisions were drawn with different probabilities"
    rate = weighted_agreement(figures.validated)
    return _figure(rate, "> 95 %", lambda _: bound > 0.95, "share", **_noted(figures, details))


def weighted_agreement(groups: Sequence[BlindGroup | ValidatedGroup]) -> float:
    """Σ (agrees / π) / Σ (1 / π): the share in what was drawn from (Hájek 1971)."""
    return sum(g.agreeing / g.probability for g in groups) / sum(g.answers / g.probability for g in groups)


def _audits(figures: Figures) -> list[BlindGroup]:
    return [group for group in figures.blind if group.kind is SampleKind.AUDIT]


def _answers(groups: Sequence[BlindGroup | ValidatedGroup]) -> int:
    return sum(group.answers for group in groups)


def _agreeing(groups: Sequence[BlindGroup | ValidatedGroup]) -> int:
    return sum(group.agreeing for group in groups)


def _duration(figures: Figures, times: Durations, why_not: str) -> Kpi:
    """The mean in seconds, and the quantiles where they are known."""
    if not times.count:
        return _unmeasured("< 2 h", "seconds", why_not)
    details: Details = {"count": times.count}
    for name, seconds in (("median", times.median), ("p95", times.p95)):
        if seconds is not None:
            details[name] = round(seconds, 3)
    mean = times.milliseconds / times.count / SECONDS
    return _figure(mean, "< 2 h", lambda seconds: seconds < TWO_HOURS, "seconds", **_noted(figures, details))


def _noted(figures: Figures, details: Details) -> Details:
    return details | {"people": SIMULATED_NOTE} if figures.simulated else details


def _weighed(figures: Figures, details: Details) -> Details:
    """Says how many blind answers could not be weighed and are left out."""
    left_out = figures.unweighable
    return _noted(figures, details | {"answers_without_a_probability": left_out} if left_out else details)


def _too_few(figures: Figures, groups: Sequence[BlindGroup]) -> str:
    left_out = figures.unweighable
    others = f"; {left_out} more name no possible probability of being drawn and are left out" if left_out else ""
    return f"only {_answers(groups)} blind answers so far, {ENOUGH} are needed{others}"


def _figure(value: float, target: str, is_met: Callable[[float], bool], unit: str, **details: int | float | str) -> Kpi:
    return Kpi(value=round(value, 6), target=target, met=is_met(value), unit=unit, details=details)


def _unmeasured(target: str, unit: str, why_not: str) -> Kpi:
    return Kpi(target=target, unit=unit, why_not=why_not)
