"""The steps of the demo as lines for people, and how long each took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

Tell = Callable[[str], None]


class Steps:
    """Writes a line per finished step to standard error; in a terminal also what is being done right now."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, label: str, *, has_screen: bool = False) -> Iterator[Tell]:
        """Time what happens within, under `name`; the yielded function takes details. One with a screen of its own
        gets no line while it runs."""
        began = time.monotonic()
        if has_screen:
            yield lambda _detail: None
        else:
            with self._console.status(f"{label} …") as status:
                yield lambda detail: status.update(f"{label}: {detail} …")
        took = time.monotonic() - began
        self.seconds[name] = round(took, 2)
        self._console.print(f"[green]✓[/] {label} [dim]{took:.1f} s[/]", highlight=False)
