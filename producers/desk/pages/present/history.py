"""What happened to a case before it came to whoever looks at it, in words. Pure."""

from collections.abc import Iterator
from typing import Final

from producers.desk.pages.present.cleaning import cleaned, on_one_line
from producers.desk.pages.present.model import Said
from producers.desk.pages.present.times import moment_of
from producers.desk.presenting import CaseShown
from schemas.values import DecidedBy, EscalatedBy, ReopenedBy
from streams.workflow.sentences import WHY_EXPERT, WHY_REOPENED

DEEDS: Final = {
    "approve": "approved it", "reject": "rejected it", "label": "chose another answer",
    "escalate": "passed it on to an expert", "mark_wrong": "said that the model is wrong",
    "return": "gave it back to reviewers",
}  # fmt: skip
DECIDERS: Final = {
    DecidedBy.AUTOMATION: "the model", DecidedBy.REVIEWER: "a reviewer", DecidedBy.EXPERT: "an expert",
}  # fmt: skip


def history_of(case: CaseShown, *, now: int) -> tuple[Said, ...]:
    """Answers, notes, and why experts are asked; the oldest first."""
    told = sorted((*_answers(case, now), *_notes(case, now)), key=lambda said: said.when.at if said.when else 0)
    return (*told, *_escalation(case))


def contested_of(case: CaseShown, *, now: int) -> tuple[Said, ...]:
    """The decision that stands, and what is said against it."""
    standing, appeal = case.standing, case.appeal
    if standing is None:
        return ()
    decided = f"Decided: {standing.outcome.value} ({on_one_line(standing.label)})"
    told = [
        Said(
            kind="decision",
            what=f"{decided}, by {DECIDERS[standing.decided_by]}",
            who=standing.reviewer_id and on_one_line(standing.reviewer_id),
            when=None if standing.decided_at is None else moment_of(standing.decided_at, now=now),
        )
    ]
    if case.reopened_by is ReopenedBy.APPEAL and appeal is not None:
        told.append(
            Said(
                kind="appeal",
                what="Appealed",
                who=on_one_line(appeal.filed_by) or None,
                words=cleaned(appeal.statement),
                when=moment_of(appeal.filed_at, now=now),
            )
        )
    elif case.reopened_by is not None:
        told.append(Said(kind="appeal", what=sentence(WHY_REOPENED[case.reopened_by])))
    return tuple(told)


def sentence(words: str) -> str:
    """Words as a sentence; parts after a semicolon are sentences, too.

    >>> sentence("people disagree; very low confidence")
    'People disagree. Very low confidence.'
    """
    parts = [part for part in map(str.strip, on_one_line(words).split(";")) if part]
    return " ".join(part[0].upper() + part[1:].rstrip(".") + "." for part in parts)


def _answers(case: CaseShown, now: int) -> Iterator[Said]:
    for answer in case.answers:
        yield Said(
            kind="answer",
            what=DEEDS.get(answer.action) or f"answered {on_one_line(answer.action)}",
            who=on_one_line(answer.reviewer_id),
            words=cleaned(answer.note),
            when=moment_of(answer.answered_at, now=now),
        )


def _notes(case: CaseShown, now: int) -> Iterator[Said]:
    for note in case.notes:
        yield Said(
            kind="note", what="noted", who=on_one_line(note.reviewer_id), words=cleaned(note.note),
            when=moment_of(note.noted_at, now=now),
        )  # fmt: skip


def _escalation(case: CaseShown) -> Iterator[Said]:
    """Why an expert is asked; who passed it on stands among the answers."""
    by = case.escalated_by
    if by is not None and case.reopened_by is None and by is not EscalatedBy.PERSON:
        yield Said(kind="escalation", what=f"An expert is asked: {WHY_EXPERT[by]}")
