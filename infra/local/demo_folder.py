"""The demo's own data folder: what a former demo left is ended and deleted, and two demos at once are refused."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from infra.errors import HitlError
from infra.local.demo_commands import end_remembered
from infra.local.stack import DEFAULT_SERVERS, Stack
from infra.settings import Settings

KEPT = ("HITL_JAVA", "HITL_MAVEN_URL", "HITL_PYTHON", "HITL_TORCH", "HITL_PEOPLE_")
# What `hitl policy publish` writes over a policy; named again here, since infra knows nothing of workflows.
POLICY_VARIABLES = ("AUTO_APPROVE_THRESHOLD", "EXPERT_ESCALATION_THRESHOLD", "REVIEW_TIMEOUT_HOURS")


class DemoRunning(HitlError):
    """Another demo runs in this folder; wait for it, or end it with Ctrl-C where it runs."""


def demo_settings(settings: Settings, *, headless: bool) -> Settings:
    """Settings of the demo: a folder, a Kafka and a Valkey of its own, everything else as shipped."""
    folder = "demo-headless" if headless else "demo"
    return Settings(
        data_dir=settings.data_dir / folder, cache_dir=settings.cache_dir, bootstrap_servers=DEFAULT_SERVERS
    )


def forget_settings(environ: MutableMapping[str, str]) -> None:
    """Drop the user's settings from the environment: what the demo starts must not reach the user's own cluster, and
    decides by its own policy."""
    settings = [name for name in environ if name.startswith("HITL_") and not name.startswith(KEPT)]
    for name in (*settings, *POLICY_VARIABLES):
        environ.pop(name, None)


@contextlib.contextmanager
def only_demo(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises `DemoRunning`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "demo.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoRunning(f"another demo runs in {folder}; wait for it, or end it with Ctrl-C.") from None
        os.set_inheritable(file.fileno(), False)
        yield


def clean(stack: Stack) -> None:
    """End and delete what a former demo left, also one that was killed."""
    end_remembered(stack.folders.data_dir)
    stack.stop()
    stack.folders.purge()
