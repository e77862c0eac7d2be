"""The fields of a request, and how their values are written for people. Pure."""

import math
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Final

import msgspec

from producers.desk.pages.present.cleaning import cleaned, on_one_line
from producers.desk.pages.present.model import Group, Item, Written
from streams.workflow.presentation import PLACE, Presentation, SummaryField

Fields = Mapping[str, object]
NO_DOCUMENT: Final = object()
JSON_TYPES: Final = ("application/json", "text/json")
MISSING: Final = Written(text="not given", kind="missing")
SEEN: Final = 300  # characters of a value that are seen at once
MOST_FIELDS: Final = 60  # of a request whose workflow names none
YEAR_9999: Final = 253_402_300_799_000
TRUE: Final = frozenset((True, 1, "1", "true", "yes", "y", "t"))
FALSE: Final = frozenset((False, 0, "0", "false", "no", "n", "f", ""))


def document_in(content: str | None, content_type: str | None) -> object:
    """What a JSON document holds; `NO_DOCUMENT` for what is none, or is nested too deeply."""
    if content is None or not (content.lstrip()[:1] == "{" or is_json(content_type)):
        return NO_DOCUMENT
    try:
        return msgspec.json.decode(content.encode())
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return NO_DOCUMENT


def is_json(content_type: str | None) -> bool:
    """Whether a media type says so.

    >>> is_json("application/problem+json; charset=utf-8")
    True
    """
    named = (content_type or "").partition(";")[0].strip().lower()
    return named in JSON_TYPES or named.endswith("+json")


def value_of(fields: Fields, name: str) -> object:
    """The value of a field; a dot leads into an object, unless a field is called so."""
    if name in fields:
        return fields[name]
    found: object = fields
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def groups_of(fields: Fields, shown: Presentation, *, beside: Collection[str | None]) -> tuple[Group, ...]:
    """The summary as the workflow lays it out, else every field that holds one value but those `beside`."""
    if not shown.summary:
        chosen = _every(fields, beside)
        items = tuple(_item(fields, each, shown) for each in chosen)
        return (Group(title="", columns=2, items=items),) if items else ()
    return tuple(
        Group(
            title=group.title, columns=group.columns, items=tuple(_item(fields, each, shown) for each in group.fields)
        )
        for group in shown.summary
    )


def _every(fields: Fields, beside: Collection[str | None]) -> Iterator[SummaryField]:
    plain = (name for name, value in fields.items() if name not in beside and isinstance(value, str | int | float))
    for name, _ in zip(plain, range(MOST_FIELDS), strict=False):
        yield SummaryField(field=name)


def _item(fields: Fields, asked: SummaryField, shown: Presentation) -> Item:
    return Item(
        label=asked.label or label_of(asked.field),
        value=written(value_of(fields, asked.field), asked),
        sensitive=asked.field in shown.sensitive_fields,
    )


def label_of(name: str) -> str:
    """A field's name for people.

    >>> label_of("checking_account"), label_of("applicant.netIncome")
    ('Checking account', 'Applicant netIncome')
    """
    words = on_one_line(name.replace("_", " ").replace(".", " "))[:100]
    return words[:1].upper() + words[1:]


def title_of(fields: Fields, shown: Presentation) -> str:
    """The title with the values of its fields; empty where none of them is given."""
    names = shown.title_fields
    if names and all(value_of(fields, name) is None for name in names):
        return ""
    kinds = {each.field: each for group in shown.summary for each in group.fields}

    def said(name: str) -> str:
        if name in shown.sensitive_fields:
            return "…"
        value = written(value_of(fields, name), kinds.get(name, SummaryField(field=name)))
        return f"{value.text} {value.unit}".strip()

    return on_one_line(PLACE.sub(lambda found: said(found[1]), shown.title))[:200]


def written(value: object, asked: SummaryField) -> Written:
    """A value in the way that the workflow asks for; what does not fit it, as it came.

    >>> written(1169, SummaryField(field="amount", kind="money", unit="DM")).text
    '1,169.00'
    """
    if value is None:
        return MISSING
    if (words := asked.values.get(_key(value))) is not None:
        return Written(text=words, unit=asked.unit)
    match asked.kind:
        case "flag" if _hashable(value) and value in TRUE | FALSE:
            return Written(text="Yes" if value in TRUE else "No", kind="flag", is_true=value in TRUE)
        case "number" | "money" | "percent" if (number := _number(value)) is not None:
            return _numeral(number, asked)
        case "date" if (when := _when(value)) is not None:
            return when
        case "auto" if isinstance(value, bool):
            return Written(text="Yes" if value else "No", kind="flag", is_true=value)
        case "auto" if isinstance(value, int | float):
            return _numeral(value, asked)
    return _as_it_came(value, asked.unit)


def _numeral(number: float, asked: SummaryField) -> Written:
    scaled = number * 100 if asked.kind == "percent" else number
    decimals = asked.decimals
    if decimals is None:
        decimals = {"money": 2, "percent": 0}.get(asked.kind)
    if not math.isfinite(scaled) or abs(scaled) >= 1e21:
        return Written(text=f"{number:g}", kind="number", unit=asked.unit)
    text = f"{scaled:,.{decimals}f}" if decimals is not None else _plain(scaled)
    if asked.kind == "auto" and abs(scaled) < 10_000:
        text = text.replace(",", "")  # as likely a year as a quantity
    unit = asked.unit or ("%" if asked.kind == "percent" else "")
    return Written(text=text.replace("-", "−"), kind="number", unit=unit)


def _plain(number: float) -> str:
    """With all its digits, and no more than it has."""
    if float(number).is_integer():
        return f"{int(number):,}"
    whole, dot, part = f"{number:,.10f}".partition(".")
    return whole + dot + part.rstrip("0") if part.strip("0") else f"{number:g}"


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    try:
        return float(value) if isinstance(value, str) and len(value) < 40 else None
    except ValueError:
        return None


def _when(value: object) -> Written | None:
    """A date, or a time in UTC: of ISO 8601, or in milliseconds since the epoch."""
    try:
        if isinstance(value, str):
            if len(value) == 10:
                day = date.fromisoformat(value)
                return Written(text=f"{day.day} {day:%B %Y}", kind="date", iso=value)
            when = datetime.fromisoformat(value)
            when = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= YEAR_9999:
            when = datetime.fromtimestamp(value / 1_000, UTC)
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return Written(text=f"{when.day} {when:%B %Y, %H:%M} UTC", kind="date", iso=f"{when:%Y-%m-%dT%H:%M:%SZ}")


def _as_it_came(value: object, unit: str) -> Written:
    text = cleaned(value if isinstance(value, str) else msgspec.json.encode(value).decode())
    if not text.strip():
        return Written(text="empty", kind="missing")
    return Written(text=text[:SEEN], unit=unit, rest=text[SEEN:])


def _key(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else f"{value:g}" if isinstance(value, int | float) else ""


def _hashable(value: object) -> bool:
    return isinstance(value, str | int | float)
