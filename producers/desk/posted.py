"""What reviewer apps post, and the records it becomes."""

from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from infra.http.bodies import Invalid, Unreadable, read_json
from infra.http.problems import Problem
from producers.desk.admitting import Asker
from schemas.events import CaseActionRequested, ReviewDecided
from schemas.values import Coordinates, Priority
from streams.casework.answer import LONGEST_GRACE
from streams.casework.identity import Role

B = TypeVar("B", bound=msgspec.Struct)
LARGEST: Final = 1 << 17  # bytes: a note or an answer has at most 16 KiB, escaped six times as long
OwnId = Annotated[
    str, Meta(min_length=1, max_length=200, description="of your own: sent again, it gives the same answer")
]
LeaseNumber = Annotated[int, Meta(ge=0, lt=1 << 53, description="only while this lease is in force")]
Moment = Annotated[int, Meta(ge=0, lt=1 << 53, description="milliseconds since the epoch")]
Text = Annotated[str, Meta(max_length=20_000)]


class NextAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next case, of all that the person is able to do or of these only."""

    workflows: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()


class Acted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Claimed or undone: nothing more is to be said."""

    command_id: OwnId | None = None


class ActedUnder(Acted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Renewed or released."""

    lease: LeaseNumber | None = None


class Held(ActedUnder, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Set aside until then."""

    resumes_at: Moment
    note: Text = ""


class HandedOver(ActedUnder, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Given to somebody else."""

    to_reviewer: Annotated[str, Meta(min_length=1, max_length=200)]
    note: Text = ""


class Returned(ActedUnder, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Given back to reviewers, by an expert who says why."""

    note: Annotated[str, Meta(min_length=1, max_length=20_000)]


class Noted(Acted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that whoever looks at the case should know."""

    note: Annotated[str, Meta(min_length=1, max_length=20_000)]


class Reprioritised(Acted, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another priority, by a lead."""

    priority: Priority
    note: Text = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer. `review` names what was answered, as the case was shown; without it, it is looked up."""

    action: Annotated[
        str, Meta(min_length=1, max_length=100, description="approve, reject, escalate, mark_wrong or label")
    ]
    decision_id: OwnId | None = None
    label: Annotated[str, Meta(max_length=1_000, description="the class, where the action names none")] | None = None
    confidence: Annotated[float, Meta(description="how sure the person is, 0 to 1")] = 1.0
    feedback: Text = ""
    reason_codes: Annotated[tuple[str, ...], Meta(max_length=100)] = ()
    lease: LeaseNumber | None = None
    review: Coordinates | None = None
    grace_seconds: Annotated[float, Meta(ge=0, le=LONGEST_GRACE, description="how long `:undo` can take it back")] = 0.0


class Action(NamedTuple):
    """What is done about a case: casework's word for it, and what is posted."""

    word: str
    kind: type[Acted]
    says: str


ACTIONS: Final[Mapping[str, Action]] = {  # as paths end
    "claim": Action("claim", Acted, "Take this case for yourself until its lease expires."),
    "renew": Action("renew", ActedUnder, "Keep a case that you have for another term."),
    "release": Action("release", ActedUnder, "Give a case back, or end its hold; a lead may do so for others."),
    "hold": Action("hold", Held, "Set a case aside until a time; nobody else is given it meanwhile."),
    "hand-over": Action("hand_over", HandedOver, "Give a case to somebody else; a lead may do so for others."),
    "return": Action("return", Returned, "As an expert, give a case back to reviewers."),
    "note": Action("note", Noted, "Write a note beside a case."),
    "undo": Action("undo", Acted, "Take your answer back within its grace period, and have the case again."),
    "reprioritise": Action("reprioritise", Reprioritised, "As a lead, give a case another priority."),
}


def said_in(kind: type[B], body: bytes) -> B:
    """What a body says; nothing at all says nothing. Raises `Problem` 400 or 422."""
    try:
        return read_json(msgspec.json.Decoder(kind), body or b"{}")
    except Unreadable as error:
        raise Problem(400, f"Nothing was written: {error}.", reason="unreadable") from error
    except Invalid as error:
        raise Problem(422, f"Nothing was written: {error}.", reason="invalid") from error


def command_of(
    said: Acted, action: Action, request_id: str, asker: Asker, *, command_id: str, now: int
) -> CaseActionRequested:
    """The command that goes into the log."""
    fields = {name: getattr(said, name) for name in said.__struct_fields__ if name != "command_id"}
    return CaseActionRequested(
        **fields, command_id=command_id, request_id=request_id, reviewer_id=asker.reviewer_id, action=action.word,
        requested_at=now, token=asker.token,
    )  # fmt: skip


def decision_of(
    said: Answered, request_id: str, review: Coordinates, asker: Asker, *, decision_id: str, now: int
) -> ReviewDecided:
    """The answer that goes into the log."""
    fields = {name: getattr(said, name) for name in said.__struct_fields__ if name not in ("decision_id", "review")}
    return ReviewDecided(
        **fields, decision_id=decision_id, review=review, request_id=request_id, reviewer_id=asker.reviewer_id,
        decided_at=now, token=asker.token,
    )  # fmt: skip
