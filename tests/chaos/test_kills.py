"""Fifty kills on a real broker, of services and of Kafka itself; then the same laws as after one."""

import os
from collections.abc import Iterator
from functools import partial
from random import Random

import pytest

from tests.support.laws import nothing_is_lost, nothing_is_lost_or_double
from tests.support.stand import STAGES, Stand
from tests.support.traffic import requests

KILLS = int(os.environ.get("HITL_CHAOS_KILLS", "50"))
SEED = int(os.environ.get("HITL_FAULT_SEED", "0")) or Random().randrange(1, 1_000_000)
ROUND = 10  # kills between two looks at the log
PAUSE = 4.0  # seconds between two kills, on average: a killed broker needs about as long
KAFKA_SHARE = 0.2  # of the kills


@pytest.fixture
def stand(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("kills"), **getattr(request, "param", {}))
    try:
        stand.up([*STAGES, "router@1"])
        stand.publish_policy()
        stand.teach()
        yield stand
    finally:
        stand.down()


def test_fifty_kills_lose_and_double_nothing(stand: Stand) -> None:
    for number in range(-(-KILLS // ROUND)):
        hurt(stand, Random(SEED + number), min(ROUND, KILLS - number * ROUND), name=f"round{number}-")
        nothing_is_lost_or_double(stand.quiet(seconds=120), stand.settings)


@pytest.mark.parametrize("stand", [{"processing": "at_least_once"}], indirect=True)
def test_at_least_once_may_double_but_never_loses(stand: Stand) -> None:
    hurt(stand, Random(SEED), ROUND, name="atleast-")
    nothing_is_lost(stand.quiet(seconds=120))


def hurt(stand: Stand, random: Random, kills: int, *, name: str) -> None:
    """Traffic, and so many kills at random moments."""
    seconds = kills * PAUSE
    victims = ["kafka" if random.random() < KAFKA_SHARE else random.choice(STAGES) for _ in range(kills)]
    moments = sorted(zip((random.uniform(0.5, seconds) for _ in victims), victims, strict=True))
    print(f"HITL_FAULT_SEED={SEED}, {name}: " + ", ".join(f"{victim} at {at:.1f} s" for at, victim in moments))
    stand.drive(
        requests(random.randrange(1 << 30), 200 * kills, partitions=stand.partitions, name=name),
        seconds=seconds,
        acts=[(at, partial(stand.kill, victim)) for at, victim in moments],
    )
