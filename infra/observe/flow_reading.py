"""Following the log as it grows: every record counted, only those decoded that the state folds."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from infra.cli.cluster import hinting
from infra.kafka.client import connect
from infra.kafka.id_space import bound_codec
from infra.kafka.log import Log
from infra.kafka.scan import Entry, decoded, ends_of, partitions_of
from infra.observe.flow import FOLDED, FlowState
from infra.settings import Settings
from schemas.codec import Codec
from schemas.topics import TOPICS

WATCHED: Final = tuple(topic.name for topic in TOPICS)
MAX_RECORDS: Final = 5_000


class FlowReader:
    """Feeds a `FlowState` from the log, outside every group."""

    def __init__(self, log: Log, codec: Codec, state: FlowState) -> None:
        self._log, self._codec, self.state = log, codec, state
        self._reader = log.reader({place: log.beginning(place) for place in partitions_of(log, WATCHED)})

    def step(self, timeout_seconds: float) -> int:
        """Fold what has come, waiting for the first record at most so long; how many."""
        records = self._reader.read(MAX_RECORDS, timeout_seconds)
        for record in records:
            self.state.add(decoded(record, self._codec) if record.topic in FOLDED else Entry(*record))
        return len(records)

    def catch_up(self, patience_seconds: float = 30.0) -> None:
        """Fold what was written before, so that rates are about what comes; a transaction may hold it up so long."""
        ends = ends_of(self._log, WATCHED)
        deadline = time.monotonic() + patience_seconds
        # Not until a read is empty: the first one is, where connecting takes longer than its timeout.
        while any(self._reader.position(place) < end for place, end in ends.items()) and time.monotonic() < deadline:
            self.step(0.1)

    def close(self) -> None:
        self._reader.close()


@contextmanager
def watching(settings: Settings, state: FlowState) -> Iterator[FlowReader]:
    """A reader that feeds `state` with the whole log, from its beginning."""
    log = connect(settings)  # patient: a watch outlives a broker's restart
    try:
        with hinting(settings), closing(FlowReader(log, bound_codec(log, settings), state)) as reader:
            yield reader
    finally:
        log.close()
