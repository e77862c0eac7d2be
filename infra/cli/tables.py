"""Tables and panels as text for `show`."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table


def rendered(*parts: RenderableType) -> str:
    """What rich makes of these parts for this terminal, colours only where there is one."""
    console = Console()
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return captured.get().rstrip("\n")


def table(titles: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> Table:
    """A plain table; numbers stand to the right."""
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(titles):
        numeric = bool(rows) and all(isinstance(row[number], int | float) for row in rows)
        made.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
