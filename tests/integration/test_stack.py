"""The stack on one machine: up, watched, hurt, down; with services that exist for this test alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from infra.local import processes
from infra.local.errors import AlreadyRunning, NotRunning
from infra.local.services import UnknownService
from infra.local.stack import Stack
from infra.local.state import Condition, ProcessState
from infra.settings import Settings, load_settings

pytestmark = pytest.mark.integration

SERVICES = '''
import pathlib, signal, threading
from infra.errors import FatalConfiguration

def steady(settings):
    end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    (settings.data_dir / f"steady-{settings.slot}").write_text(settings.bootstrap_servers)
    end.wait()
    (settings.data_dir / f"drained-{settings.slot}").touch()

def crashing(settings):
    raise RuntimeError("planted")

def misconfigured(settings):
    raise FatalConfiguration("the planted setting is wrong; correct it.")
'''


@pytest.fixture
def _test_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install three services for this process and those it starts, as an installed package would."""
    folder = tmp_path / "site"
    metadata = folder / "stack_test_services-1.dist-info"
    metadata.mkdir(parents=True)
    (folder / "stack_test_services.py").write_text(SERVICES)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stack-test-services\nVersion: 1\n")
    names = ("steady", "crashing", "misconfigured")
    points = "".join(f"{name} = stack_test_services:{name}\n" for name in names)
    (metadata / "entry_points.txt").write_text(f"[hitl.services]\n{points}")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.fixture
def stack(tmp_path: Path, _test_services: None) -> Iterator[Stack]:
    stack = Stack(Settings(data_dir=tmp_path / "data"))
    yield stack
    stack.stop()


def wait_until(condition: Callable[[], bool], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def process(stack: Stack, name: str) -> ProcessState:
    state = stack.state()
    assert state is not None
    return next(each for each in state.processes if each.name == name)


def hitl(*arguments: str, settings: Settings) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *arguments],
        env=os.environ | settings.environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_stack_lives_through_kills_and_tells_what_is_wrong(stack: Stack) -> None:
    steps: list[str] = []
    settings = stack.start(
        ["steady", "steady@1", "crashing", "misconfigured"], owner=os.getpid(), tell=steps.append
    )
    assert "starting Kafka" in steps
    pids = stack.pids()
    assert {"kafka", "valkey", "steady", "steady@1"} <= set(pids)
    data = settings.data_dir

    # Each replica has its slot, and the address of the broker; so has whoever loads settings now.
    for file in (data / "steady-0", data / "steady-1"):
        wait_until(lambda file=file: file.exists() and file.read_text() == settings.bootstrap_servers)  # type: ignore[misc]
    loaded = load_settings({"HITL_DATA_DIR": str(data)})
    assert (loaded.bootstrap_servers, loaded.redis_url) == (settings.bootstrap_servers, settings.redis_url)

    # A second one is refused over the same data.
    with pytest.raises(AlreadyRunning):
        Stack(stack.settings).start([])

    # What cannot work stays down and says why; what crashes is tried again, ever later.
    wait_until(lambda: process(stack, "misconfigured").condition is Condition.DOWN)
    assert process(stack, "misconfigured").last_exit == "the planted setting is wrong; correct it."
    wait_until(lambda: process(stack, "crashing").restarts >= 2)
    assert "failed with exit status 1" in (process(stack, "crashing").last_exit or "")

    # Killed processes come back, Kafka at the same address.
    (data / "steady-0").unlink()
    assert stack.kill("steady") == pids["steady"]
    assert stack.kill("kafka") == pids["kafka"]
    assert stack.kill("valkey") == pids["valkey"]
    for name in ("kafka", "valkey", "steady"):
        wait_until(lambda name=name: stack.pids().get(name, pids[name]) != pids[name])  # type: ignore[misc]
    wait_until((data / "steady-0").exists)
    assert process(stack, "kafka").last_exit == process(stack, "valkey").last_exit == "killed by SIGKILL"

    shown = hitl("status", "--json", settings=stack.settings)
    assert shown.returncode == 3, shown.stderr
    listed = {each["name"]: each for each in msgspec.json.decode(shown.stdout)["processes"]}
    assert listed["misconfigured"]["condition"] == "down"
    assert listed["steady"]["restarts"] == 1

    # A stopped process drains, too.
    stack.kill("steady@1", signal.SIGSTOP)
    assert stack.stop() is True
    assert (data / "drained-0").exists()
    assert (data / "drained-1").exists()
    assert stack.pids() == {}
    with pytest.raises(NotRunning):
        stack.kill("steady")
    assert not stack.folders.bootstrap.exists() and not stack.folders.redis.exists()


def test_what_a_killed_supervisor_left_is_ended(stack: Stack) -> None:
    stack.start(["steady"], owner=os.getpid())
    state = stack.state()
    assert state is not None
    left = list(state.living())
    assert len(left) == 3
    processes.send(state.supervisor, signal.SIGKILL)
    wait_until(lambda: not stack.is_running())
    assert hitl("status", settings=stack.settings).returncode == 3
    second = Stack(Settings(data_dir=stack.settings.data_dir))
    second.start(["steady"], owner=os.getpid())
    assert not any(processes.is_alive(process) for process in left)
    done = hitl("down", "--purge", "--yes", "--json", settings=second.settings)
    assert msgspec.json.decode(done.stdout)["stopped"] is True
    assert not any((second.settings.data_dir / name).exists() for name in ("kafka", "valkey", "run", "logs"))
    second.stop()


def test_a_stack_ends_with_its_owner(stack: Stack) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        stack.start(["steady"], owner=owner.pid)
    wait_until(lambda: not stack.is_running())
    assert stack.pids() == {}


def test_unknown_service_is_refused_before_anything_starts(stack: Stack) -> None:
    with pytest.raises(UnknownService, match="choose from: .*steady"):
        stack.start(["steddy"])
    assert stack.state() is None
