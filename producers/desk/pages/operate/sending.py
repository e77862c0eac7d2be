"""Sending dead letters again: one or many, each told apart; a form that is sent twice sends nothing twice."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple

from infra.errors import HitlError
from infra.kafka.letters import NotReplayable
from infra.kafka.replaying import send_again
from infra.kafka.writing import WritingBytes
from producers.desk.pages.operate.buried import Buried, DeadLetters, Place
from producers.desk.pages.operate.letters import ROLE, coordinates_text, place_text

MOST: Final = 100  # letters at once
Opened = Callable[[], AbstractContextManager[WritingBytes]]


class Told(NamedTuple):
    """What became of one."""

    place: Place
    done: bool
    said: str


class Sending:
    """One act at a time in this process, so that who presses twice is told the same twice."""

    def __init__(self, letters: DeadLetters, opened: Opened, *, wall: Callable[[], int]) -> None:
        """`opened` connects to the log for one act; `wall` in milliseconds."""
        self._letters, self._opened, self._wall = letters, opened, wall
        self._lock = threading.Lock()

    def send(self, places: Sequence[Place], *, who: str, act: str, again: bool) -> list[Told]:
        """Each of them, in order; `act` names the form that was sent, `again` allows what was sent again before.

        What fails is told and keeps nothing else back.
        """
        with self._lock:
            found = [(place, self._letters.at(place)) for place in dict.fromkeys(places)]
            with self._opened() as writing:
                return [self._told(writing, place, letter, who, act, again) for place, letter in found]

    def _told(
        self, writing: WritingBytes, place: Place, letter: Buried | None, who: str, act: str, again: bool
    ) -> Told:
        if letter is None:
            return Told(place, False, "there is no dead letter at this place")
        name = event_id_of(act, place)
        before = self._letters.sent.known().get(place, ())
        if any(each.event_id == name for each in before):
            return Told(place, True, "it was sent again by this very form, and not once more")
        if before and not again:
            return Told(place, False, f"{before[-1].reviewer_id} has sent it again already; it was not sent once more")
        try:
            made = send_again(
                writing, letter.entry.coordinates, letter.dead, who=who, event_id=name, now=self._wall(), role=ROLE
            )
        except HitlError as error:
            return Told(place, False, str(error))
        if isinstance(made, NotReplayable):
            return Told(place, False, f"it cannot be sent again: {made.why}")
        return Told(place, True, f"it was sent again and lies at {coordinates_text(made.sent)}")


def event_id_of(act: str, place: Place) -> str:
    """One for each letter of an act."""
    return f"replay:{act}:{place_text(place)}"
