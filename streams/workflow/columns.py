"""What a column of a file is called and its cells say, in whichever file: labels to learn from, requests to decide."""

import json
import math
import re
from collections.abc import Collection, Sequence
from typing import Final

ID_COLUMNS: Final = ("request_id", "id")
NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")  # as in JSON: 007 and +49 stay texts


def id_column(header: Sequence[str], taken: Collection[str] = ()) -> str | None:
    """The column that holds request ids, where none is named; `taken` columns mean something else."""
    return next((name for name in ID_COLUMNS if name in header and name not in taken), None)


def cell_value(text: str) -> str | float | bool:
    """What a cell looks like: a JSON number, true or false, else the text that it is.

    >>> cell_value("12.5"), cell_value("true"), cell_value("007")
    (12.5, True, '007')
    """
    if text in ("true", "false"):
        return text == "true"
    if not NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        return text
    number: float = json.loads(text)
    return number
