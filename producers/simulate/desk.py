"""Simulated people at work: announcements wait until somebody has thought, and are committed once answered."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from infra.kafka.errors import TransactionError
from infra.kafka.log import GroupConsumer, Log, Position, Record, TopicPartition
from infra.kafka.publisher import Publisher
from producers.simulate.people import Announcement, Crowd, Votes, answer, thinking_time
from schemas.codec import Codec, Undecodable
from schemas.events import AnswerCounted, ExpertReviewRequested, ReviewDecided, ReviewRequested
from schemas.topics import ASSIGNMENTS, EXPERT, REVIEW, REVIEW_DECISIONS
from schemas.values import Coordinates

GROUP: Final = "simulated-people"
TOPICS: Final = (*(topic.name for topic in REVIEW.values()), EXPERT.name, ASSIGNMENTS.name)
MAX_REMEMBERED: Final = 50_000  # announcements, should a further person be asked
MAX_WAITING: Final = 20_000  # announcements being thought about, beyond which no more are read
MAX_RECORDS: Final = 1_000
POLL_TIMEOUT: Final = 0.1  # seconds

logger = logging.getLogger(__name__)


@dataclass(order=True, slots=True)
class _Thought:
    """An answer and when it is given."""

    due: float
    place: TopicPartition
    offset: int
    decision: ReviewDecided | None = field(compare=False)


class SimulatedDesk:
    """Reads announcements as a consumer group, at least once: a repeated answer is refused by casework as finished."""

    def __init__(self, log: Log, codec: Codec, votes: Votes, crowd: Crowd, *, instance: str) -> None:
        self._log, self._codec, self._votes, self._crowd = log, codec, votes, crowd
        self._thoughts: list[_Thought] = []  # a heap by due time
        self._asked: dict[str, tuple[Announcement, Coordinates]] = {}  # the newest announcement of each request
        self._pending: dict[TopicPartition, set[int]] = {}
        self._next: dict[TopicPartition, int] = {}  # the offset after the last one read
        self._publisher = Publisher(log, codec)
        self._consumer: GroupConsumer = log.consumer(group=GROUP, instance=instance, topics=TOPICS, listener=self)
        self.answered = 0

    def step(self, now: float) -> int:
        """Read what is new and answer what is due at `now` (seconds of any clock); how many were answered."""
        (self._consumer.resume if len(self._thoughts) < MAX_WAITING else self._consumer.pause)(list(self._next))
        for record in self._consumer.poll(MAX_RECORDS, self._patience(now)):
            self._think(record, now)
        return self._answer(now)

    def close(self) -> None:
        """Leave; what was thought about but not answered is read again by the next."""
        self._publisher.close()
        self._consumer.close()

    # ---- the group's listener ----

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Begin after the last announcement that was answered."""
        committed = self._consumer.committed(partitions)
        starts = {tp: committed[tp].offset if tp in committed else self._log.beginning(tp) for tp in partitions}
        self._forget()
        self._next = dict(starts)
        self._consumer.start(starts)

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Whoever takes over reads them again."""
        self._forget()

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Whoever has them already reads them again."""
        self._forget()

    # ---- inside ----

    def _forget(self) -> None:
        self._thoughts.clear()
        self._pending.clear()
        self._next.clear()

    def _patience(self, now: float) -> float:
        if not self._thoughts:
            return POLL_TIMEOUT
        return min(POLL_TIMEOUT, max(0.0, self._thoughts[0].due - now))

    def _think(self, record: Record, now: float) -> None:
        place = TopicPartition(record.topic, record.partition)
        decision, due = None, now
        if (asked := self._asked_in(record)) is not None:
            announcement, review, turn = asked
            decision = answer(announcement, review, self._votes, self._crowd, turn=turn)
            due = now + thinking_time(announcement, self._crowd)
        self._pending.setdefault(place, set()).add(record.offset)
        self._next[place] = record.offset + 1
        heappush(self._thoughts, _Thought(due, place, record.offset, decision))

    def _asked_in(self, record: Record) -> tuple[Announcement, Coordinates, int] | None:
        """Whom a record asks what: the first person by an announcement, a further one by an answer that only counts."""
        try:
            event = self._codec.decode(record.value)
        except Undecodable:
            return None  # casework dead-letters it; nobody can answer it
        match event:
            case ReviewRequested() | ExpertReviewRequested():
                review = Coordinates(topic=record.topic, partition=record.partition, offset=record.offset)
                self._remember(event, review)
                return event, review, 0
            case AnswerCounted(request_id=name, answers=turn) if name in self._asked:
                return *self._asked[name], turn
        return None

    def _remember(self, announcement: Announcement, review: Coordinates) -> None:
        self._asked.pop(announcement.request_id, None)
        self._asked[announcement.request_id] = announcement, review
        if len(self._asked) > MAX_REMEMBERED:
            self._asked.pop(next(iter(self._asked)))

    def _answer(self, now: float) -> int:
        due: list[_Thought] = []
        while self._thoughts and self._thoughts[0].due <= now:
            due.append(heappop(self._thoughts))
        if not due:
            return 0
        answers = [thought.decision for thought in due if thought.decision is not None]
        for decision in answers:
            self._publisher.send(REVIEW_DECISIONS.message(decision))
        self._publisher.flush()
        for thought in due:
            self._pending[thought.place].discard(thought.offset)
        self._commit(self._positions({thought.place for thought in due}))
        self.answered += len(answers)
        return len(answers)

    def _commit(self, positions: dict[TopicPartition, Position]) -> None:
        try:
            self._consumer.commit(positions)
        except TransactionError:  # no longer ours, or nobody knows: answering again is refused and changes nothing
            logger.info("Positions were not committed.", extra={"action": "positions_not_committed"})

    def _positions(self, places: set[TopicPartition]) -> dict[TopicPartition, Position]:
        """Up to the first announcement that is still thought about."""
        return {place: Position(min(self._pending[place], default=self._next[place])) for place in places}
