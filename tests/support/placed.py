"""The read model as far as timelines need it, folded from a simulated log in memory."""

from collections.abc import Iterable
from contextlib import suppress
from random import Random

from consumers.index.batch import by_request, folded
from infra.kafka.errors import InvalidMessage
from infra.kafka.intake import Intake
from infra.kafka.log import TopicPartition
from infra.kafka.scan import name_of, partitions_of, scan
from infra.kafka.stage import Message
from infra.redis.places import PLACED
from infra.redis.reading import Kept
from infra.redis.records import RequestRecord
from tests.simulation.world import CODEC, PARTITIONS, World
from tests.support.disorder import committed

INTAKE = Intake(CODEC, PARTITIONS)


class Model:
    """After the first events of each partition; how many, chance says, or all of them."""

    def __init__(self, made: World, random: Random | None = None) -> None:
        ends = {place: made.log.watermark(place) for place in partitions_of(made.log, PLACED)}
        self.offsets = {place: random.randint(0, end) if random else end for place, end in ends.items()}
        messages = list[Message]()
        for record in committed(made.log, dict.fromkeys(ends, 0)):
            if record.offset < self.offsets[TopicPartition(record.topic, record.partition)]:
                with suppress(InvalidMessage):
                    messages.append(INTAKE.message(record))
        grouped = by_request(messages, PARTITIONS)
        self.records: dict[str, RequestRecord | None] = {name: folded(None, found) for name, found in grouped.items()}

    def kept(self, request_id: str) -> Kept:
        offsets = {name_of(place): offset for place, offset in self.offsets.items()}
        return Kept(True, self.records.get(request_id), offsets)


def ids(made: World, topics: Iterable[str] = PLACED) -> list[str]:
    """Everything that events call a request."""
    events = (entry.event for entry in scan(made.log, CODEC, list(topics)))
    return sorted({name for event in events if isinstance(name := getattr(event, "request_id", None), str)})
