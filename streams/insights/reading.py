"""From sums to figures: what the KPIs are computed from, and the figures of the system beside them."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from schemas.values import SampleKind
from streams.assurance.intervals import clopper_pearson
from streams.insights.checks import pairs_in, validated_in
from streams.insights.figures import BlindGroup, Durations, Figures
from streams.insights.fold import DEAD, LEARNT, PROMOTED, REFUSED
from streams.insights.kpis import ENOUGH, NO_CLAIMS, weighted_agreement
from streams.insights.models import ModelFacts
from streams.insights.people import NOBODY, PersonFacts, PersonRow, person_rows
from streams.insights.subject import Measure
from streams.insights.sums import Amount
from streams.insights.tallies import tallied

Amounts = Mapping[str, Amount]  # of one workflow and one span, by measure
NOTHING: Final = Amount(0)
AUTOMATIC: Final = tallied("router", "auto_approve")
REVIEWED: Final = tallied("casework", "reviewed")
EXPERT: Final = tallied("casework", "expert")


class QueueRow(msgspec.Struct, frozen=True, kw_only=True):
    """Open cases that stand alike; `priority` is the one they were opened with or given since."""

    standing: str
    priority: str
    cases: int


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A model and what people said of it; times in milliseconds. Accuracy is estimated from blind answers only."""

    digest: str
    running: bool
    version: int | None
    labels: int | None
    promoted_at: int | None
    refused_at: int | None
    blind_answers: int
    agreement: float | None  # 1/π-weighted; None below `ENOUGH` answers
    agreement_low: float | None
    agreement_high: float | None
    figures: dict[str, float]


class SystemMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The figures beside the KPIs; counts are of the span, the queue and the states are of now."""

    predicted: int
    without_answer: int  # requests that no model answered
    routed: int
    decided: int
    automatic: int
    reviews: int  # sent to a reviewer
    experts: int  # sent to an expert by the policy
    human_review_rate: float | None  # of what was routed
    duplicates: int
    reviewed: int  # decided by a reviewer
    decided_by_expert: int
    mean_processing_seconds: float | None  # from arrival in the log to the outcome
    mean_prediction_seconds: float | None  # from arrival in the log to the model's answer
    escalations: dict[str, int]  # by what: a person, a deadline or people's disagreement
    active_reviewers: int
    answers: int  # of people, each of several to one case
    gold_answers: int  # of those, to questions whose answer is known
    gold_right: int
    refused_answers: int  # and refused commands
    forged: int  # answers and commands under the name of somebody else
    mean_review_seconds: float | None  # of claims, for each answer to a claimed case
    mean_review_why_not: str
    in_time: int
    late: int
    sla_compliance: float | None  # of the cases that have a deadline and are past it or closed
    audits_drawn: int
    blind_drawn: int
    audits_expired: int
    appeals_refused: int
    reopened: int
    amended: int
    upheld: int
    overturn_rate: float | None  # of the decisions judged anew, the share that was changed
    dead_letters: dict[str, int]  # by stage and reason
    feedback: dict[str, int]  # by type
    promotions: int
    refusals: int
    open_cases: int
    open_audits: int
    queue: tuple[QueueRow, ...]
    states: dict[str, int]
    models: tuple[ModelRow, ...]
    people: tuple[PersonRow, ...]  # who was assessed; suspected ones first


def figures_of(amounts: Amounts) -> Figures:
    """What the KPIs are computed from."""
    automatic, reviewed, expert = (_like(amounts, name) for name in (AUTOMATIC, REVIEWED, EXPERT))
    decided = _total((automatic, reviewed, expert))
    latency, work = amounts.get(Measure.LATENCY, NOTHING), amounts.get(Measure.WORK, NOTHING)
    return Figures(
        automatic=automatic.count,
        reviewed=reviewed.count,
        expert=expert.count,
        waiting=amounts.get(Measure.WAITING, NOTHING).count,
        resolution=Durations(decided.count, decided.total),
        latency=Durations(latency.count, latency.total),
        work=Durations(work.count, work.total),
        blind=tuple(group for _, group in _blind(amounts)),
        unweighable=amounts.get(Measure.UNWEIGHABLE, NOTHING).count,
        expired=amounts.get(Measure.EXPIRED, NOTHING).count,
        pairs=pairs_in(amounts),
        validated=validated_in(amounts),
        simulated=amounts.get(Measure.SIMULATED, NOTHING).count > 0,
    )


def metrics_of(
    amounts: Amounts, *, now: Amounts, models: Mapping[str, ModelFacts], assessed: Mapping[str, PersonFacts] = NOBODY
) -> SystemMetrics:
    """`amounts` of the span; `now` of all time, for what stands open; `assessed` by reviewer id."""
    figures = figures_of(amounts)
    reviews, experts = _router(amounts, "human_review").count, _router(amounts, "expert_escalation").count
    routed = figures.automatic + reviews + experts
    predicted, failed = tallied("inference", "predicted"), tallied("inference", "prediction_failed")
    answered = _total((_like(amounts, predicted), _like(amounts, failed)))
    in_time, late = (amounts.get(each, NOTHING).count for each in (Measure.IN_TIME, Measure.LATE))
    amended, upheld = _casework(amounts, "amended").count, _casework(amounts, "upheld").count
    people = _by_name(amounts, Measure.ANSWERS)
    queue, gold = _queue(now), amounts.get(Measure.GOLD, NOTHING)
    return SystemMetrics(
        predicted=answered.count,
        without_answer=_like(amounts, failed).count,
        routed=routed,
        decided=figures.decided,
        automatic=figures.automatic,
        reviews=reviews,
        experts=experts,
        human_review_rate=_share(reviews + experts, routed),
        duplicates=_router(amounts, "duplicate").count,
        reviewed=figures.reviewed,
        decided_by_expert=figures.expert,
        mean_processing_seconds=_mean(Amount(figures.resolution.count, figures.resolution.milliseconds)),
        mean_prediction_seconds=_mean(answered),
        escalations=_by_name(amounts, Measure.ESCALATED),
        active_reviewers=len(people),
        answers=sum(people.values()),
        gold_answers=gold.count,
        gold_right=gold.total,
        refused_answers=_casework(amounts, "refused").count,
        forged=_casework(amounts, "forged").count,
        mean_review_seconds=_mean(Amount(figures.work.count, figures.work.milliseconds)),
        mean_review_why_not="" if figures.work.count else NO_CLAIMS,
        in_time=in_time,
        late=late,
        sla_compliance=_share(in_time, in_time + late),
        audits_drawn=amounts.get(f"{Measure.DRAWN}{SampleKind.AUDIT}", NOTHING).count,
        blind_drawn=amounts.get(f"{Measure.DRAWN}{SampleKind.BLIND}", NOTHING).count,
        audits_expired=figures.expired,
        appeals_refused=_casework(amounts, "appeal_refused").count,
        reopened=_casework(amounts, "reopened").count,
        amended=amended,
        upheld=upheld,
        overturn_rate=_share(amended, amended + upheld),
        dead_letters=_by_name(amounts, DEAD),
        feedback=_summed(_by_name(amounts, LEARNT)),
        promotions=amounts.get(PROMOTED, NOTHING).count,
        refusals=amounts.get(REFUSED, NOTHING).count,
        open_cases=sum(row.cases for row in queue),
        open_audits=now.get(Measure.OPEN_AUDIT, NOTHING).count,
        queue=queue,
        states=_states(now, queue),
        models=_models(amounts, models),
        people=person_rows(assessed),
    )


def _states(now: Amounts, queue: Iterable[QueueRow]) -> dict[str, int]:
    """Requests by the state of their workflow, as far as the counts tell; what inference has not read is in none."""
    standing: dict[str, int] = {}
    for row in queue:
        standing[row.standing] = standing.get(row.standing, 0) + row.cases
    figures = figures_of(now)
    predicted = _like(now, tallied("inference", "predicted")).count
    predicted += _like(now, tallied("inference", "prediction_failed")).count
    done = sum(
        _router(now, action).count
        for action in ("auto_approve", "human_review", "expert_escalation", "duplicate", "dead_letter")
    )
    return {
        "routing_decision": max(0, predicted - done),
        "human_review": standing.get("pending_human", 0),
        "expert_review": standing.get("pending_expert", 0) + standing.get("escalated", 0),
        "completed": figures.decided,
        "failed": sum(_by_name(now, DEAD).values()),
    }


def _models(amounts: Amounts, models: Mapping[str, ModelFacts]) -> tuple[ModelRow, ...]:
    """Every model that was promoted or that people answered about, the last promoted first."""
    groups: dict[str, list[BlindGroup]] = {}
    for digest, group in _blind(amounts):
        if digest and group.has_model:
            groups.setdefault(digest, []).append(group)
    promoted = {digest: facts.version for digest, facts in models.items() if facts.version is not None}
    running = max(promoted, key=lambda digest: promoted[digest], default=None)
    digests = sorted({*models, *groups}, key=lambda digest: (-promoted.get(digest, 0), digest))
    return tuple(
        _model(digest, models.get(digest, ModelFacts()), groups.get(digest, []), running=digest == running)
        for digest in digests
    )


def _model(digest: str, facts: ModelFacts, groups: list[BlindGroup], *, running: bool) -> ModelRow:
    answers = sum(group.answers for group in groups)
    known = answers >= ENOUGH
    interval = clopper_pearson(sum(group.agreeing for group in groups), answers) if known else None
    return ModelRow(
        digest=digest,
        running=running,
        version=facts.version,
        labels=facts.labels,
        promoted_at=facts.promoted_at,
        refused_at=facts.refused_at,
        blind_answers=answers,
        agreement=round(weighted_agreement(groups), 6) if known else None,
        agreement_low=interval.low if interval else None,
        agreement_high=interval.high if interval else None,
        figures=facts.figures,
    )


def _queue(now: Amounts) -> tuple[QueueRow, ...]:
    rows = sorted(_by_name(now, Measure.OPEN).items())
    return tuple(
        QueueRow(standing=name.partition("/")[0], priority=name.partition("/")[2], cases=cases) for name, cases in rows
    )


def _blind(amounts: Amounts) -> list[tuple[str, BlindGroup]]:
    """Model and group of every sum of blind answers, alike in every order of reading."""
    found = []
    for name, amount in sorted(amounts.items()):
        if name.startswith(Measure.BLIND) and amount.count:
            kind, model, drawn, digest = name.removeprefix(Measure.BLIND).split("/", 3)
            group = BlindGroup(SampleKind(kind), model == "model", float.fromhex(drawn), amount.count, amount.total)
            found.append((digest, group))
    return found


def _like(amounts: Amounts, name: str) -> Amount:
    """Of a stage's action with every priority."""
    return _total(amount for measure, amount in amounts.items() if measure == name or measure.startswith(f"{name}/"))


def _router(amounts: Amounts, action: str) -> Amount:
    return _like(amounts, tallied("router", action))


def _casework(amounts: Amounts, action: str) -> Amount:
    return _like(amounts, tallied("casework", action))


def _by_name(amounts: Amounts, begin: str) -> dict[str, int]:
    """Counts by what follows in their names."""
    return {
        name.removeprefix(begin): amount.count
        for name, amount in sorted(amounts.items())
        if name.startswith(begin) and amount.count
    }


def _summed(counts: Mapping[str, int]) -> dict[str, int]:
    """By the first part of the name alone."""
    found: dict[str, int] = {}
    for name, count in counts.items():
        first = name.partition("/")[0]
        found[first] = found.get(first, 0) + count
    return found


def _total(amounts: Iterable[Amount]) -> Amount:
    count = total = 0
    for amount in amounts:
        count, total = count + amount.count, total + amount.total
    return Amount(count, total)


def _mean(amount: Amount) -> float | None:
    """Seconds."""
    return round(amount.total / amount.count / 1_000, 6) if amount.count else None


def _share(some: int, of: int) -> float | None:
    return round(some / of, 6) if of else None
