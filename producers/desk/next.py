"""The next case for a person, in one call: reserved in Redis, granted by the log; a refusal tries another.

Nobody lists and then claims: of ten who take the first of one list, nine lose. What is reserved may still be refused,
for Redis is behind the log; so a refusal tries the next, a few times.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from infra.errors import HitlError
from infra.kafka.scan import Entry
from infra.kafka.writing import Writing
from infra.redis.members import LaneKey
from infra.redis.reserving import Asking, Nothing, Reservations, Reserved
from producers.desk.rulings import Rulings
from producers.desk.surroundings import Surroundings
from schemas.events import CaseActionRequested, CommandRefused, LeaseExtended, LeaseGranted
from schemas.topics import REVIEW_COMMANDS
from schemas.values import Coordinates, Priority
from streams.casework.eligibility import Idle, Lane, Reviewer
from streams.casework.identity import NotVouched
from streams.casework.refusal import Refusal
from streams.casework.serving import CYCLE, Because, ServingPolicy

logger = logging.getLogger(__name__)
OF_THE_PERSON: Final[frozenset[str]] = frozenset(  # whatever the case
    {*NotVouched, Refusal.NOT_ACTIVE, Refusal.OUT_OF_SCOPE}
)
OF_BOTH: Final[frozenset[str]] = frozenset(  # of this person with this case: others may have it
    {
        Refusal.MISSING_ROLE, Refusal.MISSING_SKILL, Refusal.NOT_ENROLLED, Refusal.NOT_QUALIFIED, Refusal.SAME_PERSON,
        Refusal.SELF_APPEAL,
    }
)  # fmt: skip


class NotRuled(HitlError):
    """The claim is in the log, but casework has not ruled on it yet; see whether it runs (`hitl status`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPolicy:
    """How a next case is looked for."""

    serving: ServingPolicy = field(default_factory=ServingPolicy)
    attempts: int = 8  # reservations that the log may refuse before it is given up
    patience_seconds: float = 5.0  # for each ruling of casework
    keep_ms: int = 5_000  # of a reservation: longer than the read model is behind the log


class NextCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case that the person has now, until the lease expires (milliseconds since the epoch)."""

    request_id: str
    workflow: str
    priority: Priority
    skills: tuple[str, ...]
    review: Coordinates
    lease: int
    expires_at: int
    because: Because
    refused: tuple[CommandRefused, ...] = ()  # what was tried before


class Unavailing(StrEnum):
    """Why there is no case although some wait."""

    REFUSED = "refused"  # the log refused every one that was tried
    NOT_ADMITTED = "not_admitted"  # it would refuse this person any


class NothingToDo(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no case for this person."""

    why: Idle | Unavailing
    in_hand: int
    detail: str
    refused: tuple[CommandRefused, ...] = ()


class Next:
    """May be asked from many threads at once."""

    def __init__(
        self, reservations: Reservations, surroundings: Surroundings, rulings: Rulings, writing: Writing, *,
        policy: NextPolicy, wall: Callable[[], int], new_id: Callable[[], str],
    ) -> None:  # fmt: skip
        self._reservations, self._surroundings = reservations, surroundings
        self._rulings, self._writing = rulings, writing
        self._policy, self._wall, self._new_id = policy, wall, new_id

    def for_person(self, reviewer: Reviewer, *, wip_limit: int, token: str | None = None) -> NextCase | NothingToDo:
        """Reserve a case, claim it, and wait until the log grants it.

        `wip_limit`: of the workflow, where the person has none of their own. Raises `NotRuled`, `RulingsUnread`,
        `NotAcknowledged`, `TooMuchUnderWay`, `RedisUnavailable`.
        """
        refused: list[CommandRefused] = []
        for _ in range(self._policy.attempts):
            found = self._reserve(reviewer, wip_limit)
            if isinstance(found, Nothing):
                return _nothing(Idle(found.why), found.held, refused)
            review = found.record.review if found.record else None
            if review is None:  # the read model was lost in between
                continue
            ruling = self._claim(reviewer, found, review.coordinates, token)
            if isinstance(ruling, NextCase):
                return msgspec.structs.replace(ruling, refused=tuple(refused))
            self._let_go(ruling)
            refused.append(ruling)
            if ruling.reason in OF_THE_PERSON:
                return _nothing(Unavailing.NOT_ADMITTED, 0, refused)
        return _nothing(Unavailing.REFUSED, 0, refused)

    def gives_back(self, reviewer_id: str, request_id: str) -> None:
        """They are about to release the case or to pass it on: for a while it is not offered to them, unless by its id.

        Said before casework hears of it: once it is free, whoever asks first is given it.
        """
        self._reservations.pass_over(reviewer_id, request_id, now=self._wall())

    def kept(self, reviewer_id: str, request_id: str) -> None:
        """They did not give it back after all."""
        self._reservations.offer_again(reviewer_id, request_id)

    def left(self, reviewer_id: str, request_id: str) -> None:
        """The case is out of their hands."""
        self._reservations.give_back(reviewer_id, request_id)

    def _reserve(self, reviewer: Reviewer, wip_limit: int) -> Reserved | Nothing:
        now, serving = self._wall(), self._policy.serving
        view = self._surroundings.of(reviewer, now=now)
        asking = Asking(
            reviewer_id=reviewer.reviewer_id,
            person=msgspec.json.encode(reviewer).decode(),
            now=now,
            hopeless=now + serving.review_ms,
            soon=now + serving.last_call_ms,
            cycle=CYCLE,
            wip_limit=wip_limit if reviewer.wip_limit is None else reviewer.wip_limit,
            share=view.share,
            keep_ms=self._policy.keep_ms,
        )
        return self._reservations.reserve(asking, dict[LaneKey, int](view.lanes.items()))

    def _claim(
        self, reviewer: Reviewer, found: Reserved, review: Coordinates, token: str | None
    ) -> NextCase | CommandRefused:
        command = CaseActionRequested(
            command_id=self._new_id(),
            request_id=found.request_id,
            reviewer_id=reviewer.reviewer_id,
            action="claim",
            review=review,
            requested_at=self._wall(),
            token=token,
        )
        with self._rulings.expect(found.request_id) as awaited:
            at = self._writing.write(REVIEW_COMMANDS.message(command))
            ruling = awaited.wait(lambda entry: ruled(entry, at), seconds=self._policy.patience_seconds)
        if ruling is None:
            raise NotRuled()
        if isinstance(ruling.event, CommandRefused):
            return ruling.event
        now, keep = self._wall(), self._policy.keep_ms
        self._reservations.granted(reviewer.reviewer_id, found.request_id, ruling.at, now=now, keep_ms=keep)
        return _given(found, review, ruling.event)

    def _let_go(self, said: CommandRefused) -> None:
        """What only this person may not do is for others; what is somebody's already stays reserved meanwhile."""
        logger.info(
            "The claim of %s for %s was refused: %s", said.request_id, said.reviewer_id, said.detail,
            extra={"action": "claim_refused"},
        )  # fmt: skip
        if said.reason in OF_BOTH:
            self._reservations.pass_over(said.reviewer_id, said.request_id, now=self._wall())
        if said.reason in OF_THE_PERSON | OF_BOTH:
            self._reservations.give_back(said.reviewer_id, said.request_id)
        else:
            self._reservations.drop(said.reviewer_id, said.request_id)


class Ruling(NamedTuple):
    """What casework said to a claim, and where."""

    event: LeaseGranted | LeaseExtended | CommandRefused
    at: Coordinates


def ruled(entry: Entry, claim: Coordinates) -> Ruling | None:
    """What an entry says to the claim that lies there; None when it is about something else.

    Whoever has the case already is given it for another term.
    """
    match entry.event:
        case LeaseGranted() | LeaseExtended() | CommandRefused() as event if event.cause == claim:
            return Ruling(event, entry.coordinates)
    return None


def _given(found: Reserved, review: Coordinates, lease: LeaseGranted | LeaseExtended) -> NextCase:
    lane = Lane(*found.lane)
    return NextCase(
        request_id=found.request_id,
        workflow=lane.workflow,
        priority=found.priority,
        skills=lane.skills,
        review=review,
        lease=lease.lease,
        expires_at=lease.expires_at,
        because=Because(found.because),
    )


def _nothing(why: Idle | Unavailing, in_hand: int, refused: Sequence[CommandRefused]) -> NothingToDo:
    last = f" (the last: {refused[-1].detail})" if refused else ""
    return NothingToDo(why=why, in_hand=in_hand, detail=WHY[why] + last, refused=tuple(refused))


SERVED: Final[Mapping[Because, str]] = {
    Because.OVERDUE: f"every {CYCLE}th case is the one overdue longest",
    Because.LAST_CALL: f"one in {CYCLE} cases is the one that soon can no longer be in time",
    Because.PRIORITY: "the most urgent that can be in time, and of these the one due first",
    Because.SCARCE_SKILL: "few at work are able to do it; others can do what is due before",
    Because.NOTHING_IN_TIME: "all that wait are overdue: this one longest",
}
WHY: Final[Mapping[Idle | Unavailing, str]] = {
    Idle.NO_LANE: "nothing was ever asked for that you are able to do: see your skills and roles",
    Idle.NONE_WAITS: "no case waits that you are able to do, but for those that you answered or gave back lately",
    Idle.ENOUGH_IN_HAND: "you hold as many cases as you may: answer or release one first",
    Idle.FAIR_SHARE: "the cases that wait are left to others at work: answer one of yours first",
    Unavailing.REFUSED: "others were quicker, or none of these may be yours: ask again",
    Unavailing.NOT_ADMITTED: "you are not admitted",
}
