"""`hitl up`, `down`, `status` and `run`: the stack on this machine."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from infra.cli.moments import span
from infra.cli.output import json_option, note, show
from infra.errors import HitlError
from infra.local import processes
from infra.local.errors import NotRunning, NotSecured
from infra.local.services import ServiceName, run_service
from infra.local.stack import Stack
from infra.local.state import Condition, Phase, StackState
from infra.observe.targets import read_target, target_file
from infra.settings import DESK_FILE, GATEWAY_FILE, INSIGHTS_FILE, load_settings

SETTLE = 1.0  # seconds in which a service that cannot work says so
DOORS: Final = {  # each tells in a file where it listens
    "gateway": GATEWAY_FILE, "desk": DESK_FILE, "insights": INSIGHTS_FILE,
}  # fmt: skip
NOT_ALL_RUNNING = 3  # as of `systemctl status`


@click.command()
@click.option("--service", "services", multiple=True, help="Only this service; may be repeated. Default: all.")
@click.option("--external", is_flag=True, help="Start no Kafka: use the brokers of HITL_BOOTSTRAP_SERVERS.")
@click.option("--secure", is_flag=True, help="Kafka with TLS, passwords and access rights (as HITL_SECURITY=on does).")
@json_option
def up(services: tuple[str, ...], external: bool, secure: bool, as_json: bool) -> int:
    """Start Kafka, Valkey and every service on this machine; they stay up until `hitl down`. Exit 3 unless all run."""
    given: dict[str, Any] = {"security": "on"} if secure else {}
    stack = Stack(load_settings(**given))
    if secure and (external or (stack.is_running() and not stack.folders.client.exists())):
        raise NotSecured
    if stack.is_running():
        note("already running", as_json=as_json)
    else:
        began = time.monotonic()
        stack.start(services or None, external=external or None, tell=lambda step: note(f"{step} …", as_json=as_json))
        time.sleep(SETTLE)
        note(f"up after {time.monotonic() - began:.1f} s; `hitl down` ends it", as_json=as_json)
    if (way_in := to_the_desk(stack)) is not None:
        note(way_in, as_json=as_json)
    return report(stack, as_json=as_json)


@click.command()
@click.option("--purge", is_flag=True, help="Also delete all its data: the log, the view of it, models, secrets.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@json_option
def down(purge: bool, yes: bool, as_json: bool) -> None:
    """End the stack; its data stays unless --purge is given."""
    stack = Stack(load_settings())
    if purge and not yes:
        if as_json:
            raise HitlError("--purge deletes every event, model and secret for good; add --yes to do it.")
        click.confirm(f"Delete every event, model and secret under {stack.folders.data_dir}?", abort=True, err=True)
    stopped = stack.stop()
    if purge:
        stack.folders.purge()
    said = "stopped" if stopped else "nothing was running"
    said += f"; deleted the data under {stack.folders.data_dir}" if purge else ""
    show({"stopped": stopped, "purged": purge, "data_dir": str(stack.folders.data_dir)}, as_json=as_json, text=said)


@click.command()
@json_option
def status(as_json: bool) -> int:
    """Show each process: pid, uptime, restarts and why it last ended; exit 3 unless all run."""
    return report(Stack(load_settings()), as_json=as_json)


@click.command()
@click.argument("service")
@click.option("--slot", help="Stable name of this replica (default: HITL_SLOT or 0).")
@click.option(
    "--accept-dead-letters", type=click.IntRange(min=0), metavar="N",
    help="Let so many more dead letters pass before a flood of them stops the service again.",
)
@json_option
def run(service: str, slot: str | None, accept_dead_letters: int | None, as_json: bool) -> None:
    """Run one service in the foreground until SIGTERM or Ctrl-C, as a container does; --json logs JSON lines."""
    given: dict[str, Any] = {
        "slot": slot,
        "accept_dead_letters": accept_dead_letters,
        "log_format": "json" if as_json else None,
    }
    run_service(service, load_settings(**{name: value for name, value in given.items() if value is not None}))


def report(stack: Stack, *, as_json: bool) -> int:
    """Print the state of the stack; 0 when everything runs, else 3."""
    state = stack.state()
    running = stack.is_running()
    if state is None or (not running and state.phase is not Phase.FAILED):
        left = [process.pid for process in state.living() if processes.is_alive(process)] if state else []
        text = f"not running ({NotRunning.__doc__})" if not left else f"the supervisor is gone; pids {left} are left"
        show({"running": False, "left": left}, as_json=as_json, text=text)
        return NOT_ALL_RUNNING
    metrics = metrics_addresses(stack, state)
    doors = {name: door_address(stack, name, file) for name, file in DOORS.items()}
    values = as_values(state, running=running, metrics=metrics)
    values |= {f"{name}_address": address for name, address in doors.items()}
    show(values, as_json=as_json, text=lambda: as_text(state, doors=doors, metrics=metrics))
    healthy = all(each.condition is Condition.RUNNING for each in state.processes)
    return 0 if running and healthy else NOT_ALL_RUNNING


def to_the_desk(stack: Stack) -> str | None:
    """How people come to review; None where no desk runs that they can sign in to."""
    settings = stack.settings
    address = door_address(stack, "desk", DESK_FILE)
    if not address:
        return None
    if settings.oidc_issuer:
        return f"people review at {settings.desk_url or f'http://{address}'}"
    return "people review at the desk: `hitl desk link` prints a link that opens it"


def door_address(stack: Stack, service: str, file: Path) -> str:
    """Where a service with a door listens; empty when none runs."""
    written = stack.settings.data_dir / file
    return written.read_text(encoding="utf-8").strip() if written.is_file() and service in stack.pids() else ""


def metrics_addresses(stack: Stack, state: StackState) -> Mapping[str, str]:
    """Where each process that runs serves its metrics, by name."""
    names = {each.name: ServiceName.parse(each.name) for each in state.processes if each.process}
    own = stack.settings.slot
    found = {
        name: read_target(target_file(stack.settings.data_dir, service, slot or own))
        for name, (service, slot) in names.items()
    }
    return {name: address for name, address in found.items() if address}


def as_values(state: StackState, *, running: bool, metrics: Mapping[str, str]) -> dict[str, object]:
    """The state for machines; uptimes in seconds."""
    return {
        "running": running,
        "phase": state.phase,
        "detail": state.detail,
        "bootstrap_servers": state.bootstrap_servers,
        "redis_address": state.redis_address,
        "supervisor_pid": state.supervisor.pid,
        "uptime_seconds": round(time.time() - state.since, 1),
        "processes": [
            {
                "name": each.name,
                "condition": each.condition,
                "pid": each.process.pid if each.process else None,
                "uptime_seconds": round(time.time() - each.since, 1) if each.process else None,
                "restarts": each.restarts,
                "last_exit": each.last_exit,
                "log": each.log,
                "metrics_address": metrics.get(each.name, ""),
            }
            for each in state.processes
        ],
    }


def as_text(state: StackState, *, doors: Mapping[str, str], metrics: Mapping[str, str]) -> str:
    """The state for people: one line a process."""
    lines = [f"{state.phase}: {state.detail}" if state.detail != state.phase else str(state.phase)]
    if state.phase is Phase.RUNNING:
        lines[0] += f", Kafka at {state.bootstrap_servers}, Redis at {state.redis_address}"
        lines[0] += "".join(f", {name} at http://{address}" for name, address in doors.items() if address)
    for each in state.processes:
        pid = each.process.pid if each.process else "–"
        uptime = span(time.time() - each.since) if each.process else "–"
        told = f"  metrics {metrics[each.name]}" if each.name in metrics else ""
        told += f"  last: {each.last_exit}" if each.last_exit else ""
        lines.append(
            f"  {each.name:<14} {each.condition:<8} pid {pid!s:<8} up {uptime:<8} restarts {each.restarts}{told}"
        )
        if each.condition is Condition.DOWN:
            lines.append(f"  {'':<14} correct that, then `hitl down` and `hitl up`; log: {each.log}")
    return "\n".join(lines)
