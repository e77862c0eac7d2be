"""What people do at the desk, into the log. At most once: what the brokers do not take is counted, and work goes on.

An event waits in memory for ten minutes while the brokers are away. Lost is what they have not taken by then, what lies
beyond the first 5,000, and what a desk that is killed had not handed over. Of each loss the metric, and of each event
the process's own log, tells too: signing in never depends on Kafka.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Final

from infra.errors import HitlError
from infra.kafka.acknowledging import AcknowledgingPublisher, Delivery, TooMuchUnderWay
from infra.kafka.client_config import ClientOptions
from infra.observe import metrics as m
from infra.observe.instruments import Instruments
from producers.desk.access.recording import AccessEvent, EventRecorder, Recorder
from schemas.codec import Codec
from schemas.topics import ACCESS

PATIENCE: Final = 600.0  # seconds that an event waits for the brokers
AT_THE_END: Final = 5.0  # seconds for what is under way when the desk ends
MOST_WAITING: Final = 5_000  # events of some hundred bytes
FULL, NOT_TAKEN, FLOOD = "full", "not_taken", "flood"
logger = logging.getLogger(__name__)


@contextmanager
def opened_recorder(
    options: ClientOptions, codec: Codec, show: Instruments, *, wall: Callable[[], int], with_addresses: bool
) -> Iterator[Recorder]:
    """One for the whole process."""
    with closing(AccessLog(options, codec, show)) as log:
        yield EventRecorder(
            log.keep, wall=wall, new_id=new_access_id, with_addresses=with_addresses, spared=log.flooded
        )  # fmt: skip


def new_access_id() -> str:
    """The id of an event about access; nothing makes the same one again."""
    return f"access:{uuid.uuid4()}"


class AccessLog:
    """Used on the event loop; hears of acknowledgements in a thread of its own."""

    def __init__(
        self, options: ClientOptions, codec: Codec, show: Instruments, *, patience_seconds: float = PATIENCE,
        most_waiting: int = MOST_WAITING,
    ) -> None:  # fmt: skip
        self._codec, self._show = codec, show
        for reason in (FULL, NOT_TAKEN, FLOOD):
            show.add(m.ACCESS_LOST, reason, count=0)
        self._publisher: AcknowledgingPublisher[str] = AcknowledgingPublisher(
            options, self._heard, most_waiting=most_waiting, timeout_seconds=patience_seconds
        )

    def keep(self, event: AccessEvent) -> None:
        """Hand it over, and go on."""
        record = ACCESS.message(event)
        try:
            self._publisher.send(record.topic, record.key, self._codec.encode(event), type(event).__name__)
        except TooMuchUnderWay as error:
            self._lost(FULL, error)
        except HitlError as error:
            self._lost(NOT_TAKEN, error)

    def flooded(self) -> None:
        """A refusal was not kept, since too many came at once."""
        self._show.add(m.ACCESS_LOST, FLOOD)

    def close(self) -> None:
        """Wait a little for what is under way."""
        self._publisher.close(within_seconds=AT_THE_END)

    def _heard(self, deliveries: Sequence[Delivery[str]]) -> None:
        failures = [each.error for each in deliveries if each.error is not None]
        for why, count in Counter(map(str, failures)).items():
            self._lost(NOT_TAKEN, why, count)

    def _lost(self, reason: str, why: object, count: int = 1) -> None:
        self._show.add(m.ACCESS_LOST, reason, count=count)
        logger.error(
            "%d records of who did what are not in the log: %s", count, why,
            extra={"action": "access_record_lost", "reason": reason},
        )  # fmt: skip
