"""Cases, and what became of what people said about them, as people read them and as machines do."""

from collections.abc import Sequence
from typing import Final

import click
import msgspec

from infra.cli.moments import moment, span
from infra.cli.tables import rendered, table
from producers.desk.cases import WaitingCase, actions_for, possession_of
from producers.desk.commanding import Carried
from producers.desk.deciding import Judgement
from schemas.events import CaseSnapshot, DecisionRequested
from schemas.values import Priority, ReopenedBy
from streams.workflow.content import content_of, fields_of, summary

PRIORITIES = click.Choice([priority.value for priority in Priority], case_sensitive=False)
# What was sealed or said by others is for casework: whoever sees an answer leans to it.
KEPT_BACK: Final = frozenset({"sealed", "request_body", "counted", "pending", "people"})
CONTESTED: Final = frozenset({"standing", "appeal", "reopened_by"})


def queue_text(shown: list[tuple[WaitingCase, DecisionRequested | None]], *, total: int) -> str:
    """The first cases of the queue as a table."""
    if not shown:
        return "no case waits for a person"
    rows = [
        (
            *(each.position, each.request_id, each.workflow, each.priority.value, for_whom(each)),
            *(time_span(each.age_ms), time_span(each.due_in_ms), whose(each), thought(each), summary(request)),
        )
        for each, request in shown
    ]
    titles = ("#", "request", "workflow", "priority", "for", "age", "due in", "with", "model", "content")
    more = f"{total - len(shown):,} more wait; --limit shows them" if total > len(shown) else ""
    return rendered(table(*telling(titles, rows)), more).rstrip()


def telling(
    titles: Sequence[str], rows: Sequence[Sequence[object]]
) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    """Without the columns that say nothing in any row: a terminal has 80 characters.

    >>> telling(("request", "with"), [("a", "–"), ("b", "–")])
    (('request',), [('a',), ('b',)])
    """
    kept = [at for at in range(len(titles)) if any(row[at] not in ("–", "") for row in rows)]
    return tuple(titles[at] for at in kept), [tuple(row[at] for at in kept) for row in rows]


def time_span(milliseconds: int | None) -> str:
    """A span in words."""
    return span(None if milliseconds is None else milliseconds / 1_000)


def for_whom(case: WaitingCase) -> str:
    """Who is asked, and what they must know."""
    return f"{case.stage}: {', '.join(case.skills)}" if case.skills else case.stage


def whose(case: WaitingCase) -> str:
    """Who has a case, or has set it aside."""
    if case.holder is None:
        return "–"
    return f"{case.holder} (on hold)" if case.on_hold else case.holder


def thought(case: WaitingCase) -> str:
    """What the model thinks, where it may be shown."""
    shown = case.recommendation
    return "–" if shown is None else f"{shown.label} {shown.confidence:.0%}"


def case_for_machines(case: CaseSnapshot, request: DecisionRequested | None) -> dict[str, object]:
    """Everything that a person may know of a case; of the answers that others gave, only how many there are."""
    hidden = KEPT_BACK if is_contested(case) else KEPT_BACK | CONTESTED
    plain = {name: value for name, value in msgspec.to_builtins(case).items() if name not in hidden}
    who = possession_of(case)
    return plain | {
        "content": content_of(request) if request else None,
        "attributes": request.attributes if request else {},
        "actions": actions_for(case),
        "answers_counted": len(case.counted),
        "holder": who.holder,
        "undo_until": who.until if case.pending is not None else None,
    }


def case_text(case: CaseSnapshot, request: DecisionRequested | None, *, now: int) -> str:
    """One case as a reviewer needs it; `now` in milliseconds."""
    shown = case.recommendation
    rows: list[tuple[str, str]] = [
        ("workflow", case.workflow),
        ("priority", f"{case.priority} (for {'an expert' if case.stage == 'expert' else 'a reviewer'})"),
        ("why", case.reason),
        ("in the queue", time_span(now - case.opened_at)),
        ("due in", time_span(None if case.due_at is None else case.due_at - now)),
        ("classes", ", ".join(case.classes)),
        ("model", f"{shown.label} at {shown.confidence:.1%} ({shown.level})" if shown else "not shown"),
        ("flags", ", ".join((*case.risk_flags, *case.rule_hits)) or "–"),
        *working_rows(case),
        *contested_rows(case),
        *((f"said by {a.reviewer_id}", f"{a.action} {a.note}".strip()) for a in case.answers),
        *((f"noted by {note.reviewer_id}", note.note) for note in case.notes),
        *((name, str(value)) for name, value in (request.attributes if request else {}).items()),
        *content_rows(request),
    ]
    named = case.classes if len(case.classes) > 2 else ()
    answers = dict.fromkeys((*(each for each in actions_for(case) if each != "label"), *named))
    todo = f"hitl cases decide {case.request_id} {'|'.join(answers)}"
    return rendered(table(("request", case.request_id), rows), todo)


