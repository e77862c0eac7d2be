"""The live screen: what automation is worth so far, what waits, how far each stage is behind, and what flows.

What one must see fits a terminal of 80 × 24; a wider one gets more columns, a taller one air and more about models.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.panel import Panel
from rich.text import Text

from infra.observe.flow import Figures, FlowState
from schemas.topics import TOPICS
from schemas.values import DecidedBy, Priority

HIDDEN: Final = frozenset({"tallies", "cases"})  # of no interest to people
SHOWN: Final = tuple(topic.name for topic in TOPICS if topic.name not in HIDDEN)
COLOUR: Final = {Priority.URGENT: "red", Priority.HIGH: "yellow", Priority.NORMAL: "cyan", Priority.LOW: "dim"}
FRAME_WIDTH: Final = 4  # columns that border and padding take
FRAME_HEIGHT: Final = 2  # lines that the border takes
NEWS: Final = 2  # lines about models where there is no room for more
AIR: Final = 3  # empty lines between the four parts, where there is room
NAME_WIDTH: Final = max(map(len, SHOWN))
CELL_WIDTH: Final = NAME_WIDTH + 10 + 7  # a topic with its records and its rate
GAP: Final = 3  # columns between two topics
TOPIC_TITLE: Final = f"{'topic':<{NAME_WIDTH}}{'records':>10}{'per s':>7}"

LABEL_WIDTH: Final = 29  # the longest name of a figure and the gap behind it
NARROWEST: Final = 20  # columns that the figures of a workflow need
WIDEST: Final = 32  # columns beyond which they stand too far apart

Lines = list[Text]


class FlowScreen:
    """Draws a `FlowState` with rich; `head` is a line about what is going on, changed while it runs."""

    def __init__(self, state: FlowState, *, title: str = "hitl", expected: int | None = None) -> None:
        self.state, self.title, self.expected = state, title, expected
        self.head = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        drawn = self.drawn(width=options.max_width - FRAME_WIDTH, height=options.max_height - FRAME_HEIGHT)
        yield Panel(Group(*drawn), title=self.title, box=box.ROUNDED)

    def drawn(self, *, width: int, height: int) -> Lines:
        """The lines within the frame. Topics give way first; the rest is always there."""
        head = [*self._headline(width), self._queues(), self._lags()]
        topics = self._topics(width, height - len(head) - min(NEWS, len(self.state.news)))
        room = height - len(head) - len(topics)
        news = [_line(each) for each in list(self.state.news)[-max(NEWS, room - AIR) :]]
        parts = [part for part in (head[:-2], head[-2:], news, topics) if part]
        return _apart(parts) if room - len(news) >= AIR else list(chain.from_iterable(parts))

    def lines(self) -> list[tuple[str, str]]:
        """The headline figures, by name; of several workflows those of each in a part of its own."""
        if len(self.state.workflows) < 2:
            return [*self._decided(), *_in_full(self.state), *self._rest()]
        names = sorted(self.state.workflows)
        rows = figures([self.state.workflows[name] for name in names])
        parts = [
            (label, ", ".join(f"{name} {told}" for name, told in zip(names, cells, strict=True)))
            for label, cells in rows
        ]
        return self._decided() + parts + self._rest()

    def _decided(self) -> list[tuple[str, str]]:
        state = self.state
        done = f"{state.decisions:,}" + (f" of {self.expected:,}" if self.expected else "")
        return [("decisions", f"{done}, {state.rate('decisions'):,.0f}/s")]

    def _rest(self) -> list[tuple[str, str]]:
        refused, commands = reasons(self.state.refused), self.state.refused_commands
        told = f"{refused}; commands {reasons(commands)}" if commands else refused
        return [("dead letters", reasons(self.state.dead)), ("answers refused", told)]

    def _headline(self, width: int) -> Lines:
        lines = self.lines() if len(self.state.workflows) < 2 else self._side_by_side(width)
        widest = max(len(name) for name, _ in lines)
        drawn = [_line((f"{name:>{widest}}  ", "dim"), text) for name, text in lines]
        return [_line((self.head, "bold")), *drawn] if self.head else drawn

    def _side_by_side(self, width: int) -> list[tuple[str, str]]:
        """A column for each workflow; where width lacks, for those with most decisions."""
        found = self.state.workflows
        room = width - LABEL_WIDTH
        most = sorted(found, key=lambda name: (-found[name].decisions, name))[: max(1, room // NARROWEST)]
        names = sorted(most)
        each = min(room // len(names), WIDEST)
        rows = [("", names), *figures([found[name] for name in names])]
        parts = [(label, "".join(f"{cell[: each - 1]:<{each}}" for cell in cells).rstrip()) for label, cells in rows]
        return self._decided() + parts + self._rest()

    def _queues(self) -> Text:
        sizes = [(f"{priority} {size:,}", COLOUR[priority]) for priority, size in self.state.queues().items()]
        state, told = self.state, f"{len(self.state.with_expert):,} with experts"
        for name, those in (("claimed", state.claimed), ("held", state.on_hold)):
            told += f", {len(those):,} {name}" if those else ""
        return _line(("waiting  ", "dim"), *_dotted(sizes), (f" ({told})", "dim"))

    def _lags(self) -> Text:
        behind = [(f"{stage} {records:,}", "") for stage, records in self.state.lags().items()]
        return _line(("behind   ", "dim"), *_dotted(behind or [("–", "dim")]))

    def _topics(self, width: int, room: int) -> Lines:
        """Topics with traffic, in as many columns as there is width for; where room lacks, those with most records."""
        columns = max(1, (width + GAP) // (CELL_WIDTH + GAP))
        most = sorted(SHOWN, key=lambda name: -self.state.records[name])[: max(0, room - 1) * columns]
        names = [name for name in SHOWN if name in most and self.state.records[name]]
        if not names:
            return []
        height = -(-len(names) // columns)
        used = -(-len(names) // height)
        between = " " * GAP
        rows = [between.join(self._cell(name) for name in names[row::height]) for row in range(height)]
        return [_line((between.join([TOPIC_TITLE] * used), "dim")), *map(_line, rows)]

    def _cell(self, name: str) -> str:
        rate = self.state.rate(name)
        return f"{name:<{NAME_WIDTH}}{self.state.records[name]:>10,}{f'{rate:,.0f}' if rate else '':>7}"


def figures(of: Sequence[Figures]) -> list[tuple[str, list[str]]]:
    """Name of each figure, and briefly what it is for each of these."""
    made = [_brief(each) for each in of]
    return [(label, [dict(each)[label] for each in made]) for label, _ in made[0]]


def _in_full(of: Figures) -> list[tuple[str, str]]:
    blind = f"π-weighted, {len(of.blind):,} answers"
    audits = f"{len(of.automatic_audits):,} of {of.audits_drawn:,} audits answered"
    people = f"{of.decided[DecidedBy.REVIEWER]:,} reviewers, {of.decided[DecidedBy.EXPERT]:,} experts"
    return [
        ("automatic, of those decided", share(of.automation)),
        ("by people", people),
        ("model, as blind answers say", f"{share(of.weighted_accuracy)} ({blind})"),
        ("automatic decisions right", f"{share(of.automatic_accuracy)} ({audits})"),
        ("model", f"{(of.model or '–')[:12]}, {of.promotions:,} promoted, {of.refusals:,} refused"),
    ]


def _brief(of: Figures) -> list[tuple[str, str]]:
    reviewers, experts = of.decided[DecidedBy.REVIEWER], of.decided[DecidedBy.EXPERT]
    return [
        ("decided", f"{of.decisions:,}"),
        ("automatic", share(of.automation)),
        ("by reviewers · experts", f"{reviewers:,} · {experts:,}"),
        ("model, as blind answers say", f"{share(of.weighted_accuracy)} ({len(of.blind):,})"),
        (
            "automatic right, by audits",
            f"{share(of.automatic_accuracy)} ({len(of.automatic_audits):,} of {of.audits_drawn:,})",
        ),
        ("model promoted · refused", f"{(of.model or '–')[:8]} {of.promotions:,} · {of.refusals:,}"),
    ]


def share(value: float | None) -> str:
    """A share in per cent, or a dash before there is one."""
    return "–" if value is None else f"{value:.1%}"


def reasons(counts: Counter[str]) -> str:
    """A total with its parts."""
    if not counts:
        return "0"
    return f"{counts.total():,} ({', '.join(f'{name} {count:,}' for name, count in counts.most_common())})"


def plain(screen: FlowScreen) -> Sequence[str]:
    """The headline figures as lines, where there is no terminal."""
    return [f"{name}: {text}" for name, text in screen.lines()]


def _line(*parts: str | tuple[str, str]) -> Text:
    """One line whatever its length: what is too long is cut, so that the lines can be counted."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _dotted(parts: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for number, part in enumerate(parts):
        if number:
            yield (" · ", "dim")
        yield part


def _apart(parts: Sequence[Lines]) -> Lines:
    """The parts with an empty line between two."""
    return list(chain.from_iterable([_line(""), *part] for part in parts))[1:]
