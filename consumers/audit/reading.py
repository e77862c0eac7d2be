"""A plain read_committed reader of the audit log, up to the watermarks of now."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.cli.cluster import opened
from infra.kafka.log import Log
from infra.kafka.scan import Entry, Progress, about, scan
from infra.settings import Settings
from schemas.codec import Codec
from schemas.topics import REQUESTS, TOPICS

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
        return about(self.log, self.codec, request_id, EVERY_TOPIC, progress=progress)


@contextmanager
def open_audit_log(settings: Settings) -> Iterator[AuditLog]:
    """The log that the settings name."""
    with opened(settings) as (log, codec):
        yield AuditLog(log, codec, settings.repeat_window_seconds * 1_000)
