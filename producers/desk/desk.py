"""What the endpoints do, apart from how HTTP asks for it. Made and used on the event loop; others wait beside it."""

import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from infra.errors import HitlError
from infra.http.beside import Beside
from infra.http.problems import Problem
from infra.kafka.intake import LONGEST_KEY
from infra.kafka.log import Log, TopicPartition
from infra.kafka.scan import Entry, scan
from infra.redis.cached_case import CachedCase
from infra.redis.errors import RedisRefused, RedisUnavailable
from infra.redis.records import Hands, Possession
from producers.desk.admitting import Asker
from producers.desk.asking import Door
from producers.desk.commanding import Carried, carry_out
from producers.desk.deciding import Judgement, decide
from producers.desk.feed import EventStream, Feed, Positions, positions_in
from producers.desk.next import SERVED, NextCase, NothingToDo
from producers.desk.person import narrowed, person, wip_limit
from producers.desk.posted import Acted, Action, Answered, NextAsked, command_of, decision_of
from producers.desk.presenting import CaseShown, NoCase, request_asked, shown
from producers.desk.queue import Looking, QueueShown, queue_of
from producers.desk.refusing import RETRY, not_served, refused
from producers.desk.repeats import Key, Repeats
from producers.desk.watching import InHand
from schemas.codec import Codec
from schemas.events import ExpertReviewRequested, ReviewRequested
from schemas.topics import ASSIGNMENTS, POLICIES
from schemas.values import Coordinates
from streams.casework.config import Config
from streams.casework.eligibility import Reviewer
from streams.casework.identity import NotVouched
from streams.casework.refusal import Refusal
from streams.workflow.policies import WorkflowUnknown

T = TypeVar("T")
R = TypeVar("R", Carried, Judgement)
PATIENCE: Final = 15.0  # seconds that a caller waits for casework
LONGER: Final = 120.0  # seconds for which the answer is still listened for, so that a repeat finds it
AT_ONCE: Final = 64  # people who wait for casework in one moment
FREE_AGAIN: Final = frozenset({"released", "handed_over"})


class Serving(Protocol):
    """What gives the next case: `producers.desk.next.Next`, which also says what it raises."""

    def for_person(
        self, reviewer: Reviewer, *, wip_limit: int, token: str | None = None
    ) -> NextCase | NothingToDo: ...
    def gave_back(self, reviewer_id: str, request_id: str) -> None: ...


