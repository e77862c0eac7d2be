"""What the endpoints do, apart from how HTTP asks for it. Made and used on the event loop; others wait beside it."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from msgspec.structs import replace

from infra.http.beside import Beside
from infra.http.problems import Problem
from infra.kafka.intake import LONGEST_KEY
from infra.kafka.scan import Entry
from infra.redis.records import Hands
from producers.desk.admitting import Asker
from producers.desk.asking import Door
from producers.desk.commanding import Carried, carry_out
from producers.desk.deciding import Judgement, decide
from producers.desk.feed import EventStream, Feed, positions_in
from producers.desk.lookup import Found, Lookup, now, served
from producers.desk.next import SERVED, NextCase, NothingToDo, Unavailing
from producers.desk.permitting import depends_on_the_case, may_about
from producers.desk.person import narrowed, open_workflows, person, roles_of, wip_limit, workflows_within
from producers.desk.posted import Acted, Action, Answered, NextAsked, command_of, decision_of
from producers.desk.presenting import CaseShown, NoCase
from producers.desk.queue import QueueShown
from producers.desk.refusing import RETRY, not_served, refused
from producers.desk.repeats import Key, Repeats
from producers.desk.signin.roles import at_cases
from producers.desk.watching import InHand
from schemas.topics import Outgoing
from schemas.values import Coordinates
from streams.casework.config import Config
from streams.casework.eligibility import Reviewer
from streams.casework.identity import NotVouched
from streams.workflow.policies import WorkflowUnknown

R = TypeVar("R", Carried, Judgement)
PATIENCE: Final = 15.0  # seconds that a caller waits for casework
LONGER: Final = 120.0  # seconds for which the answer is still listened for, so that a repeat finds it
AT_ONCE: Final = 64  # people who wait for casework in one moment
FREES: Final = frozenset({"release", "hand_over", "return"})


class Serving(Protocol):
    """What gives the next case: `producers.desk.next.Next`, which also says what it raises."""

    def for_person(
        self, reviewer: Reviewer, *, wip_limit: int, token: str | None = None
    ) -> NextCase | NothingToDo: ...
    def gives_back(self, reviewer_id: str, request_id: str) -> None: ...
    def kept(self, reviewer_id: str, request_id: str) -> None: ...
    def left(self, reviewer_id: str, request_id: str) -> None: ...


class Desk:
    """Everything behind the endpoints; each raises `Problem`."""

    def __init__(
        self, door: Door, following: Serving, lookup: Lookup, feed: Feed, config: Callable[[], Config | None]
    ) -> None:
        """`config` gives None until it is read."""
        self._door, self._next, self._lookup, self.feed, self._config = door, following, lookup, feed, config
        self._carried: Repeats[Carried] = Repeats()
        self._judged: Repeats[Judgement] = Repeats()
        self._writing = Beside("waiting for casework", threads=AT_ONCE, line=0, patience_seconds=LONGER)
        self._serving = Beside("waiting for a next case", threads=AT_ONCE, line=0, patience_seconds=PATIENCE * 3)

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
        await self._lookup.brokers_answer()

    async def next(self, asked: NextAsked, asker: Asker) -> CaseShown | NoCase:
        """The next case, theirs from now on, or why there is none."""
        able = person(asker.reviewer_id, asker.token, self.config)
        within = workflows_within(asker.token, asked.workflows)
        open_to = within or open_workflows(asker.reviewer_id, self.config)
        reviewer = narrowed(able, workflows=open_to, skills=asked.skills, roles=asked.roles)
        if asker.judged_here is not None:
            reviewer = replace(reviewer, roles=roles_of(reviewer.roles, at_cases(asker.judged_here)))
        try:
            limit = wip_limit(self.config, asked.workflows)
        except WorkflowUnknown as error:
            raise not_served(error) from error

        def ask() -> tuple[NextCase, Found] | NothingToDo:
            given = self._next.for_person(reviewer, wip_limit=limit, token=asker.token)
            if isinstance(given, NothingToDo):
                return given
            return given, self._lookup.granted(given.request_id, given.review)

        asked_for = await served(self._serving.call(ask))
        if isinstance(asked_for, NothingToDo):
            if asked_for.why is Unavailing.NOT_ADMITTED:
                raise refused(asked_for.refused[-1].reason, asked_for.refused[-1].detail)
            return NoCase(why=asked_for.why.value, in_hand=asked_for.in_hand, detail=asked_for.detail)
        found, kept = asked_for
        case = await self._lookup.shown(found.request_id, kept)
        return replace(
            case, holder=asker.reviewer_id, hands=Hands.LEASED, until=found.expires_at, lease=found.lease,
            because=found.because.value, rule=SERVED[found.because],
        )  # fmt: skip

    async def case(self, request_id: str) -> CaseShown:
        """What a reviewer may see of an open case."""
        return await self._lookup.case(request_id)

    async def in_hand(self, asker: Asker, *, most: int) -> list[CaseShown]:
        """The open cases that they have or have set aside, the first to end first; a moment behind the log."""
        names = (await self._lookup.in_hand(asker.reviewer_id))[:most]
        return [case for case in await self._lookup.those_open(names) if case.holder == asker.reviewer_id]

    async def act(
        self, said: Acted, action: Action, request_id: str, asker: Asker, *, for_others: bool = True
    ) -> Carried:
        """Something about a case, once casework has carried it out; what is freed `for_others` is not for them next."""
        _require_id(request_id)
        await self._require_may(action.word, request_id, asker)
        command_id = said.command_id or f"desk:{uuid.uuid4()}"
        command = command_of(said, action, request_id, asker, command_id=command_id, now=now())
        frees, about = action.word in FREES, (asker.reviewer_id, request_id)
        if frees and for_others:
            await self._lookup.beside(lambda: self._next.gives_back(*about))
        try:
            made = await self._answered(
                self._carried, (*about, command_id), (action.word, said),
                lambda: self._writing.call(lambda: carry_out(self._door, command, patience_seconds=LONGER)),
            )  # fmt: skip
        except Problem as problem:
            if frees and for_others and problem.status < 500:  # of the others nobody knows whether they take effect
                await self._lookup.beside(lambda: self._next.kept(*about))
            raise
        if frees:
            await self._lookup.beside(lambda: self._next.left(*about))
        return made

    def is_known(self, command_id: str, request_id: str, asker: Asker) -> bool:
        """Whether a command was given under this id lately, and is or was carried out."""
        return self._carried.knows((asker.reviewer_id, request_id, command_id))

    async def decide(self, said: Answered, request_id: str, asker: Asker) -> Judgement:
        """An answer, once casework has judged it."""
        _require_id(request_id)
        await self._require_may("decide", request_id, asker)
        decision_id = said.decision_id or f"desk:{uuid.uuid4()}"

        async def ask() -> Judgement:
            review = said.review or await self._lookup.review(request_id)
            decision = decision_of(said, request_id, review, asker, decision_id=decision_id, now=now())
            return await self._writing.call(lambda: decide(self._door, decision, patience_seconds=LONGER))

        return await self._answered(self._judged, (asker.reviewer_id, request_id, decision_id), said, ask)

    async def queue(self, asker: Asker, *, workflows: Sequence[str], request_id: str | None) -> QueueShown:
        """How much waits, and what they have."""
        return await self._lookup.queue(asker.reviewer_id, workflows=workflows, request_id=request_id)

    async def changes(self, asker: Asker, *, mine: bool, workflow: str | None, since: str | None) -> EventStream:
        """Changes of cases from now on, or since a place that they name."""
        hand: InHand | None = None

        def wanted(entry: Entry) -> bool:
            assert entry.event is not None
            if workflow not in (None, getattr(entry.event, "workflow", None)):
                return False
            return hand is None or hand.concerns(entry.event)

        ends = dict(self.feed.positions)
        begins = positions_in(since, ends) if since else None
        reader = self.feed.subscribe(wanted, begins)  # before the past is read, so that nothing lies between
        try:
            hand = await self._lookup.hand_of(asker.reviewer_id, ends) if mine else None
            past = await self._lookup.between(begins, ends) if begins else []
        except BaseException:
            self.feed.leave(reader)
            raise
        return EventStream(reader, past, lambda: self.feed.leave(reader))

    def close(self) -> None:
        """Take no more."""
        self.feed.close()
        self._lookup.close()
        for beside in (self._writing, self._serving):
            beside.close()

    async def announce(self, outgoing: Outgoing) -> Coordinates:
        """What concerns no case, into the log: where it lies."""
        return await served(self._writing.call(lambda: self._door.writing.write(outgoing)))

    async def _require_may(self, word: str, request_id: str, asker: Asker) -> None:
        roles = asker.judged_here
        if roles is None or not depends_on_the_case(word, roles):
            return
        denied = may_about(word, roles, asker.reviewer_id, await self._lookup.record(request_id))
        if denied is not None:
            raise Problem(403, denied.detail, reason=denied.reason)

    async def _answered(self, repeats: Repeats[R], key: Key, said: object, ask: Callable[[], Awaitable[R]]) -> R:
        made = await served(repeats.answer(key, said, ask, patience_seconds=PATIENCE))
        if made.accepted:
            return made
        if made.reason in set(NotVouched):  # with a good token the same may be said under the same id
            repeats.forget(key)
        raise refused(made.reason, made.detail)


def _require_id(request_id: str) -> None:
    if len(request_id.encode(errors="surrogatepass")) > LONGEST_KEY:
        raise Problem(422, f"A request id has {LONGEST_KEY:,} bytes at most; correct it.", reason="invalid")
