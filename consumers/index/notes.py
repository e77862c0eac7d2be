"""What people wrote beside an open case, for whoever looks at it next: the last of it, and long notes in part."""

from collections.abc import Iterable
from typing import Final

from infra.redis.records import Closed, Noted

MOST: Final = 10  # of a case: the record is read and written with every change of it
LONGEST: Final = 2_000  # characters; the log has all of it


def noted(*, sequence: int, at: int, reviewer_id: str, note: str) -> Noted:
    """A note as the record keeps it."""
    kept = note if len(note) <= LONGEST else note[: LONGEST - 1] + "…"
    return Noted(sequence=sequence, at=at, reviewer_id=reviewer_id, note=kept)


def with_notes(known: Iterable[Noted], said: Iterable[Noted], closed: Closed | None) -> tuple[Noted, ...]:
    """The last of these in their order, each once; those from before the case was closed went with it."""
    by_event = sorted((*known, *said), key=lambda each: each.sequence)  # the event itself wins over what was restored
    apart = {(each.at, each.reviewer_id, each.note): each for each in by_event if not _went_with(each, closed)}
    return tuple(apart[key] for key in sorted(apart)[-MOST:])


def _went_with(note: Noted, closed: Closed | None) -> bool:
    if closed is None:
        return False
    return note.sequence <= closed.sequence if note.sequence else note.at <= closed.at
