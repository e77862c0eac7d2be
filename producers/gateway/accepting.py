"""Takes requests in: into the log, acknowledged by the brokers, and where somebody waits, until they are decided."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from infra.errors import HitlError
from infra.http.beside import Beside
from infra.http.problems import Problem
from infra.kafka.acknowledging import AcknowledgingPublisher, Delivery, NotAcknowledged, TooMuchUnderWay
from infra.kafka.client import KafkaLog
from infra.kafka.log import TopicPartition
from infra.kafka.scan import scan
from producers.gateway.lookup import Lookup, NotKnowing
from producers.gateway.standing import Standing, accepted, of_outcome, of_record
from producers.gateway.waiters import Waiters
from schemas.codec import Codec
from schemas.events import DecisionMade, DecisionRequested
from schemas.topics import REQUESTS

RETRY: Final = 1.0  # seconds
FIRST_LOOK: Final = 0.5  # seconds after which somebody who waits looks whether the outcome is known
KEPT: Final = 10_000  # ids lately accepted, and digests of requests that were compared
K = TypeVar("K")
V = TypeVar("V")
Ticket: TypeAlias = "asyncio.Future[Delivery[Any]]"


class Checked(NamedTuple):
    """A request and its wire bytes."""

    request: DecisionRequested
    value: bytes

    @property
    def key(self) -> bytes:
        return self.request.request_id.encode()


class Accepting:
    """Made and used on the event loop."""

    def __init__(
        self, log: KafkaLog, codec: Codec, lookup: Lookup, *, most_waiting: int, timeout_seconds: float
    ) -> None:
        self._log, self._codec, self._lookup = log, codec, lookup
        self._loop = asyncio.get_running_loop()
        self.heard: Callable[[int], None] = lambda _: None  # told how many records the brokers have acknowledged
        self.waiters: Waiters[DecisionMade | None] = Waiters()
        self.looking = Beside("looking at the read model", threads=4, line=10_000, patience_seconds=15)
        self._glancing = Beside("glancing at the read model", threads=4, line=1_000, patience_seconds=0.5)
        self._comparing = Beside("comparing with the log", threads=1, line=10_000, patience_seconds=10)
        self._digests: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._lately: OrderedDict[str, str] = OrderedDict()  # id -> workflow
        self._publisher: AcknowledgingPublisher[Ticket] = AcknowledgingPublisher(
            log.options, self._acknowledged, most_waiting=most_waiting, timeout_seconds=timeout_seconds
        )

    async def accept(self, checked: Checked, *, wait_seconds: float) -> Standing:
        """Where the request stands once it is in the log; its outcome when that is known or comes in time.

        Raises `Problem`: 409 when its id was used for other content, 503 when the log does not take it.
        """
        if (known := await self._known(checked)) is not None:
            return known
        if wait_seconds <= 0:
            await self.publish(checked)
            return self._noted(checked.request)
        return await self._accept_and_wait(checked, wait_seconds)

    @property
    def unacknowledged(self) -> int:
        """Records that wait for the brokers."""
        return self._publisher.waiting

    async def publish(self, checked: Checked) -> Delivery[Ticket]:
        """Return when the brokers have it. Raises `Problem`."""
        ticket: Ticket = self._loop.create_future()
        try:
            self._publisher.send(REQUESTS.name, checked.key, checked.value, ticket)
            delivery = await ticket
        except HitlError as error:
            raise not_taken(error) from error
        if delivery.error is not None:
            raise not_taken(delivery.error)
        return delivery

    def lately(self, request_id: str) -> Standing | None:
        """Of a request that was accepted here a moment ago, and that the read model may not know yet."""
        workflow = self._lately.get(request_id)
        return None if workflow is None else accepted(request_id, workflow)

    def decided(self, outcomes: Sequence[DecisionMade]) -> None:
        """Outcomes that somebody waits for; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._tell, outcomes)

    def let_go(self) -> None:
        """Let everybody who waits have the answer that there is by now."""
        self.waiters.tell_all(None)

    async def close(self) -> None:
        """Wait for what is under way; everybody is told what became of it."""
        await asyncio.to_thread(self._publisher.close)
        for beside in (self.looking, self._glancing, self._comparing):
            beside.close()

    async def _accept_and_wait(self, checked: Checked, wait_seconds: float) -> Standing:
        outcome: asyncio.Future[DecisionMade | None] = self._loop.create_future()

        def tell(made: DecisionMade | None) -> None:
            if not outcome.done():
                outcome.set_result(made)

        self.waiters.enter(checked.key, tell)  # before it is sent: the answer may be quicker than the acknowledgement
        try:
            delivery = await self.publish(checked)
            standing = self._noted(checked.request)
            made = await self._heard(outcome, checked, wait_seconds)
        finally:
            self.waiters.leave(checked.key, tell)
        if made is None:
            return standing
        if isinstance(made, Standing):
            return made
        if (made.request.partition, made.request.offset) != (delivery.partition, delivery.offset):
            await self._require_same(checked, made.request.partition, made.request.offset)
        return of_outcome(made)

    async def _heard(
        self, outcome: asyncio.Future[DecisionMade | None], checked: Checked, wait_seconds: float
    ) -> DecisionMade | Standing | None:
        """The outcome when it comes in time. Of a repeat it may have come before anybody listened: look, ever rarer."""
        deadline, pause = self._loop.time() + wait_seconds, FIRST_LOOK
        while (left := deadline - self._loop.time()) > 0:
            done, _ = await asyncio.wait({outcome}, timeout=min(pause, left))
            if done:
                return outcome.result()
            if (known := await self._known(checked)) is not None:
                return known
            pause *= 2
        return None

    async def _known(self, checked: Checked) -> Standing | None:
        """What became of the same request before; None when nothing is known, or Redis cannot tell."""
        request_id = checked.request.request_id
        try:
            record = await self._glancing.call(lambda: self._lookup.known(request_id))
        except (NotKnowing, Problem):  # a Redis that hangs or has too much to do holds up nobody who asks
            return None
        if record is None or record.origin is None:
            return None
        request = record.origin.request
        await self._require_same(checked, request.partition, request.offset)
        return of_record(request_id, record) if record.decided else None

    async def _require_same(self, checked: Checked, partition: int, offset: int) -> None:
        """Raises a 409 `Problem` when the request there has other content."""
        place, mine = (partition, offset), hashlib.sha256(checked.value).digest()
        if place not in self._digests:
            try:
                found = await self._comparing.call(lambda: self._digest_at(*place))
            except (Problem, HitlError):
                return  # nobody can tell now: the router will
            if found is None:
                return  # no longer kept
            _keep(self._digests, place, found)
        if self._digests[place] != mine:
            detail = (
                f"The id {checked.request.request_id!r} was used for another content; send this one under a new id."
            )
            raise Problem(409, detail, reason="id_conflict")

    def _digest_at(self, partition: int, offset: int) -> bytes | None:
        if (found := self._digests.get((partition, offset))) is not None:  # somebody before us in the line
            return found
        place = TopicPartition(REQUESTS.name, partition)
        if self._log.beginning(place) > offset:
            return None
        entry = next(scan(self._log, self._codec, [], starts={place: offset}, ends={place: offset + 1}), None)
        return None if entry is None or entry.value is None else hashlib.sha256(entry.value).digest()

    def _noted(self, request: DecisionRequested) -> Standing:
        _keep(self._lately, request.request_id, request.workflow)
        return accepted(request.request_id, request.workflow)

    def _acknowledged(self, deliveries: Sequence[Delivery[Ticket]]) -> None:
        self._loop.call_soon_threadsafe(self._settle, deliveries)

    def _settle(self, deliveries: Sequence[Delivery[Ticket]]) -> None:
        for delivery in deliveries:
            if not delivery.ticket.done():  # else its sender has hung up
                delivery.ticket.set_result(delivery)
        if taken := sum(delivery.error is None for delivery in deliveries):
            self.heard(taken)

    def _tell(self, outcomes: Sequence[DecisionMade]) -> None:
        for made in outcomes:
            self.waiters.tell(made.request_id.encode(), made)


def not_taken(error: HitlError) -> Problem:
    """A 503 that says whether the request may be in the log, and that it may be repeated."""
    match error:
        case TooMuchUnderWay():
            detail = "Nothing was sent: the brokers have not acknowledged what came before. Send it again, same id."
            return Problem(503, detail, reason="too_much_under_way", retry_seconds=RETRY)
        case NotAcknowledged():
            detail = (
                f"The brokers did not acknowledge it ({error}) It may be repeated under the same id: "
                "the same content is decided once."
            )
            return Problem(503, detail, reason="not_acknowledged", retry_seconds=RETRY)
    return Problem(503, f"The log does not take it: {error}", reason="log_unavailable", retry_seconds=10)


def _keep(memory: OrderedDict[K, V], key: K, value: V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > KEPT:
        memory.popitem(last=False)
