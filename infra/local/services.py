"""The services that are installed, found by entry point, and what it takes to run one as a process."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from infra.errors import FatalConfiguration, HitlError
from infra.observe.logs import configure
from infra.settings import KAFKA_PREFIX, Settings

GROUP = "hitl.services"
SIMULATIONS = "hitl.simulations"  # run like services, but only where they are named: never beside real people
NOT_HANDED_ON = frozenset({"HITL_CONFIG"})  # a child gets the result, not the file

log = logging.getLogger(__name__)


class UnknownService(FatalConfiguration):
    """There is no such service."""


class ServiceName(NamedTuple):
    """`router`, or `router@1` for a second replica in the slot 1."""

    service: str
    slot: str | None

    @classmethod
    def parse(cls, text: str) -> "ServiceName":
        service, _, slot = text.partition("@")
        return cls(service, slot or None)


def installed() -> dict[str, EntryPoint]:
    """Entry points of the services, by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP))}


def simulations() -> dict[str, EntryPoint]:
    """Entry points of what stands in for people and systems outside, by name."""
    return {point.name: point for point in sorted(entry_points(group=SIMULATIONS))}


def entry_point(name: str) -> EntryPoint:
    """Raises UnknownService with the names that there are."""
    points = installed() | simulations()
    service = ServiceName.parse(name).service
    if service not in points:
        raise UnknownService(f"there is no service {service!r}; choose from: {', '.join(points) or 'none installed'}.")
    return points[service]


def command(name: str) -> list[str]:
    """The command line that runs a service in the foreground."""
    return [sys.executable, "-P", "-m", "infra.cli.main", "run", name]


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a service with exactly these settings."""
    inherited = {
        key: value
        for key, value in os.environ.items()
        if key not in NOT_HANDED_ON and not key.startswith(KAFKA_PREFIX)  # those that hold are among the settings
    }
    return inherited | settings.environment()


def run_service(name: str, settings: Settings) -> None:
    """Run one service here until SIGTERM or Ctrl-C; it drains before it returns.

    Raises UnknownService, and what the service raises; a HitlError carries the exit status.
    """
    slot = ServiceName.parse(name).slot
    settings = settings.with_changes(slot=slot) if slot else settings
    configure(service=name, form=settings.log_format, level=settings.log_level)
    signal.signal(signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # one way to end, not two
    run: Callable[[Settings], object] = entry_point(name).load()
    log.info("Started.", extra={"action": "service_started", "pid": os.getpid(), "slot": settings.slot})
    try:
        run(settings)
    except HitlError:
        raise
    except Exception:
        log.exception("Stopped by an error that nobody expected.", extra={"action": "service_crashed"})
        raise SystemExit(1) from None
    log.info("Ended.", extra={"action": "service_ended"})