def working_rows(case: CaseSnapshot) -> list[tuple[str, str]]:
    """What it needs, who has it, and how many have answered."""
    lease, hold, pending = case.lease, case.hold, case.pending
    rows = [(name, ", ".join(words)) for name, words in (("skills", case.skills), ("tags", case.tags)) if words]
    if lease is not None:
        rows.append(("with", f"{lease.reviewer_id} until {moment(lease.expires_at)} (lease {lease.token})"))
    if hold is not None:
        rows.append((f"set aside by {hold.reviewer_id}", f"until {moment(hold.resumes_at)} {hold.note}".strip()))
    if pending is not None:
        rows.append((f"answered by {pending.answer.reviewer_id}", f"can be undone until {moment(pending.leaves_at)}"))
    if case.counted:
        rows.append(("answers so far", f"{len(case.counted)}; one more person is asked"))
    return rows


def is_contested(case: CaseSnapshot) -> bool:
    """Whether a decision stands that a person is shown; one that is validated is judged blindly."""
    return case.standing is not None and case.reopened_by in (ReopenedBy.APPEAL, ReopenedBy.AUDIT)


def contested_rows(case: CaseSnapshot) -> list[tuple[str, str]]:
    """What is judged anew, and what the appeal says."""
    if not is_contested(case) or case.standing is None:
        return []
    by = case.standing.reviewer_id or case.standing.decided_by.value
    rows = [("decided", f"{case.standing.outcome} ({case.standing.label}) by {by}")]
    if case.appeal is not None and case.reopened_by is ReopenedBy.APPEAL:
        rows.append(("appealed by", case.appeal.filed_by or "–"))
        rows.append(("statement", case.appeal.statement or "–"))
    return rows


def content_rows(request: DecisionRequested | None) -> list[tuple[str, str]]:
    """The content field by field where it is a JSON object, else as it is."""
    if request is None:
        return [("content", "–")]
    return [(name, str(value)) for name, value in fields_of(request).items()] or [("content", content_of(request))]


def judgement_text(judgement: Judgement) -> str:
    """What became of an answer, in a sentence."""
    name = judgement.request_id
    match judgement.became:
        case "refused":
            return refused_text(judgement)
        case "escalated":
            return f"accepted: {name} goes to an expert"
        case "counted":
            return f"accepted: it counts as answer {judgement.answers} of {name}, and a further person is asked"
        case "received":
            until = moment(judgement.leaves_at or 0)
            return f"accepted: it takes effect at {until}; until then `hitl cases undo {name}` takes it back"
        case _:
            return f"accepted: {name} is decided, {judgement.label}"


def carried_text(made: Carried) -> str:
    """What became of a command, in a sentence."""
    name, holder = made.request_id, made.holder
    until = moment(made.expires_at or made.resumes_at or 0)
    match made.became:
        case "refused":
            return refused_text(made)
        case "granted" | "extended":
            return f"{holder} has {name} until {until} (lease {made.lease})"
        case "handed_over":
            return f"{holder} has {name} now, until {until} (lease {made.lease})"
        case "withdrawn":
            return f"the answer is taken back; {holder} has {name} again until {until} (lease {made.lease})"
        case "held":
            return f"{name} is set aside until {until}"
        case "reprioritised":
            return f"{name} has {made.priority} priority now"
        case "returned":
            return f"{name} is back with reviewers"
        case "noted":
            return f"the note stands beside {name}"
        case _:
            return f"{name} is free again"


def refused_text(refused: Judgement | Carried) -> str:
    """Why, and what to do."""
    return f"refused: {refused.reason} ({refused.detail})"
