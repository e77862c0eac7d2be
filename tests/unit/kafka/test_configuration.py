"""Configuration that a service follows: the fold of its topics from the first, what comes beside it from now on."""

import time
from collections.abc import Callable, Sequence

from infra.kafka.configuration import Configuration
from infra.kafka.log import Record, TopicPartition
from schemas.events import CaseNoted, Event, ReviewerEnrolled
from schemas.topics import ASSIGNMENTS, POLICIES, REVIEWERS
from schemas.values import Coordinates
from tests.support.recorded import CODEC, START
from tests.support.simlog import SimulatedLog

AT = Coordinates(topic="review-commands", partition=0, offset=0)


def enrolled(who: str) -> bytes:
    return CODEC.encode(
        ReviewerEnrolled(
            event_id="e", reviewer_id=who, roles=(), skills=(), active=True, enrolled_by="lea", enrolled_at=START
        )
    )


def noted(log: SimulatedLog, partition: int) -> None:
    event = CaseNoted(
        event_id="e", request_id="a", workflow="w", sequence=2, revision=1, cause=AT, occurred_at=0, reviewer_id="ann",
        note="n",
    )  # fmt: skip
    log.append(TopicPartition(ASSIGNMENTS.name, partition), b"a", CODEC.encode(event), None)


def soon(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def names(known: tuple[str, ...], event: Event) -> tuple[str, ...]:
    return (*known, event.reviewer_id) if isinstance(event, ReviewerEnrolled) else known


def test_configuration_is_read_from_the_first_and_the_rest_from_now_on() -> None:
    log, heard = SimulatedLog(partitions=2, wall=lambda: START), list[Record]()
    place = TopicPartition(REVIEWERS.name, 0)
    noted(log, 1)
    for value in (enrolled("ann"), b"unreadable", enrolled("bea")):
        log.append(place, b"k", value, None)

    def take(records: Sequence[Record]) -> None:
        heard.extend(records)

    made = Configuration[tuple[str, ...]](
        log, CODEC, [POLICIES.name, REVIEWERS.name], (), names, beside=ASSIGNMENTS.name, take=take, failed=lambda: None
    )
    assert not made.caught_up
    assert made.start() == {TopicPartition(ASSIGNMENTS.name, 0): 0, TopicPartition(ASSIGNMENTS.name, 1): 1}
    try:
        soon(lambda: made.caught_up)
        assert made.in_force == ("ann", "bea"), "what cannot be read changes nothing"
        log.append(place, b"k", enrolled("cid"), None)
        noted(log, 0)
        soon(lambda: made.in_force == ("ann", "bea", "cid") and len(heard) == 1)
        assert (heard[0].topic, heard[0].partition) == (ASSIGNMENTS.name, 0), "what came before is not told"
    finally:
        made.close()


def test_a_reader_that_fails_says_so() -> None:
    log = SimulatedLog(partitions=1, wall=lambda: START)
    told: list[str] = []

    def fold(known: int, event: Event) -> int:
        raise OSError("planted")

    made = Configuration[int](
        log, CODEC, [REVIEWERS.name], 0, fold, beside=ASSIGNMENTS.name, take=lambda _: None,
        failed=lambda: told.append("failed"),
    )  # fmt: skip
    log.append(TopicPartition(REVIEWERS.name, 0), b"k", enrolled("ann"), None)
    made.start()
    soon(lambda: told == ["failed"])
    assert isinstance(made.failure, OSError) and made.in_force == 0
    made.close()
