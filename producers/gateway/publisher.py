"""Requests into the log: what no stage could accept is refused here, and only what the brokers have is counted."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from infra.kafka.intake import LONGEST_KEY
from infra.kafka.log import Log
from infra.kafka.publisher import Publisher
from schemas.codec import Codec
from schemas.events import DecisionRequested
from schemas.topics import REQUESTS

FLOAT_BYTES: Final = 4
SHA256_BYTES: Final = 32
FLUSH_EVERY: Final = 1_000  # requests; acknowledgements are waited for this often
PACE: Final = 0.05  # seconds between the bursts of a limited rate


class RequestRefused(ValueError):
    """A request that could never be decided; nothing of it was sent."""


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


def checked(request: DecisionRequested, codec: Codec) -> bytes:
    """The wire bytes of a request. Raises `RequestRefused` when a stage or the broker would not take them."""
    _check_names(request)
    _check_content(request)
    try:
        value = codec.encode(request)
    except ValueError as error:  # a lone surrogate, for example
        raise RequestRefused(f"cannot be written: {error}") from error
    if len(value) > REQUESTS.max_value_bytes:
        raise RequestRefused(
            f"is {len(value):,} bytes, more than the {REQUESTS.max_value_bytes:,} of a request: "
            "store the content elsewhere and send content_uri and content_sha256"
        )
    return value


def _check_names(request: DecisionRequested) -> None:
    if not request.request_id.strip():
        raise RequestRefused("the request id is empty")
    size = len(request.request_id.encode(errors="surrogatepass"))
    if size > LONGEST_KEY:
        raise RequestRefused(f"the request id has {size:,} bytes, more than {LONGEST_KEY:,}")
    if not request.workflow:
        raise RequestRefused("the workflow is empty")


def _check_content(request: DecisionRequested) -> None:
    payload = request.payload
    if payload is None and request.content_uri is None and request.features is None:
        raise RequestRefused("there is nothing to decide: no payload, no content_uri, no features")
    if request.content_uri is not None and len(request.content_sha256 or b"") != SHA256_BYTES:
        raise RequestRefused("content_uri needs content_sha256, the 32 bytes of its digest")
    if request.features is not None and (not request.features or len(request.features) % FLOAT_BYTES):
        raise RequestRefused(f"features have {len(request.features)} bytes, not float32 numbers of 4 bytes each")
    for name, value in request.attributes.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise RequestRefused(f"the attribute {name} is {value}, not a finite number")


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
