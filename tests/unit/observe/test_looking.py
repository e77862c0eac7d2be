"""How processes are asked how they are: those that work, those that wait, and those that do not answer."""

import socket
import time
from pathlib import Path

import pytest

from infra.kafka.log import TopicPartition
from infra.observe import looking
from infra.observe import metrics as m
from infra.observe.looking import AT_ONCE, PATIENCE, Lag, lags_in, look
from infra.observe.serving import observed
from infra.observe.targets import target_file, write_target
from infra.settings import Settings


def test_a_process_that_works_tells_how_far_behind_its_inputs_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "PATIENCE", 30.0)
    settings = Settings(data_dir=tmp_path, metrics_address="127.0.0.1:0")
    with observed("router", settings) as watch:
        watch.vitals.works(True, "it works on 4 partitions")
        watch.instruments.set(m.LAG, "router", "predictions", "2", value=17)
        watch.instruments.set(m.LAG_SECONDS, "router", "predictions", "2", value=1.5)
        (seen,) = look(tmp_path)
        assert (seen.name, seen.answers, seen.ready) == ("router@0", True, True)
        assert seen.says == "it works on 4 partitions"
        assert seen.lags == {TopicPartition("predictions", 2): Lag(17, 1.5)}
        watch.vitals.works(False, "it waits for a model")
        (seen,) = look(tmp_path)
        assert (seen.answers, seen.ready, seen.says) == (True, False, "it waits for a model")
    assert look(tmp_path) == [], "it ended by itself"


def test_one_that_was_killed_and_one_that_hangs_do_not_answer_and_hold_nobody_up(tmp_path: Path) -> None:
    with socket.socket() as closed, socket.create_server(("127.0.0.1", 0)) as hangs:  # takes, and never answers
        closed.bind(("127.0.0.1", 0))  # and does not listen
        places = {"casework": closed} | dict.fromkeys((f"hangs-{n:02}" for n in range(AT_ONCE - 1)), hangs)
        for service, place in places.items():
            address = f"127.0.0.1:{place.getsockname()[1]}"
            write_target(target_file(tmp_path, service, "0"), address, service=service, slot="0")
        began = time.monotonic()
        found = look(tmp_path)
        assert time.monotonic() - began < AT_ONCE / 2 * PATIENCE, "they are asked at the same time"
    assert {each.name: (each.answers, each.ready) for each in found} == {
        f"{service}@0": (False, False) for service in places
    }


def test_where_nothing_was_told_nobody_is_seen(tmp_path: Path) -> None:
    assert look(tmp_path / "nowhere") == []


def test_a_lag_without_its_other_half_is_left_out() -> None:
    text = 'hitl_stage_lag_records{stage="router",topic="predictions",partition="0"} 3'
    assert lags_in([text, "# HELP other", "other 1"]) == {}
