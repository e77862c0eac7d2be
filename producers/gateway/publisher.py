"""Requests into the log: what no stage could accept is refused here, and only what the brokers have is counted."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from infra.kafka.log import Log
from infra.kafka.publisher import Publisher
from schemas.codec import Codec
from schemas.events import DecisionRequested
from schemas.topics import REQUESTS
from streams.workflow.submitted import RequestRefused, checked

FLUSH_EVERY: Final = 1_000  # requests; acknowledgements are waited for this often
PACE: Final = 0.05  # seconds between the bursts of a limited rate


class Line(NamedTuple):
    """A request and the line of the file it comes from."""

    number: int
    request: DecisionRequested


class Refusal(NamedTuple):
    """A line that was not published, and why."""

    line: int
    reason: str


class Published(NamedTuple):
    """What the brokers acknowledged, and what was refused before it was sent."""

    published: int
    refused: tuple[Refusal, ...]


class RequestPublisher:
    """Sends checked requests; `acknowledged` never counts what the brokers have not confirmed."""

    def __init__(self, log: Log, codec: Codec) -> None:
        self._publisher = Publisher(log, codec)
        self._codec = codec

    @property
    def acknowledged(self) -> int:
        return self._publisher.acknowledged

    @property
    def unconfirmed(self) -> int:
        return self._publisher.unconfirmed

    def send(self, request: DecisionRequested) -> None:
        """Hand a request over. Raises `RequestRefused`, `PublishFailed`."""
        value = checked(request, self._codec)
        self._publisher.send_bytes(REQUESTS.name, REQUESTS.key_of(request).encode(), value)

    def flush(self) -> int:
        """Wait until everything sent is acknowledged; how much is. Raises `PublishFailed`."""
        return self._publisher.flush()

    def close(self) -> None:
        self._publisher.close()


def publish_lines(
    publisher: RequestPublisher,
    lines: Iterable[Line | Refusal],
    *,
    rate: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    progress: Callable[[int], None] | None = None,
) -> Published:
    """Publish every line that is a request; `rate` in requests a second. `progress` is told the lines done so far.

    Raises `PublishFailed`; `publisher.acknowledged` then tells what is certainly in the log.
    """
    refused: list[Refusal] = []
    done, started = 0, clock()
    for burst in _bursts(lines, max(1, int(rate * PACE)) if rate else FLUSH_EVERY):
        for line in burst:
            match line:
                case Refusal():
                    refused.append(line)
                case Line(number, request):
                    try:
                        publisher.send(request)
                    except RequestRefused as error:
                        refused.append(Refusal(number, str(error)))
        publisher.flush()
        done += len(burst)
        if progress is not None:
            progress(done)
        if rate:
            sleep(max(0.0, started + done / rate - clock()))
    return Published(publisher.flush(), tuple(refused))


def _bursts(lines: Iterable[Line | Refusal], size: int) -> Iterator[list[Line | Refusal]]:
    iterator = iter(lines)
    while burst := list(islice(iterator, size)):
        yield burst