class Desk:
    """Everything behind the endpoints; each raises `Problem`."""

    def __init__(
        self, log: Log, codec: Codec, door: Door, following: Serving, model: Looking, feed: Feed,
        config: Callable[[], Config | None],
    ) -> None:  # fmt: skip
        """`log`: a connection that gives up after a few seconds. `config` gives None until it is read."""
        self._log, self._codec, self._door = log, codec, door
        self._next, self._model, self.feed, self._config = following, model, feed, config
        self._carried: Repeats[Carried] = Repeats()
        self._judged: Repeats[Judgement] = Repeats()
        self._writing = Beside("waiting for casework", threads=AT_ONCE, line=0, patience_seconds=LONGER)
        self._serving = Beside("waiting for a next case", threads=AT_ONCE, line=0, patience_seconds=PATIENCE * 3)
        self._looking = Beside("looking at the cases", threads=8, line=1_000, patience_seconds=PATIENCE)
        self._reading = Beside("reading the log", threads=4, line=100, patience_seconds=PATIENCE)

    @property
    def config(self) -> Config:
        """Policies, people and keys in force."""
        config = self._config()
        if config is None:
            detail = "The policies, people and keys are not read yet; ask again in a moment."
            raise Problem(503, detail, reason="starting", retry_seconds=RETRY)
        return config

    async def require_ready(self) -> None:
        """The brokers answer, and the configuration is read."""
        assert self.config is not None
        await self._beside(self._reading, lambda: self._log.watermark(TopicPartition(POLICIES.name, 0)))

    async def next(self, asked: NextAsked, asker: Asker) -> CaseShown | NoCase:
        """The next case, theirs from now on, or why there is none."""
        config = self.config
        reviewer = narrowed(
            person(asker.reviewer_id, asker.token, config),
            workflows=asked.workflows, skills=asked.skills, roles=asked.roles,
        )  # fmt: skip
        try:
            limit = wip_limit(config, asked.workflows)
        except WorkflowUnknown as error:
            raise not_served(error) from error
        found = await self._beside(
            self._serving, lambda: self._next.for_person(reviewer, wip_limit=limit, token=asker.token)
        )
        if isinstance(found, NothingToDo):
            return NoCase(why=found.why.value, in_hand=found.in_hand, detail=found.detail)
        case = await self._case(found.request_id, review=found.review)
        return replace(
            case, holder=asker.reviewer_id, hands=Hands.LEASED, until=found.expires_at, lease=found.lease,
            because=found.because.value, rule=SERVED[found.because],
        )  # fmt: skip

    async def case(self, request_id: str) -> CaseShown:
        """What a reviewer may see of an open case."""
        return await self._case(request_id, review=None)

    async def act(self, said: Acted, action: Action, request_id: str, asker: Asker) -> Carried:
        """Something about a case, once casework has carried it out."""
        _require_id(request_id)
        command_id = said.command_id or f"desk:{uuid.uuid4()}"
        command = command_of(said, action, request_id, asker, command_id=command_id, now=_now())
        made = await self._answered(
            self._carried, (asker.reviewer_id, request_id, command_id), (action.word, said),
            lambda: self._writing.call(lambda: carry_out(self._door, command, patience_seconds=LONGER)),
        )  # fmt: skip
        if made.became in FREE_AGAIN:
            await self._passed_over(asker.reviewer_id, request_id)
        return made

    async def decide(self, said: Answered, request_id: str, asker: Asker) -> Judgement:
        """An answer, once casework has judged it."""
        _require_id(request_id)
        decision_id = said.decision_id or f"desk:{uuid.uuid4()}"

        async def ask() -> Judgement:
            review = said.review
            if review is None:
                review = await self._looking.call(lambda: self._review(request_id))
            decision = decision_of(said, request_id, review, asker, decision_id=decision_id, now=_now())
            return await self._writing.call(lambda: decide(self._door, decision, patience_seconds=LONGER))

        return await self._answered(self._judged, (asker.reviewer_id, request_id, decision_id), said, ask)

    async def queue(self, asker: Asker, *, workflows: Sequence[str], request_id: str | None) -> QueueShown:
        """How much waits, and what they have."""

        def look() -> QueueShown:
            self._require_whole()
            return queue_of(self._model, asker.reviewer_id, workflows=workflows, request_id=request_id, now=_now())

        return await self._beside(self._looking, look)

    async def changes(self, asker: Asker, *, mine: bool, workflow: str | None, since: str | None) -> EventStream:
        """Changes of cases from now on, or since a place that they name."""
        held: Sequence[str] = ()
        if mine:
            held = await self._beside(self._looking, lambda: list(self._model.in_hand(asker.reviewer_id)))
        hand = InHand(asker.reviewer_id, held) if mine else None

        def wanted(entry: Entry) -> bool:
            assert entry.event is not None
            if workflow not in (None, getattr(entry.event, "workflow", None)):
                return False
            return hand is None or hand.concerns(entry.event)

        now = dict(self.feed.positions)
        begins = positions_in(since, now) if since else None
        reader = self.feed.subscribe(wanted, begins)
        try:
            past = await self._between(begins, now) if begins else []
        except BaseException:
            self.feed.leave(reader)
            raise
        return EventStream(reader, past, lambda: self.feed.leave(reader))

    def close(self) -> None:
        """Take no more."""
        self.feed.close()
        for beside in (self._writing, self._serving, self._looking, self._reading):
            beside.close()

    # ---- one case ----

    async def _case(self, request_id: str, *, review: Coordinates | None) -> CaseShown:
        """As the read model has it, or the log at `review`."""
        try:
            found = await self._looking.call(lambda: self._looked_up(request_id, review))
        except HitlError as error:
            if review is None:
                raise not_served(error) from error
            found = Found(review, None, None)  # it is theirs already: the log tells what it is
        announced = found.cached
        if announced is None or (request := request_asked(announced, self._codec)) is None:
            there = await self._beside(self._reading, lambda: self._announced(found.review))
            return shown(request_id, there, found.review, request_asked(there, self._codec), found.possession)
        return shown(request_id, announced, found.review, request, found.possession)

    def _looked_up(self, request_id: str, review: Coordinates | None) -> "Found":
        record = self._model.status(request_id)
        cached = self._model.case(request_id)
        if review is None:
            place = record.review if record is not None and record.queued is not None else None
            if record is None or place is None:
                self._require_whole()
                raise unknown(request_id)
            review = place.coordinates
        fits = cached is not None and cached.review.coordinates == review
        return Found(review, cached if fits else None, record.possession if record else None)

    def _review(self, request_id: str) -> Coordinates:
        record = self._model.status(request_id)
        if record is None or record.review is None:
            self._require_whole()
            raise unknown(request_id)
        return record.review.coordinates

    def _announced(self, review: Coordinates) -> ReviewRequested | ExpertReviewRequested:
        place = TopicPartition(review.topic, review.partition)
        starts, ends = {place: review.offset}, {place: review.offset + 1}
        for entry in scan(self._log, self._codec, [], starts=starts, ends=ends):
            if isinstance(entry.event, ReviewRequested | ExpertReviewRequested):
                return entry.event
        raise Problem(404, "The log no longer has the announcement of this case.", reason="not_kept")

    def _require_whole(self) -> None:
        if self._model.is_rebuilding():
            detail = "The view of the cases is being rebuilt from the log; ask again in a moment."
            raise Problem(503, detail, reason="read_model", retry_seconds=RETRY)

    # ---- beside the event loop ----

    async def _answered(self, repeats: Repeats[R], key: Key, said: object, ask: Callable[[], Awaitable[R]]) -> R:
        try:
            made = await repeats.answer(key, said, ask, patience_seconds=PATIENCE)
        except HitlError as error:
            raise not_served(error) from error
        if made.accepted:
            return made
        if made.reason in set(NotVouched):  # with a good token the same may be said under the same id
            repeats.forget(key)
        raise refused(made.reason, made.detail)

    async def _beside(self, beside: Beside, question: Callable[[], T]) -> T:
        try:
            return await beside.call(question)
        except HitlError as error:
            raise not_served(error) from error

    async def _passed_over(self, reviewer_id: str, request_id: str) -> None:
        """Whoever gives a case back is not offered it next. Without Redis nothing is lost but that."""
        with suppress(RedisUnavailable, RedisRefused, Problem):
            await self._looking.call(lambda: self._next.gave_back(reviewer_id, request_id))

    async def _between(self, starts: Positions, ends: Positions) -> list[Entry]:
        """What came since a place, up to where the feed is."""

        def read() -> list[Entry]:
            places = {TopicPartition(ASSIGNMENTS.name, number): at for number, at in starts.items()}
            first = {place: max(at, self._log.beginning(place)) for place, at in places.items()}
            last = {place: ends[place.partition] for place in places}
            return list(scan(self._log, self._codec, [], starts=first, ends=last))

        return await self._beside(self._reading, read)


class Found(NamedTuple):
    """Where a case was announced last, what is kept of that, and who has it."""

    review: Coordinates
    cached: CachedCase | None
    possession: Possession | None


def unknown(request_id: str) -> Problem:
    """A 404: nothing is open there."""
    detail = f"no case is open for the request {request_id[:100]!r}: correct the id, or ask for the next case."
    return Problem(404, detail, reason=Refusal.UNKNOWN_CASE)


def _require_id(request_id: str) -> None:
    if len(request_id.encode(errors="surrogatepass")) > LONGEST_KEY:
        raise Problem(422, f"A request id has {LONGEST_KEY:,} bytes at most; correct it.", reason="invalid")


def _now() -> int:
    return time.time_ns() // 1_000_000
