"""How far each partition lags, in offsets and in seconds; looked at once a second, so it costs nothing a record."""

from collections.abc import Mapping

from infra.kafka.log import TopicPartition
from infra.kafka.observing import Reach
from infra.observe.arrears import Arrears
from infra.observe.instruments import Instruments
from infra.observe.metrics import Metric


class Lags:
    """Shows two gauges by topic and partition, behind the labels `before`."""

    def __init__(self, instruments: Instruments, offsets: Metric, seconds: Metric, *before: str) -> None:
        self._instruments, self._offsets, self._seconds, self._before = instruments, offsets, seconds, before
        self._arrears: dict[TopicPartition, Arrears] = {}

    def show(self, reaches: Mapping[TopicPartition, Reach], *, now: float) -> None:
        """As of `now` (seconds that never go back); partitions that are not among these are shown no longer."""
        shown = set()
        for place, reach in reaches.items():
            if reach.end is None:
                continue
            labels = (*self._before, place.topic, str(place.partition))
            late = self._arrears.setdefault(place, Arrears())
            self._instruments.set(self._offsets, *labels, value=max(0, reach.end - reach.processed))
            self._instruments.set(
                self._seconds, *labels, value=late.seconds(reached=reach.processed, end=reach.end, now=now)
            )
            shown.add(labels)
        for gone in self._arrears.keys() - reaches.keys():
            del self._arrears[gone]
        self._instruments.keep(self._offsets, shown)
        self._instruments.keep(self._seconds, shown)
