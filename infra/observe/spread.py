"""A histogram that takes many observations at once: prometheus-client's own costs a microsecond for each."""

import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from infra.observe.metrics import Metric


class Spread(Collector):
    """Counts seconds into the buckets of a metric, by label values; added by one thread, collected by any."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._bounds = [bound * 1_000 for bound in metric.buckets]  # milliseconds, each included
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def add(self, labels: tuple[str, ...], milliseconds: Sequence[int]) -> None:
        """All of these, each at least 0."""
        ordered = sorted(milliseconds)
        below = [bisect_right(ordered, bound) for bound in self._bounds]
        with self._lock:
            before = self._counts.get(labels) or [0] * (len(below) + 1)
            self._counts[labels] = [had + more for had, more in zip(before, [*below, len(ordered)], strict=True)]
            self._sums[labels] = self._sums.get(labels, 0.0) + sum(ordered) / 1_000

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._metric.name, self._metric.help, labels=self._metric.labels)
        with self._lock:
            found = [(labels, counts, self._sums[labels]) for labels, counts in self._counts.items()]
        for labels, counts, total in found:
            bounds = [*(str(float(bound)) for bound in self._metric.buckets), "+Inf"]
            family.add_metric(labels, list(zip(bounds, counts, strict=True)), total)
        yield family
