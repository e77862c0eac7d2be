"""What an open transaction holds, kept for whoever watches the stage: some hundredths of a microsecond a record."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import Final

from infra.kafka.log import Run
from infra.kafka.observing import Committed, Count
from schemas.events import Event
from schemas.topics import Outgoing

_TIMESTAMP_OF: Final = itemgetter(3)
_TOPIC_TO: Final = attrgetter("topic")


@dataclass(slots=True)
class Ledger:
    """Records taken and sent by topic; `watched` names the events that are kept whole."""

    watched: frozenset[type[Event]] = frozenset()
    taken: Counter[str] = field(default_factory=Counter)
    timestamps: list[int] = field(default_factory=list)  # of the records taken, milliseconds since the epoch
    sent: Counter[str] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)

    def took(self, by_place: Iterable[Run]) -> None:
        """These were processed."""
        for place, run in by_place:
            self.taken[place.topic] += len(run)
            self.timestamps.extend(map(_TIMESTAMP_OF, run))

    def sends(self, outgoing: Sequence[Outgoing]) -> None:
        """These were handed to the producer."""
        self.sent.update(map(_TOPIC_TO, outgoing))
        if watched := self.watched:
            self.events += [out.event for out in outgoing if out.event is not None and type(out.event) in watched]

    def told(self, counts: Iterable[Count], *, at: int) -> Committed:
        """All of it, committed `at` a time (milliseconds)."""
        return Committed(
            taken=self.taken,
            timestamps=self.timestamps,
            sent=self.sent,
            counts=tuple(counts),
            events=self.events,
            at=at,
        )
