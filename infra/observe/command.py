"""`hitl metrics`: where the processes of the stack can be asked how they are, and how Prometheus is told of them."""

from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError

import click
import msgspec

from infra.cli.groups import CommandGroup
from infra.cli.output import json_option, show
from infra.cli.tables import rendered, table
from infra.direct import DIRECT
from infra.observe.scraping import prometheus_config
from infra.observe.targets import targets_of
from infra.settings import load_settings

PATIENCE: Final = 3.0  # seconds for an answer


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a process says of itself."""

    name: str
    address: str
    healthy: bool
    ready: bool
    detail: str


@click.group(cls=CommandGroup)
def metrics() -> None:
    """Show where processes serve metrics and how they are, and tell Prometheus."""


@metrics.command(name="list")
@json_option
def list_(as_json: bool) -> int:
    """Ask every process of this machine for its health and readiness; exit 1 unless all are ready."""
    found = [asked(name, address) for name, address in targets_of(load_settings().data_dir).items()]
    rows = [(e.name, e.address, _yes(e.healthy), _yes(e.ready), e.detail) for e in found]
    titles = ("process", "address", "healthy", "ready", "it says")
    none = "no process serves metrics here; `hitl up` starts them"
    show(found, as_json=as_json, text=lambda: rendered(table(titles, rows)) if rows else none)
    return 0 if found and all(each.ready for each in found) else 1


@metrics.command()
@json_option
def prometheus(as_json: bool) -> None:
    """Print a configuration for Prometheus that finds every process of this machine, and the alerts."""
    config = prometheus_config(load_settings().data_dir)
    show({"config": config}, as_json=as_json, text=config.rstrip("\n"))


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


def asked(name: str, address: str) -> Answered:
    """What the process at an address says; one that does not answer is neither healthy nor ready."""
    healthy, detail = _told(address, "health")
    if not healthy:
        return Answered(name=name, address=address, healthy=False, ready=False, detail=detail)
    ready, detail = _told(address, "ready")
    return Answered(name=name, address=address, healthy=True, ready=ready, detail=detail)


def _told(address: str, question: str) -> tuple[bool, str]:
    try:
        with DIRECT.open(f"http://{address}/{question}", timeout=PATIENCE) as answer:
            return True, _detail(answer.read())
    except HTTPError as error:
        with error:
            return False, _detail(error.read())
    except (OSError, HTTPException) as error:
        return False, f"it does not answer ({error}); see `hitl status`"


def _detail(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=dict[str, str])["detail"])
    except (msgspec.DecodeError, KeyError):
        return "somebody else answers there"
