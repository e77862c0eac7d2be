"""Tables and panels as text for `show`."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text


def rendered(*parts: RenderableType) -> str:
    """What rich makes of these parts for this terminal, colours only where there is one."""
    console = Console()
    with console.capture() as captured:
        for part in parts:
            console.print(part, markup=False, highlight=False)  # texts come from outside: [x] is no markup
    return captured.get().rstrip("\n")


def table(titles: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> Table:
    """A plain table; numbers stand to the right."""
    heading = None if title is None else Text(title)  # a Text is no markup: a reason may name [costs]
    made = Table(title=heading, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(titles):
        numeric = bool(rows) and all(isinstance(row[number], int | float) for row in rows)
        word = max(map(len, name.split()), default=0)  # of a title: where room lacks, cells are folded, not titles
        made.add_column(Text(name), justify="right" if numeric else "left", overflow="fold", min_width=word)
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def _cell(value: object) -> Text:
    if value is None:
        return Text("–")
    return Text(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))
