"""Questions whose answer is known, as whoever keeps them sees them, and as forms add them. Pure."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from infra.http.problems import Problem
from infra.redis.steering import Counted
from producers.desk.pages.forms import Form
from producers.desk.pages.lead.steering import LONGEST_NOTE, invalid
from producers.desk.pages.present.model import Moment
from producers.desk.pages.present.times import moment_of
from producers.desk.roster import Question
from schemas.codec import Codec
from schemas.events import DecisionRequested, GoldAdded
from streams.casework.questions import Author, QuestionTooLong, gold_added
from streams.workflow.submitted import RequestRefused, checked, payload_of
from streams.workflow.types import WorkflowType

SOURCE: Final = "desk"
AT_ONCE: Final = 25  # questions on one page
DONE: Final = {
    "added": "The question is in force; it is asked as often as the policy of its workflow says.",
    "retired": "The question is asked no more; what was answered before still counts.",
}


class Row(NamedTuple):
    """One question."""

    event_id: str
    gold_id: str
    content: str
    label: str
    note: str
    added_by: str
    added: Moment
    retired_by: str | None
    retired: Moment | None
    asked: int
    right: str


def rows(questions: Sequence[Question], counted: Mapping[str, Counted], *, now: int) -> list[Row]:
    """With how often each was asked and answered right."""
    return [_row(each, counted[each.gold_id], now) for each in questions]


def shown(questions: Sequence[Question], which: str) -> list[Question]:
    """Those that are asked, those that are asked no more, or all."""
    match which:
        case "retired":
            return [each for each in questions if each.retired_by is not None]
        case "all":
            return list(questions)
    return [each for each in questions if each.retired_by is None]


def question_in(form: Form, kind: WorkflowType, codec: Codec, author: Author) -> GoldAdded:
    """The question that a form describes. Raises `Problem` 422, which says what to correct."""
    label, content = label_in(form, kind), form.text("content")
    if not content:
        raise invalid("Write what is to be decided.")
    payload = _content(content, kind)
    gold_id = form.text("gold_id") or f"question-{sha256(content.encode()).hexdigest()[:16]}"
    try:
        request = DecisionRequested(
            request_id=gold_id, workflow=kind.name, payload=payload_of(payload, kind), source=SOURCE
        )
        return gold_added(request, codec.body(checked(request, codec)), label, author)
    except (RequestRefused, QuestionTooLong) as error:
        raise invalid(f"This cannot be asked: {error}.".replace("..", ".")) from error


def is_asked_already(known: Question | None, added: GoldAdded, content: str) -> bool:
    """Whether the same question with the same answer is asked. Raises `Problem` 409 for another under its id."""
    if known is None or known.retired_by is not None:
        return False
    if (known.label, known.content) != (added.label, content):
        detail = f"A question {added.gold_id!r} is asked already, with the answer {known.label!r}: retire it first."
        raise Problem(409, f"{detail} Nothing was changed.", reason="id_conflict")
    return True


def label_in(form: Form, kind: WorkflowType) -> str:
    """The right answer. Raises `Problem` 422."""
    label = form.text("label")
    if label not in kind.classes:
        raise invalid(f"Choose the right answer, one of {', '.join(kind.classes)}.")
    return label


def note_in(form: Form) -> str:
    """Where the answer is from. Raises `Problem` 422."""
    note = form.text("note")
    if len(note) > LONGEST_NOTE:
        raise invalid(f"The note has {len(note):,} characters: shorten it to {LONGEST_NOTE:,}.")
    return note


def _content(text: str, kind: WorkflowType) -> dict[str, object] | str:
    """A JSON object as its fields; any other text as the text that the workflow decides on."""
    if text.startswith("{"):
        try:
            return msgspec.json.decode(text, type=dict[str, object])
        except (msgspec.DecodeError, RecursionError) as error:
            raise invalid(f"The content begins like a JSON object and is none ({error}); correct it.") from error
    if kind.featurizer != "text":
        named = f", for example {', '.join(kind.columns.names[:3])}" if kind.columns else ""
        raise invalid(f"{kind.name} decides on fields: write a JSON object with them{named}.")
    return text


def _row(question: Question, counted: Counted, now: int) -> Row:
    share = f"{counted.right / counted.asked:.0%}".replace("%", " %") if counted.asked else "–"
    return Row(
        event_id=question.event_id,
        gold_id=question.gold_id,
        content=question.content,
        label=question.label,
        note=question.note,
        added_by=question.added_by,
        added=moment_of(question.added_at, now=now),
        retired_by=question.retired_by,
        retired=None if question.retired_at is None else moment_of(question.retired_at, now=now),
        asked=counted.asked,
        right=share,
    )
