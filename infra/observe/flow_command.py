"""`hitl watch`: the live screen, or one JSON object a second for machines."""

import time
from collections.abc import Iterator

import click
import msgspec
from rich.console import Console
from rich.live import Live

from infra.cli.output import json_option
from infra.observe.flow import Figures, FlowState
from infra.observe.flow_reading import FlowReader, watching
from infra.observe.flow_screen import FlowScreen, plain
from infra.settings import load_settings

READ_TIMEOUT = 0.1  # seconds
FRAME_EVERY = 0.5  # seconds between two pictures of the live screen
PRINT_EVERY = 1.0  # seconds between two objects or lines


@click.command()
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop after so long; until Ctrl-C if not given.")
@json_option
def watch(seconds: float | None, as_json: bool) -> None:
    """Watch live: flow per topic, queues, lag per stage, decisions a second, automation, accuracy so far.

    With --json one object a second, the first as soon as what was written before is read.
    """
    screen = FlowScreen(FlowState(), title="hitl watch")
    screen.head = "Ctrl-C ends the watching, nothing else"
    console = Console()
    ends = None if seconds is None else time.monotonic() + seconds
    try:
        with watching(load_settings(), screen.state) as reader:
            if as_json or not console.is_terminal:
                _print(reader, screen, ends, as_json=as_json)
            else:
                _draw(reader, screen, ends, console)
    except KeyboardInterrupt:  # how one ends it, also while it still connects
        return


def _draw(reader: FlowReader, screen: FlowScreen, ends: float | None, console: Console) -> None:
    # Drawn here and not by a thread of rich's, which would read the state while it changes.
    with Live(screen, console=console, auto_refresh=False) as live:
        for _ in _ticks(reader, ends, every=FRAME_EVERY):
            live.refresh()


def _print(reader: FlowReader, screen: FlowScreen, ends: float | None, *, as_json: bool) -> None:
    for _ in _ticks(reader, ends, every=PRINT_EVERY):
        if as_json:
            click.echo(msgspec.json.encode(snapshot(reader.state), enc_hook=str).decode())
        else:
            click.echo("; ".join(plain(screen)))


def _ticks(reader: FlowReader, ends: float | None, *, every: float) -> Iterator[float]:
    """Follow the log and come up for air once what was written before is read, then every so many seconds."""
    reader.catch_up()
    sampled = time.monotonic()
    reader.state.sample(sampled)
    yield sampled
    while ends is None or time.monotonic() < ends:
        reader.step(READ_TIMEOUT)
        now = time.monotonic()
        if now - sampled >= every:
            sampled = now
            reader.state.sample(now)
            yield now


def snapshot(state: FlowState) -> dict[str, object]:
    """The figures of now, for machines."""
    return {
        "records": dict(state.records),
        "decisions_per_second": round(state.rate("decisions"), 1),
        "queues": state.queues(),
        "lags": state.lags(),
        "dead_letters": dict(state.dead),
        "claimed": len(state.claimed),
        "on_hold": len(state.on_hold),
        "refused": dict(state.refused),
        "refused_commands": dict(state.refused_commands),
        **figures(state),
        "workflows": {name: figures(each) for name, each in sorted(state.workflows.items())},
    }


def figures(of: Figures) -> dict[str, object]:
    """What was decided, and how well, of one workflow or of all."""
    return {
        "decisions": of.decisions,
        "decided_by": dict(of.decided),
        "automation": of.automation,
        "weighted_accuracy": of.weighted_accuracy,
        "automatic_accuracy": of.automatic_accuracy,
        "model": of.model,
        "promotions": of.promotions,
        "refusals": of.refusals,
    }
