"""How the records flow, as operators see it: topics, stages with what waits before them, processes. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from infra.kafka.log import TopicPartition
from infra.kafka.offsets import Offsets
from infra.observe.looking import Lag, Seen
from infra.observe.pipeline import STAGES_ON_THE_WAY, StageOnTheWay
from producers.desk.pages.operate.looking import Look

FEW: Final = 10  # records behind which nobody waits for long
LONG: Final = 10.0  # seconds that the oldest one waits after which it is told as trouble


class Health(StrEnum):
    """How a process or a stage is, in one word."""

    WORKS = "works"
    NOT_READY = "not ready"
    SILENT = "does not answer"
    UNKNOWN = "not known here"  # it runs elsewhere, or not at all


class TopicRow(NamedTuple):
    """`rate` is None until two looks lie apart."""

    name: str
    records: int
    rate: float | None


class Waiting(NamedTuple):
    """What a stage has not processed of one partition; `seconds` since when, where that is known."""

    topic: str
    partition: int
    records: int
    seconds: float | None
    told_by: str  # the stage itself, or the brokers


class StageRow(NamedTuple):
    """A stage, the health of its replicas together, and what waits before it; None when nothing is known."""

    name: str
    does: str
    health: Health
    says: str
    records: int | None
    seconds: float | None
    waiting: tuple[Waiting, ...]

    @property
    def is_behind(self) -> bool:
        """Whether somebody should look."""
        return ((self.records or 0) > FEW and (self.seconds or 0) > LONG) or self.health is Health.SILENT


class ServiceRow(NamedTuple):
    """A process of this machine."""

    name: str
    health: Health
    says: str


class Flow(NamedTuple):
    """All of it, as of a moment in milliseconds; `failure` says why nothing of the brokers is known."""

    at: int
    failure: str
    topics: tuple[TopicRow, ...]
    stages: tuple[StageRow, ...]
    services: tuple[ServiceRow, ...]

    def topic(self, name: str) -> TopicRow | None:
        """The row of a topic."""
        return next((row for row in self.topics if row.name == name), None)

    def together(self, *names: str) -> TopicRow | None:
        """Several topics as one."""
        rows = [row for name in names if (row := self.topic(name)) is not None]
        if not rows:
            return None
        rates = [row.rate for row in rows if row.rate is not None]
        return TopicRow(rows[0].name, sum(row.records for row in rows), sum(rates) if rates else None)

    def stage(self, name: str) -> StageRow:
        """The row of a stage."""
        return next(row for row in self.stages if row.name == name)


def flow_of(look: Look, order: Sequence[str]) -> Flow:
    """What is shown of a look; topics in this order."""
    return Flow(
        at=look.at,
        failure=look.failure,
        topics=topic_rows(look.offsets, look.rates, order) if look.offsets else (),
        stages=tuple(stage_row(stage, look) for stage in STAGES_ON_THE_WAY),
        services=tuple(ServiceRow(each.name, health_of([each]), each.says) for each in look.seen),
    )


def topic_rows(offsets: Offsets, rates: Mapping[str, float], order: Sequence[str]) -> tuple[TopicRow, ...]:
    """Topics with how many records they keep, the marks of transactions included."""
    counts: dict[str, int] = {}
    for place, end in offsets.ends.items():
        counts[place.topic] = counts.get(place.topic, 0) + end - offsets.begins.get(place, 0)
    return tuple(TopicRow(name, counts[name], rates.get(name)) for name in order if name in counts)


def stage_row(stage: StageOnTheWay, look: Look) -> StageRow:
    """What a stage says of its own inputs counts more than what the brokers know: they count marks, too."""
    replicas = [each for each in look.seen if each.name.partition("@")[0] == stage.name]
    own = {place: lag for each in replicas for place, lag in each.lags.items()}
    waiting = tuple(
        each for topic in stage.inputs for each in _waiting(stage.name, topic, own, look) if each.records
    )
    known = bool(own) or look.offsets is not None
    return StageRow(
        name=stage.name,
        does=stage.does,
        health=health_of(replicas),
        says="; ".join(dict.fromkeys(each.says for each in replicas)) or "no process of this machine tells of it",
        records=sum(each.records for each in waiting) if known else None,
        seconds=max((each.seconds for each in waiting if each.seconds is not None), default=None),
        waiting=waiting,
    )


def health_of(replicas: Sequence[Seen]) -> Health:
    """Of all together: one that is silent is not made good by another that works."""
    if not replicas:
        return Health.UNKNOWN
    if not all(each.answers for each in replicas):
        return Health.SILENT
    return Health.WORKS if all(each.ready for each in replicas) else Health.NOT_READY


def _waiting(
    stage: str, topic: str, own: Mapping[TopicPartition, Lag], look: Look
) -> Iterable[Waiting]:
    places = {place for place in own if place.topic == topic}
    if look.offsets is not None:
        places |= {place for place in look.offsets.ends if place.topic == topic}
    for place in sorted(places):
        lag = own.get(place)
        if lag is not None:
            yield Waiting(topic, place.partition, lag.records, lag.seconds, "the stage")
        elif look.offsets is not None:
            begin, end = look.offsets.begins.get(place, 0), look.offsets.ends[place]
            reached = look.offsets.groups.get(stage, {}).get(place, begin)
            yield Waiting(topic, place.partition, max(0, end - reached), look.late.get((stage, place)), "the brokers")
