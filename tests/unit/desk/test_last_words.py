"""Whoever is told the last word of casework waits for no other: under every order of things, none comes."""

from typing import Final

from hypothesis import settings
from hypothesis.stateful import invariant

from infra.kafka.scan import Entry
from producers.desk import commanding, deciding
from producers.desk.commanding import carried
from producers.desk.deciding import judged
from schemas.events import CaseActionRequested, ReviewDecided
from schemas.topics import ASSIGNMENTS, REVIEW_COMMANDS, REVIEW_DECISIONS
from schemas.values import Coordinates
from tests.unit.casework.test_interleavings import Interleaving

WRITTEN: Final = (REVIEW_DECISIONS.name, REVIEW_COMMANDS.name)


class LastWords(Interleaving):
    """As people and the clock have it; after each step everything is looked at that was said to a record."""

    @invariant()
    def the_last_word_is_the_last(self) -> None:
        for topic in WRITTEN:
            for offset, (_, event) in enumerate(self.at.topics[topic]):
                at = Coordinates(topic=topic, partition=self.at.partition, offset=offset)
                if isinstance(event, ReviewDecided):
                    words = [said for entry in self._said(at) if (said := judged(entry, event, at)) is not None]
                    assert not any(map(deciding.is_last, words[:-1])), words
                elif isinstance(event, CaseActionRequested):
                    done = [said for entry in self._said(at) if (said := carried(entry, event, at)) is not None]
                    assert not any(map(commanding.is_last, done[:-1])), done

    def _said(self, cause: Coordinates) -> list[Entry]:
        """What follows from a record within its transaction; what comes later is of the clock, or of others."""
        for given in self.at.given:
            if given.committed and any(message.coordinates == cause for message in given.messages):
                made = [out.event for out in given.outgoing if out.topic == ASSIGNMENTS.name]
                mine = [event for event in made if getattr(event, "cause", None) == cause]
                return [Entry(ASSIGNMENTS.name, 0, at, 0, b"", b"", event) for at, event in enumerate(mine)]
        return []


TestLastWords = LastWords.TestCase
TestLastWords.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
