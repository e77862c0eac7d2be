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
from tests.unit.casework.driver import CLASSES, Table, review
from tests.unit.casework.test_interleavings import Interleaving
from tests.unit.casework.working import say, table

WRITTEN: Final = (REVIEW_DECISIONS.name, REVIEW_COMMANDS.name)


def said_to(table: Table, cause: Coordinates) -> list[Entry]:
    """What follows from a record within its transaction; what comes later is of the clock, or of others."""
    for given in table.given:
        if given.committed and any(message.coordinates == cause for message in given.messages):
            made = [out.event for out in given.outgoing if out.topic == ASSIGNMENTS.name]
            mine = [event for event in made if getattr(event, "cause", None) == cause]
            return [Entry(ASSIGNMENTS.name, 0, at, 0, b"", b"", event) for at, event in enumerate(mine)]
    return []


class LastWords(Interleaving):
    """As people and the clock have it; after each step everything is looked at that was said to a record."""

    @invariant()
    def the_last_word_is_the_last(self) -> None:
        for topic in WRITTEN:
            for offset, (_, event) in enumerate(self.at.topics[topic]):
                at = Coordinates(topic=topic, partition=self.at.partition, offset=offset)
                if isinstance(event, ReviewDecided):
                    words = [said for entry in said_to(self.at, at) if (said := judged(entry, event, at)) is not None]
                    assert not any(map(deciding.is_last, words[:-1])), words
                elif isinstance(event, CaseActionRequested):
                    done = [told for entry in said_to(self.at, at) if (told := carried(entry, event, at)) is not None]
                    assert not any(map(commanding.is_last, done[:-1])), done


def test_where_people_disagree_more_follows_upon_the_word_that_is_not_the_last() -> None:
    at = table()
    place = at.announce(review("r", overlap=2, most_answers=2))
    say(at, place, "ada", CLASSES[0])
    say(at, place, "bob", CLASSES[1])
    second = Coordinates(topic=REVIEW_DECISIONS.name, partition=0, offset=1)
    _, event = at.topics[REVIEW_DECISIONS.name][1]
    assert isinstance(event, ReviewDecided)
    words = [said for entry in said_to(at, second) if (said := judged(entry, event, second)) is not None]
    assert [word.became for word in words] == ["counted", "escalated"]
    assert [deciding.is_last(word) for word in words] == [False, True]


TestLastWords = LastWords.TestCase
TestLastWords.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
