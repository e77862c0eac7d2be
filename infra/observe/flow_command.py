"""`hitl watch`: the live screen, or one JSON object a second for machines."""

import time
from collections.abc import Iterator

import click
import msgspec
from rich.console import Console
from rich.live import Live

from infra.cli.output import json_option
from infra.kafka.client import connect
from infra.observe.flow import FlowState
from infra.observe.flow_reading import FlowReader
from infra.observe.flow_screen import FlowScreen, plain
from infra.settings import load_settings
from schemas.codec import Codec

READ_TIMEOUT = 0.1  # seconds
SAMPLE_EVERY = 0.5  # seconds
FRAMES = 4  # a second


@click.command()
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop after so long; until Ctrl-C if not given.")
@json_option
def watch(seconds: float | None, as_json: bool) -> None:
    """Watch live: flow per topic, queues, lag per stage, decisions a second, automation, accuracy so far."""
    log = connect(load_settings())
    state = FlowState()
    reader = FlowReader(log, Codec.of_repository(), state)
    screen = FlowScreen(state, title="hitl watch")
    console = Console()
    ends = None if seconds is None else time.monotonic() + seconds
    try:
        if as_json or not console.is_terminal:
            _print(reader, screen, ends, as_json=as_json)
        else:
            with Live(screen, console=console, refresh_per_second=FRAMES, screen=False):
                for _ in _ticks(reader, ends):
                    pass
    except KeyboardInterrupt:
        return
    finally:
        reader.close()
        log.close()


def _print(reader: FlowReader, screen: FlowScreen, ends: float | None, *, as_json: bool) -> None:
    for _ in _ticks(reader, ends):
        if as_json:
            click.echo(msgspec.json.encode(snapshot(reader.state), enc_hook=str).decode())
        else:
            click.echo("; ".join(plain(screen)))


def _ticks(reader: FlowReader, ends: float | None) -> Iterator[float]:
    """Follow the log and come up for air twice a second."""
    reader.catch_up()
    sampled = time.monotonic()
    reader.state.sample(sampled)
    while ends is None or sampled < ends:
        reader.step(READ_TIMEOUT)
        now = time.monotonic()
        if now - sampled >= SAMPLE_EVERY:
            sampled = now
            reader.state.sample(now)
            yield now


def snapshot(state: FlowState) -> dict[str, object]:
    """The figures of now, for machines."""
    return {
        "records": dict(state.records),
        "decisions": state.decisions,
        "decisions_per_second": round(state.rate("decisions"), 1),
        "decided_by": dict(state.decided),
        "automation": state.automation,
        "weighted_accuracy": state.weighted_accuracy,
        "automatic_accuracy": state.automatic_accuracy,
        "queues": state.queues(),
        "lags": state.lags(),
        "dead_letters": dict(state.dead),
        "refused": dict(state.refused),
        "model": state.model,
        "promotions": state.promotions,
        "refusals": state.refusals,
    }
