"""What must hold of leases, answers and rights after any schedule: the part of the invariants about people's work."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

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


def check_holding(world: World) -> None:
    """Raise AssertionError with what is wrong."""
    histories = histories_of(world)
    decisions = decisions_of(world)
    for name, history in histories.items():
        one_owner_at_a_time(name, history, decisions)
        nobody_answers_twice(name, history, decisions)
    every_command_has_one_effect(world)
    gold_questions_end_in_nothing_else(world)


def histories_of(world: World) -> dict[str, list[Any]]:
    """The numbered changes of each case, in order."""
    found: dict[str, list[Any]] = defaultdict(list)
    for event in world.events("assignments"):
        if not isinstance(event, DecisionRefused | CommandRefused):
            found[event.request_id].append(event)
    return {name: sorted(events, key=lambda e: e.sequence) for name, events in found.items()}


def decisions_of(world: World) -> dict[Place, ReviewDecided]:
    """Every answer that can be read, by where it lies."""
    found: dict[Place, ReviewDecided] = {}
    for record in world.log.read_all("review-decisions"):
        try:
            event = world.decode(record.value)
        except Undecodable:
            continue
        if isinstance(event, ReviewDecided):
            found[record[:3]] = event
    return found


def one_owner_at_a_time(name: str, history: list[Any], decisions: Mapping[Place, ReviewDecided]) -> None:
    """A lease is granted when nobody has the case, tokens grow, only the owner's answer is accepted."""
    owner: LeaseGranted | None = None
    until, highest, aside = 0, 0, ""
    for event in history:
        match event:
            case LeaseGranted():
                assert owner is None or event.handed_over_by is not None, f"{name}: two owners at {event.sequence}"
                assert aside in ("", event.reviewer_id) or event.handed_over_by, f"{name}: claimed while on hold"
                assert event.lease == event.sequence > highest, f"{name}: token {event.lease} does not grow"
                owner, until, highest, aside = event, event.expires_at, event.lease, ""
            case LeaseExtended():
                assert owner is not None and event.lease == owner.lease, f"{name}: renewed what nobody has"
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
                given = decisions.get(place(event.cause))
                if given is not None and owner is not None:
                    assert given.reviewer_id == owner.reviewer_id, f"{name}: another's answer at {event.sequence}"
                    assert given.lease in (None, owner.lease), f"{name}: an old lease's answer at {event.sequence}"
                if given is not None and aside:
                    assert given.reviewer_id == aside, f"{name}: answered while on hold"
                owner, aside = None, ""


def nobody_answers_twice(name: str, history: list[Any], decisions: Mapping[Place, ReviewDecided]) -> None:
    """Each answer counts once, and each person's once a case; what was taken back counts for nothing."""
    counted: dict[Place, str] = {}
    withdrawn: set[str] = set()
    for event in history:
        if isinstance(event, AnswerWithdrawn):
            withdrawn.add(event.decision_id)
        cause = place(event.cause)
        given = decisions.get(cause)
        takes_effect = isinstance(event, AnswerCounted) or (
            isinstance(event, CaseClosed) and event.closed_by is not ClosedBy.EXPIRED
        )
        if takes_effect and given is not None:
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

