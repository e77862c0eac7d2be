"""One call for a service to be seen: metrics in a registry of its own, vitals, and the address that serves both.

with observed("insights", settings) as watch:
    watch.vitals.works(True, "it reads")
    while ...:
        watch.vitals.beat()
        watch.instruments.add(SOME_METRIC)
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from infra.observe.http import MetricsServer
from infra.observe.instruments import Instruments
from infra.observe.metrics import HEALTHY, INFO, READY, SINCE_TURN
from infra.observe.targets import former_port, target_file, write_target
from infra.observe.vitals import Vitals
from infra.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What one service is seen by. `address` is empty when it is served nowhere."""

    instruments: Instruments
    vitals: Vitals
    address: str = ""


def unserved(vitals: Vitals | None = None) -> Watch:
    """A watch that nobody can ask over HTTP."""
    watch = Watch(instruments=Instruments(), vitals=vitals or Vitals())
    for flag, verdict in ((HEALTHY, watch.vitals.healthy), (READY, watch.vitals.ready)):
        watch.instruments.show(flag, lambda verdict=verdict: float(verdict().good))  # type: ignore[misc]
    watch.instruments.show(SINCE_TURN, lambda: watch.vitals.since_turn)
    return watch


@contextmanager
def observed(service: str, settings: Settings) -> Iterator[Watch]:
    """Serve at HITL_METRICS_ADDRESS until the block ends. Raises SettingsInvalid when it cannot be listened there."""
    watch = unserved()
    watch.instruments.set(INFO, service, settings.slot, version("hitl-streams"), value=1)
    if not settings.metrics_address:
        yield watch
        return
    file = target_file(settings.data_dir, service, settings.slot)
    server = MetricsServer(settings.metrics_address, watch.instruments, watch.vitals, former_port=former_port(file))
    try:
        _tell(file, server.address, service=service, slot=settings.slot)
        logger.info("Metrics at http://%s/metrics.", server.address, extra={"action": "metrics_served"})
        yield Watch(instruments=watch.instruments, vitals=watch.vitals, address=server.address)
        with suppress(OSError):
            file.unlink(missing_ok=True)  # not after an error: then it is to be missed
    finally:
        server.close()


def _tell(file: Path, address: str, *, service: str, slot: str) -> None:
    """Where it can be found, if that can be written: a container may have no folder of its own, and needs none."""
    try:
        write_target(file, address, service=service, slot=slot)
    except OSError as error:
        logger.warning(
            "%s cannot be written (%s): scrape http://%s/metrics by its address.", file, error.strerror, address,
            extra={"action": "metrics_not_told"},
        )  # fmt: skip
