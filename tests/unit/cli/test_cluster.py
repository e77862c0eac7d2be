"""A command without a broker: soon over, and its error says what to do; nothing else is on standard error."""

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

import infra.cli.cluster
from infra.cli.cluster import NothingRuns, connected
from infra.cli.main import run
from infra.kafka.client_errors import LogUnavailable
from infra.settings import BOOTSTRAP_FILE, Settings

DEAD = "127.0.0.1:1"  # nothing listens
QUICK = "import infra.cli.cluster as c; c.PATIENCE_SECONDS = 0.3; from infra.cli.main import main; main()"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(infra.cli.cluster, "PATIENCE_SECONDS", 0.3)
    return Settings(bootstrap_servers=DEAD, data_dir=tmp_path)


def test_where_nothing_runs_the_error_says_how_to_start_it(settings: Settings) -> None:
    said = f"no Kafka answers at {DEAD}. Nothing runs here.*hitl up"
    with pytest.raises(NothingRuns, match=said), connected(settings) as log:
        log.partitions("cases")


def test_a_stack_that_is_up_and_silent_is_another_error(settings: Settings) -> None:
    (settings.data_dir / BOOTSTRAP_FILE).parent.mkdir()
    (settings.data_dir / BOOTSTRAP_FILE).write_text(DEAD)
    with pytest.raises(LogUnavailable) as raised, connected(settings) as log:
        log.partitions("cases")
    assert type(raised.value) is LogUnavailable


def test_standard_error_is_one_json_document(tmp_path: Path) -> None:
    environ = {**os.environ, "HITL_BOOTSTRAP_SERVERS": DEAD, "HITL_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", QUICK, "cases", "list", "--json"], env=environ, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert msgspec.json.decode(done.stderr)["kind"] == "NothingRuns"


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("dead-letters show foo", 1, "'foo' is not PARTITION:OFFSET"),
        ("dead-letters replay 0:1 foo", 1, "'foo' is not PARTITION:OFFSET"),
        ("publish missing.csv --workflow w", 1, "missing.csv cannot be read: No such file or directory"),
        ("publish missing.csv --workflow w --map x", 1, "--map 'x' is not field=column"),
        ("model train w missing.csv", 1, "missing.csv cannot be read: No such file or directory"),
        ("policy publish missing.toml", 1, "there is no file missing.toml"),
        ("audit export missing/x.csv --outcomes", 1, "missing/x.csv cannot be written"),
        ("audit report --output missing/x.json", 1, "missing/x.json cannot be written"),
        ("audit reconcile --wait -5", 2, "-5.0 is not in the range"),
        ("audit reconcile --wait nan", 2, "is no finite number"),
        ("cases decide a approve --confidence nan", 2, "is no finite number"),
        ("publish x.csv --workflow w --rate inf", 2, "is no finite number"),
    ],
)
def test_bad_arguments_are_refused_without_a_broker(
    line: str, status: int, said: str, settings: Settings, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(settings.data_dir)
    monkeypatch.setenv("HITL_BOOTSTRAP_SERVERS", settings.bootstrap_servers)
    monkeypatch.setattr(infra.cli.cluster, "PATIENCE_SECONDS", 30.0)
    began = time.monotonic()
    assert run(line.split()) == status
    assert said in capfd.readouterr().err
    assert time.monotonic() - began < 10  # seconds; whoever asked the broker would wait for 30
