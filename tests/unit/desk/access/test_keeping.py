"""While the brokers are away nothing waits; what they never take is counted and logged, and memory stays bounded."""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from infra.kafka.client import connect
from infra.local.ports import free_ports
from infra.observe.serving import Watch, unserved
from infra.settings import Settings
from producers.desk.access.keeping import AccessLog
from schemas.events import PersonSignedOut
from tests.support.recorded import CODEC

WAITING = 10


def out(number: int) -> PersonSignedOut:
    return PersonSignedOut(event_id=f"access:{number}", reviewer_id="ann", happened_at=number)


@pytest.fixture
def watch() -> Watch:
    return unserved()


@pytest.fixture
def away(watch: Watch) -> Iterator[AccessLog]:
    """Where no broker answers."""
    log = connect(Settings(bootstrap_servers=f"127.0.0.1:{free_ports(1)[0]}"))
    with closing(log):
        access = AccessLog(log.options, CODEC, watch.instruments, patience_seconds=3, most_waiting=WAITING)
        yield access
        access.close()


def lost(watch: Watch) -> dict[str, float]:
    text = watch.instruments.text().decode()
    found = re.findall(r'hitl_desk_lost_access_records_total\{reason="(\w+)"\} (\S+)', text)
    return {reason: float(count) for reason, count in found}


def test_nobody_waits_and_every_loss_is_counted_and_logged(
    away: AccessLog, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    assert lost(watch) == {"full": 0, "not_taken": 0, "flood": 0}
    began = time.monotonic()
    for number in range(WAITING + 5):
        away.keep(out(number))
    assert time.monotonic() - began < 1.5
    assert lost(watch)["full"] == 5
    deadline = time.monotonic() + 30
    while lost(watch)["not_taken"] < WAITING:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    away.flooded()
    assert lost(watch) == {"full": 5, "not_taken": WAITING, "flood": 1}
    told = [record for record in caplog.records if getattr(record, "action", "") == "access_record_lost"]
    assert told and all(record.levelno == logging.ERROR for record in told)


def test_a_desk_that_ends_does_not_wait_for_brokers_that_are_away(watch: Watch) -> None:
    log = connect(Settings(bootstrap_servers=f"127.0.0.1:{free_ports(1)[0]}"))
    with closing(log):
        access = AccessLog(log.options, CODEC, watch.instruments)
        access.keep(out(1))
        began = time.monotonic()
        access.close()
    assert time.monotonic() - began < 15
    assert lost(watch)["not_taken"] == 1
