"""Everything that gives people their next case, opened on the log and the Redis that the settings name."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager

from infra.kafka.client import KafkaLog
from infra.kafka.running import wall
from infra.redis.connection import Connection, connect
from infra.redis.keys import Keys
from infra.redis.reading import ReadModel
from infra.redis.reserving import Reservations
from infra.settings import Settings
from producers.desk.asking import Door, opened_door
from producers.desk.next import Next, NextPolicy
from producers.desk.surroundings import Surroundings
from schemas.codec import Codec


def next_through(door: Door, redis: Connection, prefix: str, policy: NextPolicy | None = None) -> Next:
    """What gives people their next case, through a door that is open."""
    keys = Keys(prefix)
    reservations = Reservations(redis, keys)
    return Next(
        reservations,
        Surroundings(ReadModel(redis, keys), reservations),
        door.rulings,
        door.writing,
        policy=policy or NextPolicy(),
        wall=wall,
        new_id=lambda: f"next:{uuid.uuid4()}",
    )


@contextmanager
def opened_next(settings: Settings, log: KafkaLog, codec: Codec, policy: NextPolicy | None = None) -> Iterator[Next]:
    """One for the whole process, however many ask. Raises `LogUnavailable`, `TopicMissing`."""
    with closing(connect(settings)) as redis, opened_door(log, codec) as door:
        yield next_through(door, redis, settings.topic_prefix, policy)
