"""The middle of the demo: posts flow in, people answer, the model learns, all on one screen, until nothing is left."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.live import Live

from infra.errors import HitlError
from infra.kafka.client import connect
from infra.local.demo_progress import DemoState
from infra.observe.flow_reading import FlowReader
from infra.observe.flow_screen import FlowScreen, plain
from infra.settings import Settings
from schemas.codec import Codec
from schemas.topics import REQUESTS

READ_TIMEOUT: Final = 0.1  # seconds
GLANCE: Final = 0.5  # seconds between two looks at processes and rates
FRAMES: Final = 4  # a second
QUIET: Final = 1.0  # seconds without a new record before all is taken for done
STALLED: Final = 60.0  # seconds without a new record before the demo gives up
PLAIN_EVERY: Final = 5.0  # seconds between two lines where there is no terminal

Look = Callable[[], bool]


class Stalled(HitlError):
    """Nothing moved for a minute although not everything is decided."""


@contextmanager
def watching(settings: Settings, state: DemoState) -> Iterator[FlowReader]:
    """A reader that feeds `state` with the demo's log, from its beginning."""
    log = connect(settings)
    try:
        reader = FlowReader(log, Codec.of_repository(), state)
        try:
            yield reader
        finally:
            reader.close()
    finally:
        log.close()


def follow(reader: FlowReader, state: DemoState, look: Look, *, posts: int, console: Console) -> None:
    """Show the stream until all posts are decided and all is quiet.

    `look` says whether all posts are published, and raises when a process is in trouble. Raises `Stalled`.
    """
    screen = FlowScreen(
        state, title="hitl demo · people are simulated: they answer with recorded votes", expected=posts
    )
    if not console.is_terminal:
        printed = time.monotonic()
        for now in _glances(reader, state, look, posts=posts):
            if now - printed >= PLAIN_EVERY:
                printed = now
                console.print("; ".join(plain(screen)), highlight=False, soft_wrap=True)
        return
    with Live(screen, console=console, refresh_per_second=FRAMES):
        for _ in _glances(reader, state, look, posts=posts):
            screen.head = headline(state, posts=posts)


def headline(state: DemoState, *, posts: int) -> str:
    """What is going on, in a line."""
    published = state.records[REQUESTS.name]
    if published < posts:
        return f"{published:,} of {posts:,} posts published · Ctrl-C ends everything"
    waiting = len(state.open_cases)
    return (
        f"all posts published · {waiting:,} cases open" if waiting else "all posts published · last answers are learnt"
    )


def _glances(reader: FlowReader, state: DemoState, look: Look, *, posts: int) -> Iterator[float]:
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
        if now - moved >= QUIET and published and state.is_done(posts):
            return
        if now - moved >= STALLED:
            raise Stalled(
                f"nothing moved for {STALLED:.0f} s: {state.decisions:,} of {posts:,} posts are decided, "
                f"{len(state.open_cases):,} cases are open; see the logs."
            )
