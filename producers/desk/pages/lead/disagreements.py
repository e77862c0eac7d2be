"""Finished requests on which people disagreed, with what each of them answered side by side. Pure."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from infra.redis.disagreeing import answers_in
from infra.redis.members import DisagreementRow, Over
from infra.redis.records import RequestRecord
from infra.redis.said import Voice
from producers.desk.pages.present.model import Moment
from producers.desk.pages.present.times import moment_of
from schemas.values import DecidedBy

AT_ONCE: Final = 25  # requests on one page
OVER: Final = {
    Over.SEVERAL: "several people answered differently",
    Over.MODEL: "a person and the model",
    Over.VALIDATION: "an expert contradicted a decision",
    Over.AMENDED: "the decision was amended",
    Over.UPHELD: "contested and upheld",
}
VOICES: Final = {
    Voice.MODEL: "the model",
    Voice.ONE_OF_SEVERAL: "one of several",
    Voice.BLIND: "without seeing the model's answer",
    Voice.DECISION: "decided",
    Voice.VALIDATION: "judged it anew",
    Voice.AMENDED: "amended it",
    Voice.UPHELD: "upheld it",
}
Page = tuple[int, DisagreementRow]
_cursors = msgspec.json.Decoder(tuple[int, DisagreementRow])


class Wanted(NamedTuple):
    """What is looked for; what is empty is not. Of two people both must have answered."""

    over: str = ""
    first: str = ""
    second: str = ""
    label: str = ""

    def fits(self, row: DisagreementRow) -> bool:
        """Whether a request is one of these."""
        people = {name for name in (self.first, self.second) if name}
        return self.over in ("", *row.over) and people <= set(row.people) and self.label in ("", *row.labels)


class Answer(NamedTuple):
    """What somebody answered, in which way, and whether it is what stands."""

    who: str
    is_model: bool
    label: str
    how: str
    moment: Moment
    stands: bool


class Row(NamedTuple):
    """One request."""

    request_id: str
    over: Sequence[str]
    finished: Moment
    answers: Sequence[Answer]
    outcome: str
    decided_by: str


def rows(found: Sequence[Page], records: Sequence[RequestRecord | None], *, now: int) -> list[Row]:
    """The requests whose answers are still known, in their order."""
    return [
        row_of(row, record, at, now=now)
        for (at, row), record in zip(found, records, strict=True) if record is not None
    ]  # fmt: skip


def row_of(row: DisagreementRow, record: RequestRecord, at: int, *, now: int) -> Row:
    """One of them."""
    standing = record.standing
    by = "" if standing is None else "the system" if standing.by is DecidedBy.AUTOMATION else standing.reviewer_id or ""
    return Row(
        request_id=row.request_id,
        over=[OVER[each] for each in row.over],
        finished=moment_of(at, now=now),
        answers=[
            Answer(
                who="model" if said.reviewer_id is None else said.reviewer_id, is_model=said.reviewer_id is None,
                label=said.label, how=VOICES[said.voice], moment=moment_of(said.at, now=now),
                stands=standing is not None and said.label == standing.label,
            )
            for said in answers_in(record)
        ],
        outcome=standing.label if standing else "",
        decided_by=by,
    )  # fmt: skip


def wanted_in(parameter: Callable[[str], str | None]) -> Wanted:
    """What an address asks for."""
    return Wanted(*((parameter(name) or "").strip()[:200] for name in ("over", "first", "second", "label")))


def cursor_of(page: Page) -> str:
    """The last of a page, for the address of the next."""
    return msgspec.json.encode(page).decode()


def page_in(cursor: str) -> Page | None:
    """The last of the page before; None when an address names none."""
    try:
        return _cursors.decode(cursor)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
