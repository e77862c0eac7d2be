"""Questions whose answer is known: added, retired, and which of them are asked."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from infra.errors import HitlError
from infra.kafka.scan import Entry
from schemas.codec import Codec, Undecodable
from schemas.events import DecisionRequested, GoldAdded, GoldRetired
from schemas.ids import derive_id
from streams.casework.gold import MAX_NAMED_BYTES, fits


class LabelUnknown(HitlError):
    """The right answer must be a class of the workflow's policy; correct the label."""


class NoSuchRequest(HitlError):
    """No request of this id is in the log; correct the id."""


class NoSuchQuestion(HitlError):
    """Name a question that is asked: `hitl gold list` shows them."""


class QuestionTooLong(HitlError):
    """The id and the class of a question are sealed together: give it a shorter id."""


class Author(NamedTuple):
    """Who adds questions, when (milliseconds), and what they say about them."""

    by: str
    now: int
    note: str = ""


def gold_added(request: DecisionRequested, body: tuple[bytes, bytes], label: str, author: Author) -> GoldAdded:
    """The event; `body` is the request's Avro body and its fingerprint. The question replaces one of the same id.

    Raises `QuestionTooLong`.
    """
    request_body, fingerprint = body
    added = GoldAdded(
        event_id=derive_id("gold", request.workflow, request.request_id, author.now),
        workflow=request.workflow,
        gold_id=request.request_id,
        request_body=request_body,
        request_fingerprint=fingerprint,
        label=label,
        note=author.note,
        added_by=author.by,
        added_at=author.now,
    )
    if not fits(added):
        raise QuestionTooLong(f"id and class have over {MAX_NAMED_BYTES} bytes. {QuestionTooLong.__doc__}")
    return added


def gold_retired(workflow: str, gold_id: str, *, by: str, now: int) -> GoldRetired:
    """The event; `now` in milliseconds."""
    return GoldRetired(
        event_id=derive_id("gold-retired", workflow, gold_id, now),
        workflow=workflow,
        gold_id=gold_id,
        retired_by=by,
        retired_at=now,
    )


def not_a_class(label: str, classes: Sequence[str]) -> str:
    """Why a label is none."""
    return f"the label {label!r} is none of {', '.join(classes)}"


def questions_asked(entries: Iterable[Entry], workflow: str | None = None) -> list[GoldAdded]:
    """Those that were added and not retired since, by workflow and id."""
    asked: dict[tuple[str, str], GoldAdded] = {}
    for entry in entries:
        match entry.event:
            case GoldAdded() as added:
                asked[added.workflow, added.gold_id] = added
            case GoldRetired() as retired:
                asked.pop((retired.workflow, retired.gold_id), None)
    return [question for (of, _), question in sorted(asked.items()) if workflow in (None, of)]


def request_in(question: GoldAdded, codec: Codec) -> DecisionRequested | None:
    """What is asked; None when it cannot be read any more."""
    try:
        request = codec.decode_body(question.request_body, question.request_fingerprint)
    except Undecodable:
        return None
    return request if isinstance(request, DecisionRequested) else None
