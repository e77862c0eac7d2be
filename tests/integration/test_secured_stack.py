"""`hitl up --secure`: each service as itself, commands as the operator, with the same data as without security."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from infra.local.credentials import Credentials
from infra.local.stack import Stack
from infra.settings import Settings, load_settings

pytestmark = [pytest.mark.integration, pytest.mark.long]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(Settings(data_dir=tmp_path / "data"))
    yield stack
    Stack(Settings(data_dir=tmp_path / "data")).stop()


def hitl(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("HITL_")}
    return subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *words],
        env=environ | {"HITL_DATA_DIR": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def complete_at(folder: Path) -> int:
    """Until when the view of the figures has read the log, milliseconds; 0 while it does not answer."""
    asked = hitl(folder, "kpis", "--system", "--json")
    return int(msgspec.json.decode(asked.stdout)["as_of"]["complete_at"]) if asked.returncode == 0 else 0


def user_of(pid: int) -> str:
    """Who a running service is to the cluster."""
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next(each.split(b"=", 1)[1].decode() for each in variables if each.startswith(b"HITL_KAFKA_SASL_USERNAME="))


def compiles_for_the_long_run(kafka: int) -> bool:
    """Whether a running Kafka may become as fast as it can, instead of starting as quickly as it can."""
    return b"TieredStopAtLevel" not in Path(f"/proc/{kafka}/cmdline").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the environment of processes from /proc")
def test_a_folder_is_secured_used_killed_and_opened_again(stack: Stack) -> None:
    folder = stack.settings.data_dir
    folder.mkdir()
    stack.start(["router"], owner=os.getpid())  # without security: the folder is formatted and has topics
    refused = hitl(folder, "up", "--secure", "--service", "router")
    assert (refused.returncode, "hitl down" in refused.stderr) == (1, True)
    stack.stop()

    services = ("--service", "router", "--service", "feedback@1", "--service", "insights")
    begun = hitl(folder, "up", "--secure", *services, "--json")
    assert begun.returncode == 0, begun.stderr + begun.stdout
    secured = Stack(load_settings({"HITL_DATA_DIR": str(folder)}))
    pids = secured.pids()
    assert (user_of(pids["router"]), user_of(pids["feedback@1"])) == ("router", "feedback")
    assert compiles_for_the_long_run(pids["kafka"])
    listed = hitl(folder, "topics", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert {row["offsets"] for row in msgspec.json.decode(listed.stdout)} == {0}

    # Faust logs in as its service, too: what the view has read is ever newer.
    wait_until(lambda: complete_at(folder) > 0)
    first = complete_at(folder)
    wait_until(lambda: complete_at(folder) > first)

    # After kill -9 the rights are still there, and so is the service.
    secured.kill("kafka")
    wait_until(lambda: secured.pids().get("kafka", pids["kafka"]) != pids["kafka"])
    wait_until(lambda: hitl(folder, "topics", "check").returncode == 0, seconds=180)  # it may hang once, for 30
    shown = hitl(folder, "status", "--json")
    assert secured.pids()["router"] == pids["router"]

    # No password is printed, logged or an argument.
    credentials = Credentials(secured.folders.credentials)
    commands = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in secured.pids().values())
    logs = b"".join(path.read_bytes() for path in folder.glob("**/*.log"))
    for name in ("broker", "admin", "operator", "router", "feedback", "insights"):
        assert credentials.password(name) not in shown.stdout + begun.stdout + begun.stderr
        assert credentials.password(name).encode() not in commands + logs

    assert hitl(folder, "down").returncode == 0
    assert not secured.folders.client.exists()
    again = Stack(Settings(data_dir=folder))
    again.start(["router"], owner=os.getpid())  # and without security once more, over the same data
    assert hitl(folder, "topics", "check").returncode == 0
    assert not compiles_for_the_long_run(again.pids()["kafka"])  # it ends with whoever started it
    again.stop()
