"""How a service is seen over HTTP: what it answers, what becomes of its port, and what is said when none can be had."""

import http.client
import json
import socket
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from infra.errors import SettingsInvalid
from infra.observe.command import asked
from infra.observe.metrics import DEAD_LETTERS, LATENCY, REDIS_AVAILABLE
from infra.observe.serving import observed
from infra.observe.targets import read_target, target_file
from infra.observe.vitals import HUNG_AFTER, LATE_AFTER, Vitals
from infra.settings import Settings, load_settings


def settings(folder: Path, **changes: str) -> Settings:
    return Settings(data_dir=folder, **changes)  # type: ignore[arg-type]


def ask(address: str, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://{address}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_service_tells_its_metrics_and_how_it_is(tmp_path: Path) -> None:
    with observed("router", settings(tmp_path)) as watch:
        watch.instruments.add(DEAD_LETTERS, "router", "predictions", "invalid")
        status, text = ask(watch.address, "/metrics")
        assert status == 200
        assert 'hitl_stage_dead_letters_total{reason="invalid",stage="router",topic="predictions"} 1.0' in text
        assert 'hitl_service_info{service="router",slot="0"' in text
        assert "process_resident_memory_bytes" in text
        assert ask(watch.address, "/health")[0] == 200
        assert ask(watch.address, "/ready") == (503, '{"status":"unavailable","detail":"it starts"}')
        watch.vitals.works(True, "it works on 4 partitions")
        assert ask(watch.address, "/ready")[0] == 200
        assert ask(watch.address, "/")[0] == 404
        asked = http.client.HTTPConnection(watch.address, timeout=10)
        asked.request("HEAD", "/health")
        assert asked.getresponse().read() == b""
        asked.close()


def test_the_file_of_a_service_is_what_prometheus_discovers(tmp_path: Path) -> None:
    with observed("router", settings(tmp_path, slot="7")) as watch:
        file = target_file(tmp_path, "router", "7")
        assert json.loads(file.read_text()) == [
            {"targets": [watch.address], "labels": {"service": "router", "slot": "7"}}
        ]
    assert not file.exists()


def test_two_services_and_two_replicas_have_ports_of_their_own(tmp_path: Path) -> None:
    with (
        observed("router", settings(tmp_path)) as one,
        observed("router", settings(tmp_path, slot="1")) as two,
        observed("casework", settings(tmp_path)) as three,
    ):
        assert len({watch.address for watch in (one, two, three)}) == 3
        one.instruments.set(REDIS_AVAILABLE, value=1)
        assert "hitl_index_redis_available" not in ask(two.address, "/metrics")[1]


def test_a_service_that_failed_stays_among_the_targets_and_takes_its_port_again(tmp_path: Path) -> None:
    def fail() -> None:
        with observed("router", settings(tmp_path)):
            raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        fail()
    before = read_target(target_file(tmp_path, "router", "0"))
    assert before
    with observed("router", settings(tmp_path)) as watch:
        assert watch.address == before


def test_a_former_port_that_somebody_took_is_left_to_him(tmp_path: Path) -> None:
    with observed("router", settings(tmp_path)) as taken:
        file = target_file(tmp_path, "router", "1")
        file.write_bytes(target_file(tmp_path, "router", "0").read_bytes())
        with observed("router", settings(tmp_path, slot="1")) as watch:
            assert watch.address != taken.address
            assert ask(watch.address, "/health")[0] == 200


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'[{"targets":[],"labels":{}}]', b"\xff"])
def test_a_broken_file_is_written_anew(tmp_path: Path, broken: bytes) -> None:
    file = target_file(tmp_path, "router", "0")
    file.parent.mkdir(parents=True)
    file.write_bytes(broken)
    with observed("router", settings(tmp_path)) as watch:
        assert read_target(file) == watch.address


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with (
            pytest.raises(SettingsInvalid, match=f"HITL_METRICS_ADDRESS={address}: .* port 0 for any"),
            observed("router", settings(tmp_path, metrics_address=address)),
        ):
            pass


@pytest.mark.parametrize("address", ["192.0.2.1:0", "127.0.0.1:70000", "no.such.host.invalid:0"])
def test_an_address_that_is_not_ours_is_an_error(tmp_path: Path, address: str) -> None:
    with (
        pytest.raises(SettingsInvalid, match=f"HITL_METRICS_ADDRESS={address}"),
        observed("router", settings(tmp_path, metrics_address=address)),
    ):
        pass


def test_an_empty_address_serves_nothing(tmp_path: Path) -> None:
    given = load_settings({"HITL_METRICS_ADDRESS": "", "HITL_DATA_DIR": str(tmp_path)})
    assert given.metrics_address == ""
    assert load_settings(given.environment()).metrics_address == ""
    with observed("router", given) as watch:
        assert watch.address == ""
        watch.instruments.add(DEAD_LETTERS, "router", "predictions", "invalid")
    assert not target_file(tmp_path, "router", "0").exists()


@pytest.mark.parametrize("text", ["8080", "localhost", "127.0.0.1:", ":9464"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"HITL_METRICS_ADDRESS.*Correct or unset it"):
        load_settings({"HITL_METRICS_ADDRESS": text})


def test_a_caller_that_says_nothing_holds_up_nobody(tmp_path: Path) -> None:
    with observed("router", settings(tmp_path)) as watch:
        host, _, port = watch.address.rpartition(":")
        with socket.create_connection((host, int(port))):
            assert ask(watch.address, "/health")[0] == 200


def test_a_loop_that_does_not_turn_is_first_not_ready_then_not_healthy() -> None:
    now = 0.0
    vitals = Vitals(lambda: now)
    vitals.works(True, "it works")
    assert vitals.ready().good and vitals.healthy().good
    now = LATE_AFTER + 1
    assert not vitals.ready().good and vitals.healthy().good
    now = HUNG_AFTER + 1
    assert not vitals.healthy().good and "restart it" in vitals.healthy().said
    vitals.beat()
    assert vitals.ready().good and vitals.healthy().good


def test_many_observations_at_once_are_as_many_single_ones(tmp_path: Path) -> None:
    with observed("router", settings(tmp_path, metrics_address="")) as watch:
        watch.instruments.observe_all(LATENCY, "router", milliseconds=[5, 10, 11, 9_999_999])
        watch.instruments.observe_all(LATENCY, "router", milliseconds=[0])
        text = watch.instruments.text().decode()
    assert 'hitl_stage_latency_seconds_bucket{le="0.01",stage="router"} 3.0' in text
    assert 'hitl_stage_latency_seconds_bucket{le="0.025",stage="router"} 4.0' in text
    assert 'hitl_stage_latency_seconds_bucket{le="7200.0",stage="router"} 4.0' in text
    assert 'hitl_stage_latency_seconds_bucket{le="+Inf",stage="router"} 5.0' in text
    assert 'hitl_stage_latency_seconds_sum{stage="router"} 10000.025' in text


def test_a_service_without_a_folder_of_its_own_is_served_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    occupied = tmp_path / "no-folder"
    occupied.write_text("a file stands in its place")
    with observed("router", Settings(data_dir=occupied)) as watch:
        with urlopen(f"http://{watch.address}/metrics", timeout=10) as answer:
            assert b"hitl_service_info" in answer.read()
        assert f"scrape http://{watch.address}/metrics" in caplog.text


def test_processes_of_this_machine_are_asked_past_any_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with observed("router", Settings(data_dir=tmp_path)) as watch:
        assert asked("router@0", watch.address).healthy
