"""The middle of the demo: requests flow in, people answer, models learn, all on one screen, until nothing is left."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from rich.console import Console
from rich.live import Live

from infra.errors import HitlError
from infra.local.demo_progress import DemoState
from infra.observe.flow_reading import FlowReader
from infra.observe.flow_screen import FlowScreen, plain
from schemas.topics import REQUESTS

READ_TIMEOUT: Final = 0.1  # seconds
GLANCE: Final = 0.5  # seconds between two looks at processes and rates, and two pictures of the screen
QUIET: Final = 1.0  # seconds without a new record before all is taken for done
STALLED: Final = 60.0  # seconds without a new record before the demo gives up
OPENING: Final = 20.0  # seconds that cases have to come to the desk
PLAIN_EVERY: Final = 5.0  # seconds between two lines where there is no live screen
HOW_TO_END: Final = "Ctrl-C ends everything"

Look = Callable[[], bool]


class Stalled(HitlError):
    """Nothing moved for a minute although not everything is decided."""


def follow(reader: FlowReader, state: DemoState, look: Look, *, requests: int, console: Console, live: bool) -> None:
    """Show the stream until all is decided and quiet: `live` in a terminal, else as a line now and then.

    `look` says whether all are published, and raises when a process is in trouble. Raises `Stalled`.
    """
    screen = FlowScreen(
        state, title="hitl demo · people are simulated: they answer by what was recorded", expected=requests
    )
    if not (live and console.is_terminal):
        printed = time.monotonic()
        for now in _glances(reader, state, look, requests=requests):
            if now - printed >= PLAIN_EVERY:
                printed = now
                console.print("; ".join(plain(screen)), highlight=False, soft_wrap=True)
        return
    screen.head = headline(state, requests=requests)
    # Drawn here and not by a thread of rich's, which would read the state while it changes.
    with Live(screen, console=console, auto_refresh=False) as picture:
        for _ in _glances(reader, state, look, requests=requests):
            screen.head = headline(state, requests=requests)
            picture.refresh()


def await_cases(reader: FlowReader, state: DemoState, *, requests: int) -> None:
    """Wait until each of so many requests is decided or waits for people; not for ever, since most are there anyway."""
    deadline = time.monotonic() + OPENING
    while state.decisions + len(state.open_cases) < requests and time.monotonic() < deadline:
        reader.step(READ_TIMEOUT)


def headline(state: DemoState, *, requests: int) -> str:
    """What is going on, in a line."""
    published = state.records[REQUESTS.name]
    if published < requests:
        return f"{published:,} of {requests:,} requests published · {HOW_TO_END}"
    waiting = len(state.open_cases)
    left = f"{waiting:,} cases open" if waiting else "last answers are learnt"
    return f"all requests published · {left} · {HOW_TO_END}"


def _glances(reader: FlowReader, state: DemoState, look: Look, *, requests: int) -> Iterator[float]:
    moved = glanced = time.monotonic()
    published = False
    while True:
        found = reader.step(READ_TIMEOUT)
        now = time.monotonic()
        moved = now if found else moved
        if now - glanced >= GLANCE:
            glanced = now
            state.sample(now)
            published = look()
            yield now
        if now - moved >= QUIET and published and state.is_done(requests):
            return
        if now - moved >= STALLED:
            raise Stalled(
                f"nothing moved for {STALLED:.0f} s: {state.decisions:,} of {requests:,} requests are decided, "
                f"{len(state.open_cases):,} cases are open; see the logs."
            )
