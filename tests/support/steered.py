"""Open cases of a model without a log: queues, people, disagreements, as the index would write them."""

from collections.abc import Iterable, Sequence

from consumers.index.batch import CachePolicy, activity, by_request, commands_of
from consumers.index.changes import changes
from consumers.index.gold import gold_counted
from consumers.index.standing import settled
from infra.kafka.scan import Entry
from infra.kafka.stage import Message
from infra.redis.connection import Command
from infra.redis.keys import Keys
from infra.redis.records import LAYOUT, Answerable, Opened, Origin, Place, RequestRecord
from schemas.events import CaseSnapshot
from schemas.values import CaseStage, Priority
from tests.support.recorded import PARTITIONS, START
from tests.support.redis_in_memory import RedisInMemory

KEYS = Keys("test.")
CACHE = CachePolicy(keep_ms=1 << 40, inline_bytes=1 << 20)


def written_commands(entries: Iterable[Entry], *, now: int = START) -> Sequence[Command]:
    """What the index tells Redis of a log, in one batch."""
    messages = [message_of(entry) for entry in entries if entry.event and not isinstance(entry.event, CaseSnapshot)]
    grouped = by_request(messages, PARTITIONS)
    return [
        *activity(messages, keys=KEYS, now=now),
        *gold_counted(messages, keys=KEYS, now=now),
        *commands_of(grouped, dict.fromkeys(grouped), keys=KEYS, cache=CACHE, now=now),
    ]


def message_of(entry: Entry) -> Message:
    """A record as a stage reads it."""
    assert entry.event is not None
    return Message(
        event=entry.event, topic=entry.topic, partition=entry.partition, offset=entry.offset,
        timestamp=entry.timestamp, key=entry.key or b"", value=entry.value or b"",
    )  # fmt: skip


def whole(redis: RedisInMemory) -> RedisInMemory:
    """A model that knows everything."""
    redis.hashes[KEYS.meta] = {"layout": LAYOUT.encode()}
    return redis


def waiting(
    name: str, *, due_at: int | None, workflow: str = "posts", stage: CaseStage = CaseStage.HUMAN,
    priority: Priority = Priority.NORMAL, at: int = START,
) -> Sequence[Command]:  # fmt: skip
    """A case that waits."""
    place = Place(topic="requests", partition=0, offset=0)
    opened = Opened(workflow=workflow, revision=1, stage=stage, priority=priority, due_at=due_at, at=at)
    record = settled(
        RequestRecord(
            origin=Origin(confirmed=True, workflow=workflow, request=place, requested_at=at), opened=opened,
            answerable=Answerable(sequence=1, revision=1, review=place), updated_at=at,
        )
    )  # fmt: skip
    return list(changes(KEYS, name, None, record, now=at))
