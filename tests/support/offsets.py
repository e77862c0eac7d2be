"""Questions about offsets to a broker that may be slow: their three seconds are little on a busy machine."""

from collections.abc import Iterable, Sequence

from infra.kafka.client_errors import LogUnavailable
from infra.kafka.log import TopicPartition
from infra.kafka.offsets import OffsetQuestions, Offsets

TIMES = 20


def answered(asking: OffsetQuestions, places: Sequence[TopicPartition], groups: Iterable[str]) -> Offsets:
    """Asks until it is answered. Raises `LogUnavailable` when it is not after a minute."""
    for _ in range(TIMES - 1):
        try:
            return asking.ask(places, groups)
        except LogUnavailable:
            continue
    return asking.ask(places, groups)
