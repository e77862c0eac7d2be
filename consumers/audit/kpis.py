"""The eleven figures that the system is held to, from its own events. What is not measured says so; never a guess."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Final

import msgspec
from msgspec import field

from consumers.audit.intervals import clopper_pearson
from consumers.audit.measures import BlindAnswer, Measures
from schemas.values import ClosedBy, DecidedBy, SampleKind
from streams.workflow.types import Costs

ENOUGH: Final = 30  # blind answers below which no share is given
SECONDS: Final = 1_000  # milliseconds
TWO_HOURS: Final = 7_200.0  # seconds
SIMULATED_NOTE: Final = "answers came from simulated people"


class Kpi(msgspec.Struct, frozen=True, kw_only=True):
    """One figure against its target; without a value `why_not` says what is missing."""

    value: float | None = None
    target: str
    met: bool | None = None
    why_not: str | None = None
    unit: str = ""
    details: dict[str, float | str] = field(default_factory=dict)


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


def kpis(measures: Measures, costs: Costs | None = None) -> Kpis:
    """The figures of a workflow as of what was read."""
    return Kpis(
        automation_rate=automation_rate(measures),
        system_accuracy=system_accuracy(measures),
        human_review_latency=human_review_latency(measures),
        time_to_resolution=time_to_resolution(measures),
        cost_per_decision=cost_per_decision(measures, costs),
        review_efficiency=_unmeasured(
            "> 100", "cases per person-hour", "how long people work on a case is not recorded"
        ),
        inter_annotator_agreement=_unmeasured(
            "> 85 %", "share", "no request is answered by two people: overlapping reviews are not drawn yet"
        ),
        human_ai_agreement=human_ai_agreement(measures),
        expert_validation_rate=_unmeasured("> 95 %", "share", "final decisions are not yet drawn for experts to check"),
        false_positive_rate=false_positive_rate(measures),
        learning_acceleration=_unmeasured(
            "> 3×", "times", "needs the same labels bought at random beside it, which is not run here"
        ),
    )


def automation_rate(measures: Measures) -> Kpi:
    """Automatic decisions among all requests that were decided or wait for a person."""
    automatic = _count(measures, DecidedBy.AUTOMATION)
    waiting = sum(1 for request_id in _ordinary_cases(measures) if request_id not in measures.closed_at)
    total = len(measures.resolved) + waiting
    if total == 0:
        return _unmeasured("85–95 %", "share", "no request was routed yet")
    return _figure(automatic / total, "85–95 %", lambda share: 0.85 <= share <= 0.95, "share", requests=total)


def system_accuracy(measures: Measures) -> Kpi:
    """Not given: people decide, too, and how often they err is not measured. What audits say of automation is."""
    known = automatic_accuracy(measures)
    return Kpi(
        target="> 95 %",
        unit="share",
        why_not="people decide a part, and their own error is not measured yet; "
        + ("details hold the accuracy of automatic decisions" if known else _too_few(measures, _audits(measures))),
        details=known,
    )


def automatic_accuracy(measures: Measures) -> dict[str, float | str]:
    """The 1/π-weighted share of automatic decisions that blind audits confirm, with its exact interval."""
    answers = _audits(measures)
    if len(answers) < ENOUGH:
        return {}
    confirmed = sum(answer.agrees for answer in answers)
    interval = clopper_pearson(confirmed, len(answers))
    known: dict[str, float | str] = {
        "automatic_accuracy": round(weighted_agreement(answers), 4),
        "automatic_accuracy_low": interval.low,
        "automatic_accuracy_high": interval.high,
        "confidence": 0.95,
        "audits": len(answers),
        "expired_audits": len(measures.expired),
    }
    if len({answer.probability for answer in answers}) > 1:
        known["note"] = "the interval ignores that audits were drawn with different probabilities"
    return _weighed(measures, known)


def human_review_latency(measures: Measures) -> Kpi:
    """Mean seconds between a case's opening and a person's last word on it, audits left out."""
    times = [
        (measures.closed_at[request_id][0] - measures.opened_at[request_id]) / SECONDS
        for request_id in _ordinary_cases(measures)
        if request_id in measures.closed_at and measures.closed_at[request_id][1] is not ClosedBy.EXPIRED
    ]
    return _duration(measures, times, "no case was answered yet")


def time_to_resolution(measures: Measures) -> Kpi:
    """Mean seconds between a request's arrival in the log and its outcome."""
    times = [resolved.took / SECONDS for resolved in measures.resolved.values()]
    return _duration(measures, times, "no request was decided yet")


