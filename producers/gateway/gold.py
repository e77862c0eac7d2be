"""Questions whose answer is known, read from labelled rows or taken from the log."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from infra.kafka.log import Log
from infra.kafka.scan import about
from producers.gateway.columns import Cell, Columns, MappingInvalid
from producers.gateway.publisher import Line, Refusal
from producers.gateway.rows import Numbered, requests_of
from schemas.codec import Codec
from schemas.events import DecisionRequested, GoldAdded
from schemas.topics import REQUESTS
from streams.casework.questions import Author, NoSuchRequest, QuestionTooLong, gold_added, not_a_class
from streams.workflow.submitted import RequestRefused, checked


def questions_of(
    rows: Iterable[Numbered | Refusal],
    header: Sequence[str],
    columns: Callable[[Sequence[str]], Columns],
    *,
    label_column: str,
    classes: Sequence[str],
    codec: Codec,
    author: Author,
) -> Iterator[GoldAdded | Refusal]:
    """Each row as a question, its request id as the question's, or why it is none. Raises `MappingInvalid`."""
    if label_column not in header:
        raise MappingInvalid(
            f"there is no column {label_column!r} with the right answers; name it with --label-column. The columns "
            f"are: {', '.join(header)}."
        )
    labels: dict[int, str] = {}

    def unlabelled() -> Iterator[Numbered | Refusal]:
        for row in rows:
            if isinstance(row, Refusal):
                yield row
            elif (label := _label(row.row.get(label_column))) in classes:
                labels[row.line] = label
                yield Numbered(row.line, {name: cell for name, cell in row.row.items() if name != label_column})
            else:
                yield Refusal(row.line, not_a_class(label, classes))

    for made in requests_of(unlabelled(), [name for name in header if name != label_column], columns):
        yield made if isinstance(made, Refusal) else _question(made, labels.pop(made.number), codec, author)


def _label(cell: Cell) -> str:
    return cell.strip() if isinstance(cell, str) else "" if cell is None else json.dumps(cell)


def _question(line: Line, label: str, codec: Codec, author: Author) -> GoldAdded | Refusal:
    try:
        value = checked(line.request, codec)
    except RequestRefused as error:
        return Refusal(line.number, str(error))
    try:
        return gold_added(line.request, codec.body(value), label, author)
    except QuestionTooLong as error:
        return Refusal(line.number, str(error))


def stored_request(log: Log, codec: Codec, request_id: str) -> tuple[DecisionRequested, tuple[bytes, bytes]]:
    """The first request of that id in the log, its Avro body as it is stored, and the fingerprint.

    Raises `NoSuchRequest`.
    """
    for entry in about(log, codec, request_id, [REQUESTS.name]):
        if isinstance(entry.event, DecisionRequested) and entry.value is not None:
            return entry.event, codec.body(entry.value)
    raise NoSuchRequest(f"no request {request_id!r} is in the log. {NoSuchRequest.__doc__}")
