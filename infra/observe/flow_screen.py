"""The live screen: what flows, what waits, how far each stage is behind, and what automation is worth so far."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.observe.flow import FlowState
from schemas.topics import TOPICS
from schemas.values import DecidedBy, Priority

HIDDEN: Final = frozenset({"tallies", "cases"})  # of no interest to people
BAR_WIDTH: Final = 24  # characters
COLOUR: Final = {Priority.URGENT: "red", Priority.HIGH: "yellow", Priority.NORMAL: "cyan", Priority.LOW: "dim"}


class FlowScreen:
    """Draws a `FlowState` with rich; `head` is a line about what is going on, changed while it runs."""

    def __init__(self, state: FlowState, *, title: str = "hitl", expected: int | None = None) -> None:
        self.state, self.title, self.expected = state, title, expected
        self.head = ""

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = [self._headline(), Columns([self._flow(), Group(self._queues(), self._lags())])]
        if self.state.news:
            parts.append(Panel(Text("\n".join(self.state.news)), title="models", box=box.ROUNDED))
        return Panel(Group(*parts), title=self.title, subtitle=self.head or None, box=box.ROUNDED)

    def lines(self) -> list[tuple[str, str]]:
        """The headline figures, by name."""
        state = self.state
        done = f"{state.decisions:,}" + (f" of {self.expected:,}" if self.expected else "")
        people = state.decided[DecidedBy.REVIEWER]
        blind = f"π-weighted, {len(state.blind):,} answers"
        audits = f"{len(state.automatic_audits):,} of {state.audits_drawn:,} audits answered"
        return [
            ("decisions", f"{done}, {state.rate('decisions'):,.0f}/s"),
            ("automatic", share(state.automation)),
            ("by people", f"{people:,} reviewers, {state.decided[DecidedBy.EXPERT]:,} experts"),
            ("model, as blind answers say", f"{share(state.weighted_accuracy)} ({blind})"),
            ("automatic decisions right", f"{share(state.automatic_accuracy)} ({audits})"),
            ("model", f"{(state.model or '–')[:12]}, {state.promotions:,} promoted, {state.refusals:,} refused"),
            ("dead letters", reasons(state.dead)),
            ("answers refused", reasons(state.refused)),
        ]

    def _headline(self) -> Table:
        made = Table.grid(padding=(0, 2))
        made.add_column(style="dim", justify="right")
        made.add_column()
        for name, text in self.lines():
            made.add_row(name, Text(text))
        return made

    def _flow(self) -> Table:
        made = _table("topic", "records", "per second")
        for topic in TOPICS:
            if topic.name not in HIDDEN and self.state.records[topic.name]:
                rate = self.state.rate(topic.name)
                made.add_row(topic.name, f"{self.state.records[topic.name]:,}", f"{rate:,.0f}" if rate else "")
        return made

    def _queues(self) -> Table:
        made = _table("waiting for people", "cases", "")
        sizes = self.state.queues()
        largest = max([*sizes.values(), 1])
        for priority, size in sizes.items():
            bar = "█" * round(size / largest * BAR_WIDTH) if size else ""
            made.add_row(f"[{COLOUR[priority]}]{priority}[/]", f"{size:,}", f"[{COLOUR[priority]}]{bar}[/]")
        made.add_row("[dim]of these with experts[/]", f"{len(self.state.with_expert):,}", "")
        return made

    def _lags(self) -> Table:
        made = _table("stage", "behind by", "")
        for stage, behind in self.state.lags().items():
            made.add_row(stage, f"{behind:,}", "")
        return made


def share(value: float | None) -> str:
    """A share in per cent, or a dash before there is one."""
    return "–" if value is None else f"{value:.1%}"


def reasons(counts: Counter[str]) -> str:
    """A total with its parts."""
    if not counts:
        return "0"
    return f"{counts.total():,} ({', '.join(f'{name} {count:,}' for name, count in counts.most_common())})"


def _table(*titles: str) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, title in enumerate(titles):
        made.add_column(title, justify="right" if number == 1 or title == "per second" else "left")
    return made


def plain(screen: FlowScreen) -> Sequence[str]:
    """The headline figures as lines, where there is no terminal."""
    return [f"{name}: {text}" for name, text in screen.lines()]
