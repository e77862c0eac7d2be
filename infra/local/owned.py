"""A process that is ours to end: started with its output in a log file, asked to end, killed when it does not."""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

KILL_TIMEOUT = 20.0  # seconds
TAIL = 3_000  # bytes of a log that say why a process ended


class OwnedProcess:
    """At most one process at a time; its output is appended to `log_file`."""

    def __init__(self, log_file: Path) -> None:
        self.log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id, or None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def exit_status(self) -> int | None:
        """How it ended, as of subprocess; None while it runs, or when it was stopped from here or never started."""
        return self._process.poll() if self._process else None

    def launch(self, command: Sequence[str]) -> None:
        """Start it in a session of its own: Ctrl-C in a terminal must not reach it before its clients are done."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def stop(self, *, timeout: float) -> None:
        """Ask it to end, and kill it when it does not within so many seconds."""
        self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL, KILL_TIMEOUT)

    def log_tail(self) -> str:
        """The end of what it said."""
        return self.log_file.read_bytes()[-TAIL:].decode("utf-8", "replace") if self.log_file.exists() else ""

    def _end(self, number: signal.Signals, timeout: float) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)  # a stopped process would not see SIGTERM
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        self._process = None
