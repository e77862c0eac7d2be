"""The metrics of one process, made as they are used, in a registry of its own; safe from any thread."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase

from infra.observe.metrics import Metric
from infra.observe.spread import Spread

NONE: Final = "none"  # where a label has no value
M = TypeVar("M", bound=MetricWrapperBase)
Labels = tuple[str, ...]


class Instruments:
    """Takes declared metrics only; label values stand in the declared order."""

    def __init__(self) -> None:
        # Of the whole process: when each counter began is a series of its own that nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._wholes: dict[str, MetricWrapperBase] = {}
        self._spreads: dict[str, Spread] = {}
        self._counters: dict[tuple[str, Labels], Counter] = {}
        self._gauges: dict[tuple[str, Labels], Gauge] = {}
        self._histograms: dict[tuple[str, Labels], Histogram] = {}
        ProcessCollector(registry=self.registry)

    def add(self, metric: Metric, *labels: str, count: float = 1) -> None:
        """Raise a counter."""
        found = self._counters.get((metric.name, labels))
        if found is None:
            found = self._counters[metric.name, labels] = self._made(Counter, metric, labels)
        found.inc(count)

    def set(self, metric: Metric, *labels: str, value: float) -> None:
        """What a gauge or a flag shows from now on."""
        found = self._gauges.get((metric.name, labels))
        if found is None:
            found = self._gauges[metric.name, labels] = self._made(Gauge, metric, labels)
        found.set(value)

    def show(self, metric: Metric, value: Callable[[], float]) -> None:
        """Have a gauge or a flag without labels asked when it is scraped, in the thread that scrapes."""
        self._made(Gauge, metric, ()).set_function(value)

    def observe(self, metric: Metric, *labels: str, value: float) -> None:
        """One more observation of a histogram."""
        found = self._histograms.get((metric.name, labels))
        if found is None:
            found = self._histograms[metric.name, labels] = self._made(Histogram, metric, labels)
        found.observe(value)

    def observe_all(self, metric: Metric, *labels: str, milliseconds: Sequence[int]) -> None:
        """Many observations of a histogram of seconds, at some hundredths of a microsecond each."""
        found = self._spreads.get(metric.name)
        if found is None:
            found = self._spreads[metric.name] = Spread(metric)
            self.registry.register(found)
        found.add(labels, milliseconds)

    def keep(self, metric: Metric, labels: Collection[Labels]) -> None:
        """Show a gauge with these label values only: what is no longer ours would stand still for ever."""
        for gone in [key for key in self._gauges if key[0] == metric.name and key[1] not in labels]:
            del self._gauges[gone]
            self._wholes[metric.name].remove(*gone[1])

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)

    def _made(self, kind: type[M], metric: Metric, labels: Labels) -> M:
        whole = self._wholes.get(metric.name)
        if whole is None:
            options: dict[str, Any] = {"buckets": metric.buckets} if metric.buckets else {}
            whole = kind(metric.name, metric.help, metric.labels, registry=self.registry, **options)
            self._wholes[metric.name] = whole
        assert isinstance(whole, kind), f"{metric.name} is a {metric.kind}"
        return whole.labels(*labels) if labels else whole
