"""Points in time and deadlines as people read them. Pure: `now` is given. Times in milliseconds since the epoch."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from producers.desk.pages.present.model import Deadline, Moment

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
SOON: Final = 30 * MINUTE  # from here on a deadline is shown as near
LATEST: Final = 253_402_300_799_000  # the year 9999: nothing later can be written
WIDE_UNITS: Final = ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "min"))


def moment_of(at: int, *, now: int) -> Moment:
    """A time, and how long ago it was.

    >>> moment_of(0, now=3 * HOUR).relative, moment_of(0, now=0).absolute
    ('3 h ago', '1 January 1970, 00:00 UTC')
    """
    when = _datetime(at)
    since = now - at
    span = rough_span_of(abs(since))
    relative = f"{span} ago" if since >= 0 else f"in {span}"
    return Moment(at=at, iso=f"{when:%Y-%m-%dT%H:%M:%SZ}", absolute=_absolute(when), relative=relative, span=span)


def deadline_of(due_at: int | None, *, now: int) -> Deadline | None:
    """A deadline, and what is left until it.

    >>> deadline_of(0, now=90_000).moment.relative
    'overdue by 1 min 30 s'
    """
    if due_at is None:
        return None
    left = due_at - now
    seen = moment_of(due_at, now=now)
    moment = msgspec.structs.replace(seen, relative=left_of(left))
    return Deadline(moment=moment, state="over" if left < 0 else "soon" if left < SOON else "calm")


def left_of(left: int) -> str:
    """What is left of a deadline; `static/present.js` goes on counting in the same words."""
    return f"overdue by {span_of(-left)}" if left < 0 else f"{span_of(left)} left"


def span_of(milliseconds: int) -> str:
    """A span in its two largest units.

    >>> [span_of(n) for n in (999, 59_999, 61_000, 3_600_000, 90_000_000)]
    ['0 s', '59 s', '1 min 1 s', '1 h', '1 d 1 h']
    """
    for size, name, smaller, small in WIDE_UNITS:
        if milliseconds >= size:
            whole, part = milliseconds // size, milliseconds % size // smaller
            return f"{whole:,} {name} {part} {small}" if part else f"{whole:,} {name}"
    minutes, seconds = milliseconds // MINUTE, milliseconds % MINUTE // 1_000
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def rough_span_of(milliseconds: int) -> str:
    """A span that has passed: nobody counts its seconds.

    >>> rough_span_of(30_000), rough_span_of(61_000)
    ('less than 1 min', '1 min')
    """
    if milliseconds < MINUTE:
        return "less than 1 min"
    return f"{milliseconds // MINUTE} min" if milliseconds < HOUR else span_of(milliseconds)


def _absolute(when: datetime) -> str:
    return f"{when.day} {when:%B %Y, %H:%M} UTC"


def _datetime(at: int) -> datetime:
    return datetime.fromtimestamp(min(max(at, 0), LATEST) / 1_000, UTC)
