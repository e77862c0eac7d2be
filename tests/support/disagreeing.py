"""On which finished requests people disagreed, and how questions were answered, counted from all records of a log.

Nothing of `consumers.index` is used here.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any, Final

from infra.kafka.scan import Entry
from infra.redis.steering import Steering
from schemas.events import (
    AuditAnswered,
    CaseSnapshot,
    DecisionMade,
    DecisionValidated,
    Event,
    GoldAnswered,
    OutcomeAmended,
    OutcomeUpheld,
    OverlapAnswered,
    PredictionMade,
)
from schemas.values import CaseStage, DecidedBy

Told = tuple[frozenset[str], frozenset[str], frozenset[str]]  # over what, the labels, the people
HUMANS: Final = (DecidedBy.REVIEWER, DecidedBy.EXPERT)


def disagreements(entries: Iterable[Entry], finished: Collection[str]) -> dict[str, Told]:
    """By request id, of those that are `finished` and have an outcome of their own."""
    events: dict[str, list[Event]] = defaultdict(list)
    for entry in entries:
        name = getattr(entry.event, "request_id", None)
        if entry.event is not None and name is not None and name in finished:
            events[name].append(entry.event)
    found = {name: _told(each) for name, each in events.items() if any(isinstance(e, DecisionMade) for e in each)}
    return {name: told for name, told in found.items() if told[0]}


def _told(events: list[Event]) -> Told:
    said: list[tuple[str | None, str]] = []
    several: set[str] = set()
    over: set[str] = set()
    models = [(e.predicted_at, e.label) for e in events if isinstance(e, PredictionMade) and e.label is not None]
    for event in events:
        match event:
            case OverlapAnswered():
                several.add(event.label)
                said.append((event.reviewer_id, event.label))
            case AuditAnswered():
                said.append((event.reviewer_id, event.label))
            case DecisionMade() if event.decided_by in HUMANS:
                said.append((event.reviewer_id, event.label))
            case DecisionValidated(agrees=False):
                over.add("validation")
                said.append((event.expert_id, event.label))
            case OutcomeAmended():
                over.add("amended")
                said.append((event.reviewer_id, event.label))
            case OutcomeUpheld() if event.cause_of_review.value != "validation":
                over.add("upheld")
                said.append((event.reviewer_id, event.label))
    if "amended" in over:
        over.discard("upheld")
    if len(several) > 1:
        over.add("several")
    if models and any(label != min(models)[1] for who, label in said if who is not None):
        over.add("model")
    labels = {label for _, label in said} | {label for _, label in models}
    return frozenset(over), frozenset(labels), frozenset(who for who, _ in said if who is not None)


def gold(entries: Iterable[Entry]) -> dict[tuple[str, str], tuple[int, int]]:
    """How often each question was asked and answered right, by workflow and id."""
    answers: dict[tuple[str, str], dict[str, bool]] = defaultdict(dict)
    for entry in entries:
        event: Any = entry.event
        if isinstance(event, GoldAnswered):
            answers[event.workflow, event.gold_id][event.request_id] = event.agrees
    return {name: (len(each), sum(each.values())) for name, each in answers.items()}


def in_hands(cases: Iterable[CaseSnapshot]) -> Counter[tuple[str, str, str]]:
    """How many open cases somebody has, by workflow, stage and way."""
    ways = ((case, ("leased", case.lease), ("held", case.hold), ("answered", case.pending)) for case in cases)
    return Counter((case.workflow, case.stage.value, way) for case, *has in ways for way, it in has if it is not None)


def differences(
    entries: Iterable[Entry], finished: Collection[str], cases: Iterable[CaseSnapshot], steering: Steering
) -> list[str]:
    """In what the read model and the log differ."""
    entries = list(entries)
    workflows = {getattr(entry.event, "workflow", None) or "" for entry in entries} - {""}
    right, rightly = disagreements(entries, finished), gold(entries)
    told = {
        row.request_id: (frozenset(map(str, row.over)), frozenset(row.labels), frozenset(row.people))
        for workflow in workflows
        for _, row in steering.disagreements(workflow)
    }
    counted = {(workflow, name): steering.gold_answers(workflow, [name])[name] for workflow, name in rightly}
    queues = [(workflow, stage) for workflow in workflows for stage in CaseStage]
    found_in_hands = steering.in_hands(queues).items()
    held = Counter({(*queue, way.value): size for queue, ways in found_in_hands for way, size in ways.items()})
    found = [] if +held == in_hands(cases) else [f"in hands: {+held} instead of {in_hands(cases)}"]
    found += [] if told == right else [f"disagreements: {told} instead of {right}"]
    return found if counted == rightly else [*found, f"gold: {counted} instead of {rightly}"]
