"""Windows of event time: a minute, an hour, a day, or all of it. They tumble: each moment is in one of each width."""

from enum import IntEnum


class Width(IntEnum):
    """Milliseconds; of `ALL` there is one window."""

    ALL = 0
    MINUTE = 60_000
    HOUR = 3_600_000
    DAY = 86_400_000


SIZED = (Width.DAY, Width.HOUR, Width.MINUTE)  # the widest first


def window_start(moment: int, width: Width) -> int:
    """The start of the window in which a moment lies (milliseconds since the epoch).

    >>> window_start(1_700_000_123_456, Width.MINUTE)
    1700000100000
    """
    return moment - moment % width if width else 0


def widest(start: int, end: int) -> Width:
    """The widest windows that tile a span exactly, so that the fewest are summed; a minute when none does.

    >>> widest(0, 86_400_000), widest(3_600_000, 86_400_000)
    (<Width.DAY: 86400000>, <Width.HOUR: 3600000>)
    """
    return next((width for width in SIZED if start % width == 0 and end % width == 0), Width.MINUTE)
