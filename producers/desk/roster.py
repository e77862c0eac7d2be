"""People as they are enrolled and assessed, and the questions whose answer is known, as the log has them now."""

import threading
from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.codec import Codec
from schemas.events import Event, GoldAdded, GoldRetired, ReviewerAssessed, ReviewerEnrolled
from streams.casework.questions import request_in
from streams.workflow.content import summary

WIDTH: Final = 1_000  # characters of a question that are kept to be shown


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question whose answer is known, without its bytes; `retired_by` nobody while it is asked. Milliseconds."""

    event_id: str
    workflow: str
    gold_id: str
    label: str
    note: str
    content: str
    added_by: str
    added_at: int
    retired_by: str | None = None
    retired_at: int | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What the log says of a person; `assessments` by workflow."""

    reviewer_id: str
    enrolment: ReviewerEnrolled | None = None
    assessments: dict[str, ReviewerAssessed] = {}


class Roster:
    """Told of each event by whoever follows the log; may be asked from any thread."""

    def __init__(self, codec: Codec) -> None:
        self._codec, self._lock = codec, threading.Lock()
        self._people: dict[str, Person] = {}
        self._questions: dict[str, dict[str, Question]] = {}

    def take(self, event: Event) -> None:
        """One more event of a topic of configuration; the newest counts."""
        with self._lock:
            match event:
                case ReviewerEnrolled():
                    known = self._person(event.reviewer_id)
                    self._people[event.reviewer_id] = msgspec.structs.replace(known, enrolment=event)
                case ReviewerAssessed():
                    known = self._person(event.reviewer_id)
                    assessed = {**known.assessments, event.workflow: event}
                    self._people[event.reviewer_id] = msgspec.structs.replace(known, assessments=assessed)
                case GoldAdded():
                    self._questions.setdefault(event.workflow, {})[event.gold_id] = _asked(event, self._codec)
                case GoldRetired():
                    self._retire(event)

    def person(self, reviewer_id: str) -> Person:
        """One person, of whom nothing may be known."""
        with self._lock:
            return self._person(reviewer_id)

    def people(self) -> dict[str, Person]:
        """Everybody of whom anything is known, by id."""
        with self._lock:
            return dict(self._people)

    def questions(self, workflow: str) -> list[Question]:
        """All of a workflow, also those that are asked no more, the newest first."""
        with self._lock:
            found = list(self._questions.get(workflow, {}).values())
        return sorted(found, key=lambda each: (-each.added_at, each.gold_id))

    def question(self, workflow: str, gold_id: str) -> Question | None:
        """One question."""
        with self._lock:
            return self._questions.get(workflow, {}).get(gold_id)

    def workflows(self) -> Iterator[str]:
        """Those that have or had questions."""
        with self._lock:
            return iter(sorted(self._questions))

    def _person(self, reviewer_id: str) -> Person:
        return self._people.get(reviewer_id) or Person(reviewer_id=reviewer_id)

    def _retire(self, event: GoldRetired) -> None:
        asked = self._questions.get(event.workflow, {}).get(event.gold_id)
        if asked is not None:
            retired = msgspec.structs.replace(asked, retired_by=event.retired_by, retired_at=event.retired_at)
            self._questions[event.workflow][event.gold_id] = retired


def _asked(event: GoldAdded, codec: Codec) -> Question:
    return Question(
        event_id=event.event_id,
        workflow=event.workflow,
        gold_id=event.gold_id,
        label=event.label,
        note=event.note,
        content=summary(request_in(event, codec), WIDTH),
        added_by=event.added_by,
        added_at=event.added_at,
    )
