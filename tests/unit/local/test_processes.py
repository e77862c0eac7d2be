"""Only the very process that was recorded is signalled, never a later one with its number."""

import os
import signal
import subprocess
import sys
import time

import msgspec

from infra.local import processes
from infra.local.processes import ProcessId, identify

IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); input()"


def test_a_reused_pid_is_another_process() -> None:
    me = identify(os.getpid())
    assert me is not None
    assert processes.is_alive(me)
    former = msgspec.structs.replace(me, began="long ago")
    assert not processes.is_alive(former)
    assert processes.send(former, signal.SIGKILL) is False


def test_a_dead_child_that_nobody_reaped_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        deadline = time.monotonic() + 10
        while identify(child.pid) is not None:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_what_ignores_sigterm_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", IGNORES_SIGTERM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        process = identify(child.pid)
        assert process is not None
        processes.end([process, ProcessId(pid=child.pid, began="long ago")], timeout=0.2)
        assert child.wait(5) == -signal.SIGKILL
