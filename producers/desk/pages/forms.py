"""What a form of a page says: fields by name, each a text."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request

from infra.http.problems import Problem

LARGEST: Final = 1 << 20  # bytes, as the guard has it
MOST_FIELDS: Final = 1_000


class Form:
    """The fields of a form; what is not there is empty."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """The value of a field, without space around it. Raises `Problem` 422 when it was sent more than once."""
        found = self._fields.get(name, ())
        if len(found) > 1:
            raise _unreadable(f"the field {name!r} stands there {len(found)} times")
        return found[0].strip() if found else ""

    def texts(self, name: str) -> list[str]:
        """All values of a field that may be sent more than once, each only once."""
        return list(dict.fromkeys(self._fields.get(name, ())))


async def form_of(request: Request) -> Form:
    """The form that was sent. Raises `Problem` 413 or 422."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise Problem(413, f"A form may have {LARGEST:,} bytes; shorten it.", reason="too_large")
    try:
        text = body.decode("ascii")
        return Form(parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
    except ValueError as error:
        raise _unreadable(str(error)) from error


def _unreadable(why: str) -> Problem:
    return Problem(422, f"The form cannot be read ({why}). Load the page anew, and send it again.", reason="invalid")