def cost_per_decision(measures: Measures, costs: Costs | None) -> Kpi:
    """Mean dollars per decision by the policy's own rates; answered audits are paid as reviews."""
    if costs is None:
        return _unmeasured("< $0.50", "US dollars", "the policy names no [costs]: automatic, review and expert")
    if not measures.resolved:
        return _unmeasured("< $0.50", "US dollars", "no request was decided yet")
    audits = len(_audits(measures))
    spent = (
        _count(measures, DecidedBy.AUTOMATION) * costs.automatic
        + (_count(measures, DecidedBy.REVIEWER) + audits) * costs.review
        + _count(measures, DecidedBy.EXPERT) * costs.expert
    )
    details = _noted(measures, {"audits": audits, "rates": "those of the policy, not measured"})
    return _figure(spent / len(measures.resolved), "< $0.50", lambda cost: cost < 0.50, "US dollars", **details)


def human_ai_agreement(measures: Measures) -> Kpi:
    """The 1/π-weighted share of blind answers that are the model's; where no draw reaches, it says nothing."""
    answers = [answer for answer in measures.blind_answers.values() if answer.has_model]
    if len(answers) < ENOUGH:
        return _unmeasured("> 90 %", "share", _too_few(measures, answers))
    details = _weighed(measures, {"answers": len(answers), "covers": "automatic decisions and ordinary reviews"})
    return _figure(weighted_agreement(answers), "> 90 %", lambda share: share > 0.90, "share", **details)


def false_positive_rate(measures: Measures) -> Kpi:
    """The 1/π-weighted share of automatic decisions that a blind audit contradicts; expired ones are counted apart."""
    answers = _audits(measures)
    if len(answers) < ENOUGH:
        return _unmeasured("< 5 %", "share", _too_few(measures, answers))
    wrong = sum(not answer.agrees for answer in answers)
    interval = clopper_pearson(wrong, len(answers))
    details = _weighed(
        measures,
        {"audits": len(answers), "low": interval.low, "high": interval.high, "expired_audits": len(measures.expired)},
    )
    return _figure(1 - weighted_agreement(answers), "< 5 %", lambda share: share < 0.05, "share", **details)


def weighted_agreement(answers: Sequence[BlindAnswer]) -> float:
    """Σ (agrees / π) / Σ (1 / π): the share in what was drawn from (Hájek 1971)."""
    return sum(answer.agrees / answer.probability for answer in answers) / sum(1 / a.probability for a in answers)


def _audits(measures: Measures) -> list[BlindAnswer]:
    return [answer for answer in measures.blind_answers.values() if answer.kind is SampleKind.AUDIT]


def _ordinary_cases(measures: Measures) -> Iterable[str]:
    return (request_id for request_id in measures.opened_at if request_id not in measures.audit_cases)


def _count(measures: Measures, by: DecidedBy) -> int:
    return sum(resolved.by is by for resolved in measures.resolved.values())


def _duration(measures: Measures, times: Sequence[float], why_not: str) -> Kpi:
    if not times:
        return _unmeasured("< 2 h", "seconds", why_not)
    ordered = sorted(times)
    details = _noted(
        measures,
        {
            "count": len(times),
            "median": round(ordered[len(ordered) // 2], 3),
            "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 3),
        },
    )
    return _figure(fmean(times), "< 2 h", lambda mean: mean < TWO_HOURS, "seconds", **details)


def _noted(measures: Measures, details: dict[str, float | str]) -> dict[str, float | str]:
    return details | {"people": SIMULATED_NOTE} if measures.simulated else details


def _weighed(measures: Measures, details: dict[str, float | str]) -> dict[str, float | str]:
    """Says how many blind answers could not be weighed and are left out."""
    left_out = len(measures.unweighable)
    return _noted(measures, details | {"answers_without_a_probability": left_out} if left_out else details)


def _too_few(measures: Measures, answers: Sequence[BlindAnswer]) -> str:
    left_out = len(measures.unweighable)
    others = f"; {left_out} more name no possible probability of being drawn and are left out" if left_out else ""
    return f"only {len(answers)} blind answers so far, {ENOUGH} are needed{others}"


def _figure(value: float, target: str, is_met: Callable[[float], bool], unit: str, **details: float | str) -> Kpi:
    return Kpi(value=round(value, 6), target=target, met=is_met(value), unit=unit, details=details)


def _unmeasured(target: str, unit: str, why_not: str) -> Kpi:
    return Kpi(target=target, unit=unit, why_not=why_not)
