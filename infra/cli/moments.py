"""Times and spans in words, for people; and as ISO 8601, for machines."""

from datetime import UTC, datetime


def iso(milliseconds: int) -> str:
    """Milliseconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).isoformat(timespec="milliseconds")


def moment(milliseconds: int) -> str:
    """Milliseconds since the epoch as date and time in UTC.

    >>> moment(1_700_000_000_000)
    '2023-11-14 22:13:20Z'
    """
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def milliseconds_of(text: str) -> int:
    """A time as ISO 8601, in UTC where it names no zone, in milliseconds since the epoch. Raises `ValueError`.

    >>> milliseconds_of("2023-11-14T22:13:20"), milliseconds_of("2023-11-14T23:13:20+01:00")
    (1700000000000, 1700000000000)
    """
    said = datetime.fromisoformat(text)
    return int((said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp() * 1_000)


def clock(milliseconds: int) -> str:
    """The time of day in UTC, to the millisecond.

    >>> clock(1_700_000_000_123)
    '22:13:20.123'
    """
    return iso(milliseconds)[11:23]


def span(seconds: float | None) -> str:
    """A span of time in the unit that fits; one below zero is late.

    >>> [span(each) for each in (0.5, 59, 600, 9_000, -600, None)]
    ['0.5 s', '59 s', '10 min', '2.5 h', '10 min late', '–']
    """
    if seconds is None:
        return "–"
    size = abs(seconds)
    if size < 10:
        text = f"{size:.2g} s"
    elif size < 120:
        text = f"{size:.0f} s"
    else:
        text = f"{size / 60:.0f} min" if size < 7_200 else f"{size / 3_600:.1f} h"
    return text if seconds >= 0 else f"{text} late"
