"""What a column of a file is called, in whichever file: labels to learn from, requests to decide."""

from collections.abc import Collection, Sequence
from typing import Final

ID_COLUMNS: Final = ("request_id", "id")


def id_column(header: Sequence[str], taken: Collection[str] = ()) -> str | None:
    """The column that holds request ids, where none is named; `taken` columns mean something else."""
    return next((name for name in ID_COLUMNS if name in header and name not in taken), None)
