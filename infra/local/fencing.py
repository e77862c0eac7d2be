"""After kill -9: a controller alone declares the broker dead, before the broker starts again.

Without this, a broker that comes back takes up the transactions it finds while it still counts as the leader, and is
fenced in the middle of ending them. Kafka (4.3.1) takes a partition without a leader for a deleted one and drops the
marker (`TransactionMarkerChannelManager`, "these partitions are likely deleted already"): readers of committed records
then wait for ever, and a commit that was acknowledged may never be seen.
"""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from infra.local.errors import BrokerFailed

FENCED = b"Fencing broker"  # the controller's own words
ACTIVE = b"Performing controller activation"
TIMEOUT = 60.0  # seconds until the controller is active, on a loaded machine
LONGEST_FENCING = 5.0  # seconds after that; a broker that died while it was fenced is not fenced again
STOP_TIMEOUT = 10.0  # seconds


def was_killed(log_dir: Path) -> bool:
    """Whether a broker served this folder and did not end in order."""
    return (log_dir / "recovery-point-offset-checkpoint").exists() and not (log_dir / ".kafka_cleanshutdown").exists()


def fence(command: Sequence[str], log_file: Path) -> None:
    """Run the controller until the broker is fenced; its words go to `log_file`. Raises BrokerFailed."""
    with log_file.open("wb") as log:
        controller = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        _await_fencing(controller, log_file)
        controller.terminate()
        controller.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        pass  # what it wrote is in the log already
    finally:
        controller.kill()
        controller.wait()


def _await_fencing(controller: subprocess.Popen[bytes], log_file: Path) -> None:
    deadline, active = time.monotonic() + TIMEOUT, False
    while FENCED not in (said := log_file.read_bytes()):
        if not active and ACTIVE in said:
            deadline, active = time.monotonic() + LONGEST_FENCING, True
        if controller.poll() is not None or (not active and time.monotonic() > deadline):
            raise BrokerFailed(f"Kafka's controller did not take over after a crash; see {log_file}.")
        if time.monotonic() > deadline:
            return
        time.sleep(0.02)
