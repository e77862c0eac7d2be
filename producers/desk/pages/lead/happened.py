"""What happened to an open case, from what the read model keeps: when and by whom, never what they answered. Pure.

Whoever is asked must not know that chance drew a finished decision to be judged anew, and neither must the page: then
the case begins where it was opened again.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from infra.redis.records import RequestRecord
from producers.desk.pages.present.model import Moment
from producers.desk.pages.present.times import moment_of
from schemas.values import CaseStage


class Happened(NamedTuple):
    """Something that happened; the earliest first in a list."""

    moment: Moment
    what: str


def happened(record: RequestRecord, *, is_told_anew: bool, now: int) -> Sequence[Happened]:
    """`is_told_anew`: whoever is asked knows that a decision is judged anew."""
    told = list(_since_reopened(record) if record.reopened and not is_told_anew else _told(record))
    return [Happened(moment_of(at, now=now), what) for at, what in sorted(told)]


def _told(record: RequestRecord) -> Iterator[tuple[int, str]]:
    if record.opened is not None:
        whom = "an expert" if record.opened.stage is CaseStage.EXPERT else "a reviewer"
        yield record.opened.at, f"The case was opened for {whom}"
    for again in record.reopened:
        yield again.at, "It was opened again, to be judged anew"
    yield from _since(record, 0)


def _since_reopened(record: RequestRecord) -> Iterator[tuple[int, str]]:
    began = record.reopened[-1]
    yield began.at, "The case was opened for an expert"
    yield from _since(record, began.sequence)


def _since(record: RequestRecord, sequence: int) -> Iterator[tuple[int, str]]:
    """What was done after that change of the case."""
    for moved in record.moved:
        if moved.sequence >= sequence:
            yield moved.at, f"It went to {'experts' if moved.stage is CaseStage.EXPERT else 'reviewers'}"
    for answer in record.answers:
        if answer.sequence >= sequence:
            yield answer.at, f"{answer.reviewer_id} {'passed it on' if answer.passed_on else 'answered'}"
