"""What the view of the figures must hold, computed the plain way: all events in hand, nothing incremental."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from infra.kafka.scan import Entry
from schemas import events as e
from schemas.topics import BY_NAME
from schemas.values import ClosedBy, EscalatedBy, SampleKind

DAY = 86_400_000
WIDTHS = (60_000, 3_600_000, DAY)
Rows = dict[tuple[int, int, str, str], tuple[int, int]]  # width, start, workflow, measure -> count, total
AUDITS = (e.AuditDrawn, e.AuditAnswered, e.AuditExpired)
CHECKS = (e.GoldAnswered, e.OverlapAnswered, e.DecisionValidated)
ALONE = (e.FeedbackRecorded, e.DeadLettered, e.ModelPromoted, e.ModelRefused)
CASES = (
    e.CaseOpened, e.CaseAnnounced, e.CaseEscalated, e.CaseClosed, e.CaseReopened, e.CaseReturned, e.CaseReprioritised,
    e.LeaseGranted, e.LeaseExtended, e.LeaseEnded, e.CaseHeld, e.HoldEnded, e.CaseNoted, e.AnswerReceived,
    e.AnswerWithdrawn, e.AnswerCounted,
)  # fmt: skip
ENDS = (
    e.LeaseGranted, e.LeaseEnded, e.CaseHeld, e.AnswerReceived, e.AnswerCounted, e.CaseEscalated, e.CaseClosed,
    e.CaseReturned,
)  # fmt: skip


class Truth:
    """Adds up; `rows` are what is not nothing."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._sums: dict[tuple[int, int, str, str], list[int]] = defaultdict(lambda: [0, 0])
        events = [x.event for x in entries if x.event is not None and type(x.event) in BY_NAME[x.topic].events]
        self._tallies(each for each in events if isinstance(each, e.StageTallied))
        once: dict[str, Any] = {}
        for event in events:
            if isinstance(event, (*CASES, *AUDITS, *CHECKS, *ALONE)):
                once.setdefault(event.event_id, event)
        requests: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for event in once.values():
            match event:
                case e.FeedbackRecorded():
                    self._add(event.workflow, event.decided_at, f"feedback/{event.type.value}/{event.kind.value}")
                case e.DeadLettered():
                    name = f"dead_letter/{event.stage}/{event.reason}"
                    self._add(event.workflow or "_unknown", event.dead_lettered_at, name)
                case e.ModelPromoted() if event.previous_digest is not None:
                    self._add(event.workflow, event.promoted_at, "promoted")
                case e.ModelRefused():
                    self._add(event.workflow, event.refused_at, "model_refused")
                case e.ModelPromoted():
                    pass
                case _:
                    requests[event.workflow, event.request_id].append(event)
        for (workflow, _), of_request in requests.items():
            self._request(workflow, of_request)

    @property
    def rows(self) -> Rows:
        return {key: (found[0], found[1]) for key, found in self._sums.items() if any(found)}

    def _add(self, workflow: str, at: int | None, measure: str, count: int = 1, total: int = 0) -> None:
        windows = [(0, 0)] if at is None else [(0, 0), *((width, at // width * width) for width in WIDTHS)]
        for width, start in windows:
            found = self._sums[width, start, workflow, measure]
            found[0] += count
            found[1] += total

    def _tallies(self, tallies: Iterable[e.StageTallied]) -> None:
        """Each record of an input one by one."""
        counted: set[tuple[str, str, int, int]] = set()
        alone: set[str] = set()
        for tally in tallies:
            records = {
                (tally.stage, span.topic, span.partition, offset)
                for span in tally.ranges
                for offset in range(span.first, span.last + 1)
            }
            repeats = bool(records & counted) or (not records and tally.event_id in alone)
            counted |= records
            if not repeats:
                for row in tally.rows:
                    name = "/".join(("tally", tally.stage, row.action, *([row.priority] if row.priority else [])))
                    self._add(row.workflow, row.minute, name, row.count, row.milliseconds)
                if not records:
                    alone.add(tally.event_id)

    def _request(self, workflow: str, events: list[Any]) -> None:
        changes = sorted((x for x in events if isinstance(x, CASES)), key=lambda x: x.sequence)
        gold = [x for x in events if isinstance(x, e.GoldAnswered)]
        audits = [x for x in events if isinstance(x, AUDITS)]
        is_audit = any(x.kind is SampleKind.AUDIT for x in audits)
        for answer in gold[:1]:
            self._add(workflow, answer.answered_at, "gold", total=int(answer.agrees))
        self._checks(workflow, events)
        self._work(workflow, changes)
        self._audits(workflow, audits)
        self._people(workflow, changes)
        opened = next((x for x in changes if isinstance(x, e.CaseOpened)), None)
        closings = [x for x in changes if isinstance(x, e.CaseClosed)]
        self._queue(workflow, changes, is_audit)
        if opened is None or is_audit or gold:
            return
        closed = next((x for x in closings if x.sequence > opened.sequence), None)
        if closed is None:
            self._add(workflow, opened.occurred_at, "waiting")
        elif closed.closed_by is not ClosedBy.EXPIRED:
            self._add(workflow, closed.occurred_at, "latency", total=closed.occurred_at - opened.occurred_at)
        timeouts = [x for x in changes if isinstance(x, e.CaseEscalated) and x.escalated_by is EscalatedBy.TIMEOUT]
        if opened.due_at is None:
            return
        if timeouts:
            self._add(workflow, timeouts[0].occurred_at, "late")
        elif closed is not None and closed.closed_by is not ClosedBy.EXPIRED:
            self._add(workflow, closed.occurred_at, "in_time" if closed.occurred_at <= opened.due_at else "late")

    def _queue(self, workflow: str, changes: list[Any], is_audit: bool) -> None:
        starts = [x for x in changes if isinstance(x, (e.CaseOpened, e.CaseReopened))]
        if not starts or any(isinstance(x, e.CaseClosed) and x.sequence > starts[-1].sequence for x in changes):
            return
        given = [x for x in changes if isinstance(x, (e.CaseOpened, e.CaseReprioritised))]
        priority = given[-1].priority.value if given else "high"
        after = [x for x in changes if x.sequence > starts[-1].sequence]
        moves = [x for x in after if isinstance(x, (e.CaseEscalated, e.CaseReturned))]
        if moves and isinstance(moves[-1], e.CaseEscalated):
            standing = "escalated"
        elif any(isinstance(x, e.CaseEscalated) for x in moves):
            standing = "pending_human"
        elif isinstance(starts[-1], e.CaseReopened):
            standing = "second_look"
        elif moves:
            standing = "pending_human"
        else:
            standing = "pending_expert" if starts[-1].stage == "expert" else "pending_human"
        measure = "open_audit" if is_audit and standing != "second_look" else f"open/{standing}/{priority}"
        self._add(workflow, None, measure)

    def _work(self, workflow: str, changes: list[Any]) -> None:
        """Each lease: how long it lasted, and the answer that came of it, which may take effect later."""
        for granted in [x for x in changes if isinstance(x, e.LeaseGranted)]:
            after = [x for x in changes if x.sequence > granted.sequence and isinstance(x, ENDS)]
            if not after or (isinstance(after[0], e.LeaseEnded) and after[0].ended_by == "expired"):
                continue
            if took := after[0].occurred_at - granted.occurred_at:
                self._add(workflow, after[0].occurred_at, "work", 0, took)
                effect = after[1:2] if isinstance(after[0], e.AnswerReceived) else after[:1]
                if effect and answered_by(effect[0]) == granted.reviewer_id:
                    self._add(workflow, effect[0].occurred_at, "work", 1)

    def _people(self, workflow: str, changes: list[Any]) -> None:
        for x in changes:
            person = answered_by(x)
            if isinstance(x, e.CaseEscalated):
                self._add(workflow, x.occurred_at, f"escalated/{x.escalated_by.value}")
            if person is not None:
                self._add(workflow, x.occurred_at, f"answers/{person}")
                if person.startswith("simulated-"):
                    self._add(workflow, x.occurred_at, "simulated")


    def _checks(self, workflow: str, events: list[Any]) -> None:
        given = {x.position: x for x in events if isinstance(x, e.OverlapAnswered)}
        if {1, 2} <= given.keys():
            first, second = given[1], given[2]
            seen = "blind" if first.blind and second.blind else "seen"
            name = f"overlap/{seen}/{len(first.label)}/{first.label}{second.label}"
            self._add(workflow, second.answered_at, name)
        for checked in [x for x in events if isinstance(x, e.DecisionValidated) and x.inclusion_probability <= 1]:
            name = f"validated/{checked.inclusion_probability.hex()}"
            self._add(workflow, checked.validated_at, name, total=int(checked.agrees))

    def _audits(self, workflow: str, audits: list[Any]) -> None:
        for drawn in [x for x in audits if isinstance(x, e.AuditDrawn)][:1]:
            self._add(workflow, drawn.drawn_at, f"drawn/{drawn.kind.value}")
        for expired in [x for x in audits if isinstance(x, e.AuditExpired)][:1]:
            self._add(workflow, expired.expired_at, "expired")
        for answer in [x for x in audits if isinstance(x, e.AuditAnswered)][:1]:
            drawn_with = f"{answer.inclusion_probability.hex()}/{answer.model_digest or ''}"
            model = "none" if answer.model_label is None else "model"
            name = f"blind/{answer.kind.value}/{model}/{drawn_with}"
            self._add(workflow, answer.answered_at, name, total=int(answer.agrees))
            if answer.reviewer_id.startswith("simulated-"):
                self._add(workflow, answer.answered_at, "simulated")


def answered_by(change: Any) -> str | None:
    """Whose answer took effect with a change."""
    if isinstance(change, e.CaseEscalated):
        return change.answer.reviewer_id if change.answer else None
    return change.reviewer_id if isinstance(change, (e.CaseClosed, e.AnswerCounted)) else None
