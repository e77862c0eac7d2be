"""A plain read_committed reader of the audit log, up to the watermarks of now."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from infra.cli.cluster import opened
from infra.kafka.log import Log
from infra.kafka.scan import Entry, Progress, about, scan
from infra.redis.errors import RecordUnreadable, RedisRefused, RedisUnavailable
from infra.redis.places import PLACED
from infra.redis.reading import ReadModel
from infra.settings import Settings
from infra.tracing import Tracing, Untraced
from schemas.codec import Codec
from schemas.topics import REQUESTS, TOPICS

WHY_NOT: Final = {
    Untraced.UNKNOWN: "The read model does not know it.",
    Untraced.REBUILDING: "The read model does not know everything yet.",
    Untraced.TOO_MANY: "It has too many events for the read model.",
    Untraced.NO_BEGINNING: "The read model knows only the end of it.",
}
EVERY_TOPIC = tuple(topic.name for topic in TOPICS)


@dataclass(frozen=True, slots=True)
class AuditLog:
    """A log as an auditor reads it: outside every group, leaving no trace."""

    log: Log
    codec: Codec
    window: int  # milliseconds for which the router remembers an id

    @property
    def partitions(self) -> int:
        """How many partitions request-keyed topics have."""
        return self.log.partitions(REQUESTS.name)

    def read(self, topics: Collection[str], *, progress: Progress | None = None) -> Iterator[Entry]:
        """Every committed record of these topics; the first topics' ends are asked first, so name causes last."""
        return scan(self.log, self.codec, topics, progress=progress)

    def about(self, request_id: str, *, progress: Progress | None = None) -> list[Entry]:
        """Every event of one request; of request-keyed topics only the request's own partition is read."""
        return about(self.log, self.codec, request_id, PLACED, progress=progress)

    def traced(self, request_id: str, model: ReadModel) -> list[Entry] | str:
        """The same by the read model, in a moment; or why it cannot tell now."""
        tracing = Tracing(self.log, self.codec, model)
        try:
            found = tracing.trace(request_id)
        except (RedisUnavailable, RedisRefused, RecordUnreadable) as error:
            return str(error)
        finally:
            tracing.close()
        return WHY_NOT[found] if isinstance(found, Untraced) else found


@contextmanager
def open_audit_log(settings: Settings) -> Iterator[AuditLog]:
    """The log that the settings name."""
    with opened(settings) as (log, codec):
        yield AuditLog(log, codec, settings.repeat_window_seconds * 1_000)
