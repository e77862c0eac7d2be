"""Reading the configuration: progress is a sign of life, waiting is none."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from infra.kafka.following import ConfigFollower
from infra.kafka.intake import Intake
from infra.kafka.log import Log, Record, TopicPartition
from infra.kafka.observing import Unobserved
from schemas import events as e
from tests.support.traffic import CODEC
from tests.unit.kafka.test_loop import Echo

EMPTY_READS = 5


class Waiting:
    """A log whose one configuration record becomes readable late, as behind a transaction that is open."""

    def __init__(self) -> None:
        promoted = e.ModelPromoted(
            event_id="m", workflow="w", model_digest="d", uri="u", version=1, reason="r", feedback_end_offset=0,
            promoted_at=1,
        )  # fmt: skip
        self._left = EMPTY_READS
        self._record = Record("models", 0, 0, 0, b"w", CODEC.encode(promoted))

    def watermark(self, place: TopicPartition) -> int:
        return 1

    def reader(self, start: Mapping[TopicPartition, int]) -> "Waiting":
        return self

    def position(self, place: TopicPartition) -> int:
        return 0 if self._left >= 0 else 1

    def read(self, most: int, seconds: float) -> Sequence[Record]:
        self._left -= 1
        return [] if self._left >= 0 else [self._record]


def test_only_what_is_read_tells_that_the_stage_lives() -> None:
    signs: list[str] = []

    class Counting(Unobserved):
        def alive(self) -> None:
            signs.append("alive")

    follower: ConfigFollower[Any] = ConfigFollower(Echo(), cast(Log, Waiting()), Intake(CODEC, 2), Counting())
    assert follower.catch_up()
    assert (follower.config, signs) == (1, ["alive"])
