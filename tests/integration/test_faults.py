"""The whole pipeline on a real broker, hurt under load: nothing is lost, nothing is double, and a zombie is fenced."""

import itertools
import os
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from random import Random

import pytest

from infra.kafka.scan import ends_of, scan
from infra.local.services import command, environment
from infra.local.state import Condition
from schemas.events import StageTallied
from schemas.topics import TALLIES
from tests.support.laws import nothing_is_lost_or_double
from tests.support.stand import STAGES, Stand, wait_until
from tests.support.traffic import CODEC, requests

pytestmark = pytest.mark.integration
SEED = int(os.environ.get("HITL_FAULT_SEED", "0")) or Random().randrange(1, 1_000_000)
OTHER = ("router", "1")  # stage and slot


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("faults"))
    try:
        stand.up([*STAGES, "router@1"])
        stand.publish_policy()
        stand.teach()
        yield stand
    finally:
        stand.down()


def test_kill_9_of_every_service_and_of_kafka_loses_and_doubles_nothing(stand: Stand) -> None:
    random, seconds = Random(SEED), 15.0
    victims = [*STAGES, "kafka"]
    moments = [(random.uniform(0.5, seconds), name) for name in victims]
    print(f"HITL_FAULT_SEED={SEED}: " + ", ".join(f"{name} at {at:.1f} s" for at, name in sorted(moments)))
    before = {name: stand.process(name).restarts for name in victims}
    stand.drive(
        requests(SEED, 2_000, partitions=stand.partitions, name="killed"),
        seconds=seconds,
        acts=[(at, partial(stand.kill, name)) for at, name in moments],
    )
    history = stand.quiet(seconds=300)
    for number in range(1, 6):  # what may be is contested, by chance
        more = requests(SEED + 2 + number, 100, partitions=stand.partitions, name=f"calm-{number}")
        stand.drive(more, seconds=2)
        history = stand.quiet()
        if min(history.account.workflows["posts"].amended, history.account.workflows["posts"].upheld) > 0:
            break
    assert all(stand.process(name).restarts > before[name] for name in victims)
    nothing_is_lost_or_double(history, stand.settings)
    counts = history.account.workflows["posts"]
    assert min(counts.automatic, counts.reviewed, counts.expert, counts.refused, counts.audits) > 0, counts
    assert min(counts.amended, counts.upheld) > 0, counts


def test_zombie_is_fenced_after_another_slot_took_over(stand: Stand) -> None:
    """SIGSTOP under load until its session is over and the other slot decides alone; then SIGCONT."""
    wait_until(lambda: "router" in stand.stack.pids(), what="router running")
    during, runs = stand.process("router"), itertools.count()

    def go_on() -> None:
        sends = requests(SEED + 1, 150, partitions=stand.partitions, name=f"stopped-{next(runs)}-")
        stand.drive(sends, seconds=2)

    go_on()
    before = ends_of(stand.log, [TALLIES.name])
    stand.stack.kill("router", signal.SIGSTOP)

    def is_alone() -> bool:
        go_on()
        tallies = [entry.event for entry in scan(stand.log, CODEC, [TALLIES.name], starts=before)]
        by_the_other = [each for each in tallies if isinstance(each, StageTallied) and (each.stage, each.slot) == OTHER]
        return {place.partition for each in by_the_other for place in each.ranges} == set(range(stand.partitions))

    wait_until(is_alone, what="the other slot having everything")
    stand.stack.kill("router", signal.SIGCONT)
    go_on()
    history = stand.quiet()
    assert stand.process("router").process == during.process, "it went on as the same process"
    nothing_is_lost_or_double(history, stand.settings)


def test_second_process_in_a_slot_ends_the_first_with_the_reason(stand: Stand) -> None:
    """The first stays down (exit status 78); the second goes on with its work."""
    sends = list(requests(SEED + 2, 400, partitions=stand.partitions, name="second"))
    with subprocess.Popen(
        command("casework"), env=environment(stand.settings), cwd=stand.settings.data_dir, stderr=subprocess.PIPE
    ) as second:
        try:
            stand.drive(sends, seconds=4)
            wait_until(lambda: stand.process("casework").condition is Condition.DOWN, what="the end of the first")
            assert "slot" in (stand.process("casework").last_exit or "")
            history = stand.quiet()
            assert second.poll() is None
            nothing_is_lost_or_double(history, stand.settings)
        finally:
            second.terminate()
            _, said = second.communicate(timeout=20)
    assert second.returncode == 0, said.decode()
