"""What must hold of leases, answers and rights after any schedule: the part of the invariants about people's work."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.codec import Undecodable
from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AnswerWithdrawn,
    CaseActionRequested,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseReopened,
    CaseReturned,
    CommandRefused,
    DecisionRefused,
    GoldAnswered,
    HoldEnded,
    LeaseEnded,
    LeaseExtended,
    LeaseGranted,
    ReviewDecided,
)
from schemas.values import ClosedBy, EndedBy
from tests.simulation.invariants import Place, World, dead, place


class Written(NamedTuple):
    """What a person wrote, and when it was appended (milliseconds)."""

    event: ReviewDecided | CaseActionRequested
    at: int


def check_holding(world: World) -> None:
    """Raise AssertionError with what is wrong."""
    histories = histories_of(world)
    written = written_in(world)
    for name, history in histories.items():
        one_owner_at_a_time(name, history, written)
        nobody_answers_twice(name, history, written)
    every_command_has_one_effect(world)
    gold_questions_end_in_nothing_else(world)


def histories_of(world: World) -> dict[str, list[Any]]:
    """The numbered changes of each case, in order."""
    found: dict[str, list[Any]] = defaultdict(list)
    for event in world.events("assignments"):
        if not isinstance(event, DecisionRefused | CommandRefused):
            found[event.request_id].append(event)
    return {name: sorted(events, key=lambda e: e.sequence) for name, events in found.items()}


def written_in(world: World) -> dict[Place, Written]:
    """Every answer and command that can be read, by where it lies."""
    found: dict[Place, Written] = {}
    for record in (*world.log.read_all("review-decisions"), *world.log.read_all("review-commands")):
        try:
            event = world.decode(record.value)
        except Undecodable:
            continue
        if isinstance(event, ReviewDecided | CaseActionRequested):
            found[record[:3]] = Written(event, record.timestamp)
    return found


def one_owner_at_a_time(name: str, history: list[Any], written: Mapping[Place, Written]) -> None:
    """A lease is granted when nobody has the case, tokens grow, only the owner's word counts, and only in its term."""
    owner: LeaseGranted | None = None
    until, highest, aside = 0, 0, ""
    judged: set[Place] = set()  # an answer may lead to several changes, now and after its grace
    for event in history:
        match event:
            case LeaseGranted():
                assert owner is None or event.handed_over_by is not None, f"{name}: two owners at {event.sequence}"
                assert aside in ("", event.reviewer_id) or event.handed_over_by, f"{name}: claimed while on hold"
                assert event.lease == event.sequence > highest, f"{name}: token {event.lease} does not grow"
                owner, until, highest, aside = event, event.expires_at, event.lease, ""
            case LeaseExtended():
                assert owner is not None and event.lease == owner.lease, f"{name}: renewed what nobody has"
                assert written[place(event.cause)].at < until, f"{name}: renewed after its term at {event.sequence}"
                until = event.expires_at
            case LeaseEnded(ended_by=by):
                assert owner is not None and event.lease == owner.lease, f"{name}: ended what nobody has"
                assert by is EndedBy.RELEASED or event.occurred_at >= until, f"{name}: ended before its time"
                owner = None
            case CaseHeld(reviewer_id=who):
                assert owner is None or owner.reviewer_id == who, f"{name}: held by another"
                owner, aside = None, who
            case HoldEnded():
                assert aside, f"{name}: a hold ended that never was"
                aside = ""
            case AnswerReceived() | AnswerCounted() | CaseEscalated() | CaseClosed() | CaseReturned():
                said = written.get(place(event.cause))
                if said is not None and owner is not None:
                    assert said.event.reviewer_id == owner.reviewer_id, f"{name}: another's word at {event.sequence}"
                    assert said.at < until, f"{name}: the owner's word after their term at {event.sequence}"
                if said is not None and place(event.cause) not in judged:
                    token = owner.lease if owner is not None else None
                    assert said.event.lease in (None, token), f"{name}: an old lease's word at {event.sequence}"
                if said is not None and aside:
                    assert said.event.reviewer_id == aside, f"{name}: answered while on hold"
                owner, aside = None, ""
                judged.add(place(event.cause))


def nobody_answers_twice(name: str, history: list[Any], written: Mapping[Place, Written]) -> None:
    """Each answer counts once, and each person's once a case; what was taken back counts for nothing."""
    counted: dict[Place, str] = {}
    withdrawn: set[str] = set()
    for event in history:
        if isinstance(event, AnswerWithdrawn):
            withdrawn.add(event.decision_id)
        cause = place(event.cause)
        said = written.get(cause)
        takes_effect = isinstance(event, AnswerCounted) or (
            isinstance(event, CaseClosed) and event.closed_by is not ClosedBy.EXPIRED
        )
        if takes_effect and said is not None:
            given = said.event
            assert isinstance(given, ReviewDecided), f"{name}: a command counts as an answer"
            assert cause not in counted, f"{name}: the answer at {cause} counts twice"
            assert given.decision_id not in withdrawn, f"{name}: {given.decision_id} counts though taken back"
            assert given.reviewer_id not in counted.values(), f"{name}: {given.reviewer_id} answered twice"
            counted[cause] = given.reviewer_id


def every_command_has_one_effect(world: World) -> None:
    """Carried out, refused with a reason, or a dead letter."""
    letters, effects, refused = dead(world), Counter[Place](), Counter[Place]()
    for event in world.events("assignments"):
        if isinstance(event, CommandRefused):
            assert event.reason and event.detail
            refused[place(event.cause)] += 1
        elif not isinstance(event, DecisionRefused):
            effects[place(event.cause)] += 1
    for record in world.log.read_all("review-commands"):
        here = record[:3]
        found = min(effects[here], 1) + refused[here] + letters[here]
        assert found == 1, f"command at {here}: {effects[here]} effects, {refused[here]} refusals"
        if not letters[here]:
            command = world.decode(record.value)
            assert isinstance(command, CaseActionRequested)
            most = 2 if command.action == "undo" else 1  # the answer is taken back, and the case is theirs again
            assert effects[here] <= most, f"command at {here}: {effects[here]} effects"


def gold_questions_end_in_nothing_else(world: World) -> None:
    """No request, no outcome, no training: a question tells of people only."""
    asked = {event.request_id for event in world.events("audits") if isinstance(event, GoldAnswered)}
    for topic in ("requests", "predictions", "outcomes", "feedback", "auto-approve"):
        assert not asked & _request_ids(world, topic), f"a gold question is on {topic}"
    reopened = {event.request_id for event in world.events("assignments") if isinstance(event, CaseReopened)}
    assert not asked & reopened, "a gold question was judged anew"


def _request_ids(world: World, topic: str) -> set[str]:
    found = set()
    for record in world.log.read_all(topic):
        try:
            found.add(getattr(world.decode(record.value), "request_id", ""))
        except Undecodable:
            continue
    return found

