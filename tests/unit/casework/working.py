"""People at a table of casework: who is enrolled, what they ask for, and what they write, at the table's time."""

from typing import Any

from schemas.events import CaseSnapshot, Event, LeaseGranted, ReviewerAssessed, ReviewerEnrolled
from schemas.topics import EXPERT
from schemas.values import Coordinates
from streams.casework.case import Case
from streams.casework.config import Config
from streams.workflow.policies import Policies
from tests.unit.casework.driver import CLASSES, WORKFLOW, Table, action, decision, policies

MINUTE = 60_000  # milliseconds
LEASE = 10 * MINUTE


def table(more: str = "", *people: ReviewerEnrolled | ReviewerAssessed) -> Table:
    """With a policy in force, and these people enrolled or assessed."""
    made = Table(0)
    made.config = configured(policies(more), *people)
    return made


def configured(policies: Policies, *events: Event) -> Config:
    config = Config(policies=policies)
    for event in events:
        config = config.with_event(event)
    return config


def enrolled(who: str, *roles: str, skills: tuple[str, ...] = (), active: bool = True) -> ReviewerEnrolled:
    return ReviewerEnrolled(
        event_id=f"enrolled:{who}", reviewer_id=who, roles=roles, skills=skills, active=active, enrolled_by="lea",
        enrolled_at=0,
    )  # fmt: skip


def assessed(who: str, *, may_adjudicate: bool) -> ReviewerAssessed:
    return ReviewerAssessed(
        event_id=f"assessed:{who}", reviewer_id=who, workflow=WORKFLOW, may_adjudicate=may_adjudicate,
        reason="62 of 100 gold questions were answered right", assessed_at=0,
    )  # fmt: skip


def after(at: Table, milliseconds: int) -> Table:
    """So much later."""
    at.lane.now += milliseconds
    return at


def ask(at: Table, name: str, who: str = "ada", **more: Any) -> list[Event]:
    """A command, written and read now; what casework wrote, without snapshots."""
    return changes(at.command(action(name, who, **more), at=at.lane.now))


def claim(at: Table, who: str = "ada", **more: Any) -> LeaseGranted:
    """A claim that is granted."""
    (granted,) = ask(at, "claim", who, **more)
    assert isinstance(granted, LeaseGranted), granted
    return granted


def say(at: Table, place: Coordinates, who: str = "ada", label: str = "hate", **more: Any) -> list[Event]:
    """An answer with this class, written and read now; what casework wrote, without snapshots."""
    said = "approve" if label == CLASSES[0] else "reject"
    more.setdefault("decision_id", f"d:{who}:{len(at.topics['review-decisions'])}")
    return changes(at.answer(decision(place, said, label=label, reviewer_id=who, **more), at=at.lane.now))


def escalate(at: Table, place: Coordinates, who: str = "ada", **more: Any) -> Coordinates:
    """Pass the case on; where an expert is asked."""
    at.answer(decision(place, "escalate", reviewer_id=who, decision_id=f"e:{who}", **more), at=at.lane.now)
    return expert_place(at)


def expert_place(at: Table) -> Coordinates:
    """Where an expert was asked last, once casework has read it."""
    at.read_all(EXPERT.name)
    return Coordinates(topic=EXPERT.name, partition=at.partition, offset=len(at.topics[EXPERT.name]) - 1)


def changes(made: list[Event]) -> list[Event]:
    return [event for event in made if not isinstance(event, CaseSnapshot)]


def names(made: list[Event]) -> list[str]:
    return [type(event).__name__ for event in made]


def case_of(at: Table, request_id: str = "r") -> Case:
    """The case as it is known now, and as it would be restored."""
    case = at.cases()[request_id]
    assert at.lane.state.get(request_id) == case
    return case


def refused(made: list[Event]) -> str:
    """The reason of the one refusal, which says what to do."""
    (event,) = made
    reason, detail = getattr(event, "reason", ""), getattr(event, "detail", "")
    assert len(detail) > 20, event
    return str(reason)
