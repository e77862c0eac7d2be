"""`hitl cases`: what waits for people, one case at a time, and answering it."""

import getpass
import time
import uuid

import click
import msgspec

from infra.cli.cluster import opened
from infra.cli.groups import CommandGroup
from infra.cli.moments import span
from infra.cli.output import json_option, show
from infra.cli.progress import progress_bar
from infra.cli.ranges import FiniteRange
from infra.cli.tables import rendered, table
from infra.errors import HitlError
from infra.kafka.log import Log, TopicPartition
from infra.kafka.partitioner import partition_of
from infra.kafka.scan import ends_of, scan
from producers.desk.cases import WaitingCase, actions_for, content_of, fields_of, open_cases, queue, request_in, summary
from producers.desk.deciding import Judgement, decide
from schemas.codec import Codec
from schemas.events import CaseSnapshot, DecisionRequested, ReviewDecided
from schemas.topics import CASES
from schemas.values import Priority, ReopenedBy

PRIORITIES = click.Choice([priority.value for priority in Priority], case_sensitive=False)
ACTIONS = ("approve", "reject", "escalate", "mark_wrong")


class NoOpenCase(HitlError):
    """No case is open for this request; `hitl cases list` shows those that are."""


@click.group(cls=CommandGroup)
def cases() -> None:
    """List the cases that wait for people, show one, decide one."""


@cases.command(name="list")
@click.option("--workflow", help="Only this workflow.")
@click.option("--priority", type=PRIORITIES, help="Only this priority.")
@click.option("--limit", type=click.IntRange(min=1), default=30, show_default=True, help="The first so many.")
@json_option
def list_cases(workflow: str | None, priority: str | None, limit: int, as_json: bool) -> None:
    """Show open cases, the most urgent first: priority, age, time left, why, and what the model thinks."""
    with opened() as (log, codec), progress_bar("reading cases", as_json=as_json) as progress:
        found = {case.request_id: case for case in open_cases(scan(log, codec, [CASES.name], progress=progress))}
    wanted = Priority(priority) if priority else None
    waiting = queue(found.values(), now=_now(), workflow=workflow, priority=wanted)

    def text() -> str:
        shown = [(each, request_in(found[each.request_id], codec)) for each in waiting[:limit]]
        return queue_text(shown, total=len(waiting))

    show({"open": len(waiting), "cases": waiting[:limit]}, as_json=as_json, text=text)


@cases.command(name="show")
@click.argument("request_id")
@json_option
def show_case(request_id: str, as_json: bool) -> None:
    """Show one open case: the content, the recommendation (unless it is blind), why it came, and what can be said."""
    with opened() as (log, codec):
        case = open_case(log, codec, request_id)
    request = request_in(case, codec)
    plain = {k: v for k, v in msgspec.to_builtins(case).items() if k not in ("sealed", "request_body")}
    shown = plain | {
        "content": content_of(request) if request else None,
        "attributes": request.attributes if request else {},
        "actions": actions_for(case),
    }
    show(shown, as_json=as_json, text=lambda: case_text(case, request))


@cases.command(name="decide")
@click.argument("request_id")
@click.argument("action", type=click.Choice(ACTIONS))
@click.option("--label", help="The class chosen, where rejecting could mean more than one.")
@click.option("--reviewer", default=getpass.getuser, help="Who decides (default: your user name).")
@click.option("--confidence", type=FiniteRange(0, 1), default=1.0, show_default=True, help="How sure you are.")
@click.option("--feedback", default="", help="Anything you want to say about it.")
@json_option
def decide_case(
    request_id: str, action: str, label: str | None, reviewer: str, confidence: float, feedback: str, as_json: bool
) -> int:
    """Answer one open case and wait for the judgement; exit 1 when the answer is refused."""
    with opened() as (log, codec):
        case = open_case(log, codec, request_id)
        if case.review is None:
            raise NoOpenCase(f"the case {request_id} is on its way to an expert; try again in a second.")
        decision = ReviewDecided(
            decision_id=f"hitl-cases:{uuid.uuid4()}",
            request_id=request_id,
            review=case.review,
            reviewer_id=reviewer,
            action=action,
            label=label,
            confidence=confidence,
            feedback=feedback,
            decided_at=_now(),
        )
        judgement = decide(log, codec, decision)
    show(judgement, as_json=as_json, text=lambda: judgement_text(judgement))
    return 0 if judgement.accepted else 1


def open_case(log: Log, codec: Codec, request_id: str) -> CaseSnapshot:
    """The open case of a request, from its own partition. Raises `NoOpenCase`."""
    key = request_id.encode()
    place = TopicPartition(CASES.name, partition_of(key, log.partitions(CASES.name)))
    ends = {place: ends_of(log, [CASES.name])[place]}
    found = open_cases(scan(log, codec, [CASES.name], ends=ends, wanted=lambda record: record.key == key))
    if not found:
        raise NoOpenCase(f"no case is open for the request {request_id!r}; `hitl cases list` shows those that are.")
    return found[0]


def queue_text(shown: list[tuple[WaitingCase, DecisionRequested | None]], *, total: int) -> str:
    """The first cases of the queue as a table."""
    if not shown:
        return "no case waits for a person"
    rows = [
        (
            *(each.position, each.request_id, each.workflow, each.priority.value, each.stage),
            *(time_span(each.age_ms), time_span(each.due_in_ms), thought(each), summary(request)),
        )
        for each, request in shown
    ]
    titles = ("#", "request", "workflow", "priority", "for", "age", "due in", "model", "content")
    more = f"{total - len(shown):,} more wait; --limit shows them" if total > len(shown) else ""
    return rendered(table(titles, rows), more).rstrip()


def time_span(milliseconds: int | None) -> str:
    """A span in words."""
    return span(None if milliseconds is None else milliseconds / 1_000)


def thought(case: WaitingCase) -> str:
    """What the model thinks, where it may be shown."""
    shown = case.recommendation
    return "–" if shown is None else f"{shown.label} {shown.confidence:.0%}"


def case_text(case: CaseSnapshot, request: DecisionRequested | None) -> str:
    """One case as a reviewer needs it."""
    now = _now()
    shown = case.recommendation
    rows: list[tuple[str, str]] = [
        ("workflow", case.workflow),
        ("priority", f"{case.priority} (for {'an expert' if case.stage == 'expert' else 'a reviewer'})"),
        ("why", case.reason),
        ("in the queue", time_span(now - case.opened_at)),
        ("due in", time_span(None if case.due_at is None else case.due_at - now)),
        ("model", f"{shown.label} at {shown.confidence:.1%} ({shown.level})" if shown else "not shown"),
        ("flags", ", ".join((*case.risk_flags, *case.rule_hits)) or "–"),
        *contested_rows(case),
        *((f"said by {a.reviewer_id}", f"{a.action} {a.note}".strip()) for a in case.answers),
        *((name, str(value)) for name, value in (request.attributes if request else {}).items()),
        *content_rows(request),
    ]
    todo = f"hitl cases decide {case.request_id} {'|'.join(actions_for(case))}"
    return rendered(table(("request", case.request_id), rows), todo)


def contested_rows(case: CaseSnapshot) -> list[tuple[str, str]]:
    """What is judged anew, and what the appeal says."""
    if case.reopened_by is None or case.standing is None:
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
    match judgement.became:
        case "refused":
            return f"refused: {judgement.reason} ({judgement.detail})"
        case "escalated":
            return f"accepted: {judgement.request_id} goes to an expert"
        case _:
            return f"accepted: {judgement.request_id} is decided, {judgement.label}"


def _now() -> int:
    return time.time_ns() // 1_000_000
