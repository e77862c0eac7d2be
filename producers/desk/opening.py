"""Everything that gives people their next case, opened on the log and the Redis that the settings name."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager

from infra.kafka.client import KafkaLog
from infra.kafka.running import wall
from infra.redis.connection import connect
from infra.redis.keys import Keys
from infra.redis.reading import ReadModel
from infra.redis.reserving import Reservations
from infra.settings import Settings
from producers.desk.asking import opened_door
from producers.desk.next import Next, NextPolicy
from producers.desk.surroundings import Surroundings
from schemas.codec import Codec


@contextmanager
def opened_next(settings: Settings, log: KafkaLog, codec: Codec, policy: NextPolicy | None = None) -> Iterator[Next]:
    """One for the whole process, however many ask. Raises `LogUnavailable`, `TopicMissing`."""
    keys, redis = Keys(settings.topic_prefix), connect(settings)
    reservations = Reservations(redis, keys)
    with closing(redis), opened_door(log, codec) as door:
        yield Next(
            reservations,
            Surroundings(ReadModel(redis, keys), reservations),
            door.rulings,
            door.writing,
            policy=policy or NextPolicy(),
            wall=wall,
            new_id=lambda: f"next:{uuid.uuid4()}",
        )
