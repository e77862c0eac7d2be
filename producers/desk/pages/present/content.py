"""What a case is about, in the form in which it is seen best: text, pictures, a table, a tree. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from producers.desk.pages.present.cleaning import cleaned, on_one_line, peculiarities, shape_of
from producers.desk.pages.present.fields import NO_DOCUMENT, Fields, is_json, value_of
from producers.desk.pages.present.marking import MOST_MARKS, Terms, segments, spans_in
from producers.desk.pages.present.model import (
    Content,
    Nothing,
    Picture,
    Pictures,
    Segment,
    Text,
    Veil,
)
from producers.desk.pages.present.pictures import MOST_PICTURES, Judged, from_address, from_bytes, kind_of
from producers.desk.pages.present.tables import DELIMITERS, rows_in, rows_of, table_of
from producers.desk.pages.present.tree import tree_of
from producers.desk.presenting import CaseShown
from streams.workflow.presentation import ContentKind, Presentation

SEEN: Final = 3_000  # characters of a text that are seen at once
LIGHTEST: Final = 200_000  # characters of a picture's address that may stand in a page twice
READ: Final = 100_000  # characters in which terms are looked for
NO_JSON: Final = "It is no JSON document that can be read: this is its text."
NOT_CHECKED: Final = "The picture is loaded from where it is stored; its digest is not checked."
STORED_ELSEWHERE: Final = "The content is stored elsewhere and is not loaded here"


class Found(NamedTuple):
    """The content, sentences about it, and what it looks like from afar."""

    content: Content
    notices: tuple[str, ...] = ()
    shape: str = ""
    is_all: bool = False  # nothing of the payload is left for a summary


class Asked(NamedTuple):
    """The payload as a JSON document where it is one, its fields and the attributes, and how it is to be shown."""

    document: object
    fields: Fields
    shown: Presentation
    terms: Terms


def content_of(case: CaseShown, asked: Asked) -> Found:
    """The content in the form that the workflow names, or that its type suggests."""
    shown = asked.shown
    if shown.content == "none":
        return Found(Nothing())
    if case.encrypted_with is not None:
        return Found(Nothing(), (f"The content is encrypted with the key {on_one_line(case.encrypted_with)}.",))
    if case.content is None:
        return Found(Nothing(), ("The content cannot be read from the log any more.",))
    if case.content_type is None:
        return _elsewhere(case, asked)
    if case.body is not None:
        return _of_bytes(case, case.body, _alt(asked))
    value = value_of(asked.fields, shown.content_field) if shown.content_field else None
    found = _of_all(case, case.content, asked) if value is None else _of_value(value, asked)
    return found._replace(notices=found.notices + _stored(case))


def _of_all(case: CaseShown, text: str, asked: Asked) -> Found:
    """The whole payload is the content."""
    content_type, fields = _media_type(case), asked.fields
    if asked.shown.content == "text" or not text.strip():
        return _text(text, asked)._replace(is_all=True)
    if content_type in DELIMITERS and (rows := rows_of(text, content_type)) is not None:
        return Found(table_of(rows), shape=shape_of(text))
    if not is_json(content_type):
        return _text(text, asked)
    if asked.document is NO_DOCUMENT:
        found = _text(text, asked)
        return found._replace(notices=(*found.notices, NO_JSON))
    flat = isinstance(asked.document, dict) and all(isinstance(each, str | int | float) for each in fields.values())
    if asked.shown.content == "auto" and flat:
        return Found(Nothing())  # the summary tells it all
    return _of_value(asked.document, asked)._replace(is_all=True)


def _of_value(value: object, asked: Asked) -> Found:
    """One value of the payload is the content."""
    kind: ContentKind = asked.shown.content
    if kind == "auto":
        kind = "text" if isinstance(value, str) else "table" if rows_in(value) else "json"
    if kind == "image":
        return _addresses(value, asked)
    if kind == "table" and (rows := rows_in(value)) is not None:
        return Found(table_of(rows))
    return _text(value, asked) if isinstance(value, str) else Found(tree_of(value))


def _text(text: str, asked: Asked) -> Found:
    """Words marked where they stand; only then is the text cleaned, so that the spans of a field fit."""
    listed = value_of(asked.fields, asked.shown.highlight_field) if asked.shown.highlight_field else None
    words, spans = spans_in(listed, len(text))
    read = text[:READ]
    spans = spans + asked.terms.spans(read) + Terms(words).spans(read)
    pieces = _cleaned(segments(text, spans))
    start, rest = _parted(pieces, _fold(text))
    notices = peculiarities(text)
    if len(text) > READ and (asked.shown.highlights or words):
        notices = (*notices, f"Words are marked in the first {READ:,} characters.")
    if len(spans) > MOST_MARKS:
        notices = (*notices, f"The first {MOST_MARKS:,} of the words are marked.")
    marks = sum(piece.marked for piece in pieces)
    return Found(Text(start=start, rest=rest, length=len(text), marks=marks), notices, shape_of(text))


def _fold(text: str) -> int:
    """Where the part ends that is seen at once: a little is never hidden, and no word is parted."""
    if len(text) <= SEEN + SEEN // 5:
        return len(text)
    blank = max(text.rfind(" ", SEEN - 200, SEEN), text.rfind("\n", SEEN - 200, SEEN))
    return blank if blank > 0 else SEEN


def _cleaned(pieces: Sequence[Segment]) -> tuple[Segment, ...]:
    return tuple(Segment(text=cleaned(piece.text), marked=piece.marked) for piece in pieces)


def _parted(pieces: Sequence[Segment], at: int) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """The pieces before and after so many characters."""
    start: list[Segment] = []
    rest: list[Segment] = []
    for piece in pieces:
        here = max(0, min(len(piece.text), at))
        at -= len(piece.text)
        for part, side in ((piece.text[:here], start), (piece.text[here:], rest)):
            if part:
                side.append(Segment(text=part, marked=piece.marked))
    return tuple(start), tuple(rest)


def _addresses(value: object, asked: Asked) -> Found:
    """Pictures by their addresses."""
    named = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
    if not named:
        return Found(Nothing(), ("The request names no picture.",))
    alt = _alt(asked)
    found = _pictures([from_address(each, asked.shown.image_origins, alt) for each in named[:MOST_PICTURES]])
    more = len(named) - MOST_PICTURES
    return found._replace(notices=(*found.notices, f"{more:,} more pictures are not shown.")) if more > 0 else found


def _pictures(judged: Sequence[Judged]) -> Found:
    """Told apart by their number where there are several."""
    pictures: list[Picture] = [each.picture for each in judged if each.picture is not None]
    notices = tuple(each.notice for each in judged if each.notice)
    return Found(Pictures(pictures=tuple(pictures)) if pictures else Nothing(), notices)


def _of_bytes(case: CaseShown, body: bytes, alt: str) -> Found:
    """What is no text: a picture, or nothing that can be shown."""
    content_type = _media_type(case)
    if content_type.startswith("image/") or kind_of(body) is not None:
        found = _pictures([from_bytes(body, alt)])
        return found._replace(notices=found.notices + _stored(case))
    said = f"The content is {content_type} with {len(body):,} bytes, which cannot be shown."
    return Found(Nothing(), (said, *_digest(case), *_stored(case)))


def _elsewhere(case: CaseShown, asked: Asked) -> Found:
    """No content in the request: named, and not fetched, unless it is a picture that the page may load."""
    if case.content_uri is None:
        return Found(Nothing(), ("The request holds numbers for the model only, and no content.",))
    if asked.shown.content == "image":
        found = _pictures([from_address(case.content_uri, asked.shown.image_origins, _alt(asked))])
        if isinstance(found.content, Pictures):
            return found._replace(notices=(NOT_CHECKED,))
    return Found(Nothing(), (f"{STORED_ELSEWHERE}: {on_one_line(case.content_uri[:2_000])}", *_digest(case)))


def _stored(case: CaseShown) -> tuple[str, ...]:
    return () if case.content_uri is None else (f"More is stored at {on_one_line(case.content_uri[:2_000])}",)


def _digest(case: CaseShown) -> tuple[str, ...]:
    return () if case.content_sha256 is None else (f"SHA-256 {case.content_sha256}",)


def _media_type(case: CaseShown) -> str:
    return on_one_line((case.content_type or "").partition(";")[0].strip().lower()[:100]) or "of unknown type"


def _alt(asked: Asked) -> str:
    said = value_of(asked.fields, asked.shown.alt_field) if asked.shown.alt_field else None
    return on_one_line(said)[:500] if isinstance(said, str) and said.strip() else "The picture to be judged"


def veil_of(found: Found, shown: Presentation) -> Veil | None:
    """What stands in place of content that is hidden until somebody wants to see it."""
    content = found.content
    marks = content.marks if isinstance(content, Text) else 0
    if shown.sensitive == "never" or isinstance(content, Nothing) or (shown.sensitive == "marked" and not marks):
        return None
    match content:
        case Text(length=length):
            return Veil(words=f"a text of {length:,} characters", shape=found.shape)
        case Pictures(pictures=pictures):
            light = pictures[0] if len(pictures[0].source) <= LIGHTEST else None
            return Veil(words="a picture" if len(pictures) == 1 else f"{len(pictures)} pictures", picture=light)
    return Veil(words="a table" if content.kind == "table" else "a document", shape=found.shape)
