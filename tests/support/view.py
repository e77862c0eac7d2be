"""What the read model must say of a log, told another way: by the auditor's story of each request, by casework's own
last word on each case, and by counting. Nothing of `consumers.index` is used here."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from infra.kafka.partitioner import partition_of
from infra.kafka.scan import Entry
from infra.redis.places import coordinates_of
from infra.redis.reading import MEAN_OF, ReadModel
from infra.redis.steering import Steering
from producers.desk.cases import open_cases, queue
from schemas.events import (
    AnswerCounted,
    AutoApproved,
    CaseClosed,
    CaseEscalated,
    CaseOpened,
    CaseReopened,
    CaseReturned,
    CaseSnapshot,
    DeadLettered,
    DecisionMade,
    DecisionRequested,
    ExpertReviewRequested,
    LeaseGranted,
    OutcomeAmended,
    PredictionMade,
    ReviewRequested,
)
from schemas.topics import BY_NAME, Keyed
from schemas.values import CaseStage, CaseStatus, Coordinates, EndedBy, Priority
from streams.casework.serving import turn_of
from streams.workflow.states import State
from streams.workflow.story import Record
from streams.workflow.timeline import story_of
from tests.support import disagreeing

TOLD: Final = (
    DecisionRequested, PredictionMade, AutoApproved, DecisionMade, ReviewRequested, ExpertReviewRequested,
    CaseOpened, CaseEscalated, CaseReturned, CaseReopened, CaseClosed, OutcomeAmended, DeadLettered,
)  # fmt: skip
HOUR: Final = 3_600_000  # milliseconds
DAY: Final = 24 * HOUR
View = dict[str, Any]


class LogView:
    """The same questions as to the read model, answered from all records of a log."""

    def __init__(self, entries: Iterable[Entry], *, partitions: int, inline_bytes: int) -> None:
        self.partitions, self._inline_bytes = partitions, inline_bytes
        self._entries = sorted(entries, key=lambda entry: (entry.topic, entry.partition, entry.offset))
        self._by_request: dict[str, list[Entry]] = defaultdict(list)
        self._at = {entry.coordinates: entry for entry in self._entries}
        self._snapshots = {e.key: e.event for e in self._entries if isinstance(e.event, CaseSnapshot)}
        self._open = open_cases(entry for entry in self._entries if entry.topic == "cases")
        self._about: dict[str, list[Entry]] = defaultdict(list)
        for entry in self._entries:
            name = getattr(entry.event, "request_id", None)
            if name is not None and entry.topic != "cases" and _lies_right(entry, partitions):
                self._about[name].append(entry)
            if name is not None and isinstance(entry.event, TOLD) and _is_in_place(entry, partitions):
                self._by_request[name].append(entry)

    @property
    def request_ids(self) -> list[str]:
        return sorted(self._by_request)

    def requests(self) -> dict[str, View]:
        """Every request as an upstream system is told of it."""
        return {name: view for name in self.request_ids if (view := self._request(name))}

    def queues(self) -> dict[tuple[str, CaseStage], list[str]]:
        """Open cases by workflow and stage, in the order that a reviewer is shown."""
        ordered: dict[tuple[str, CaseStage], list[str]] = defaultdict(list)
        for waiting in queue(self._open, now=0):
            ordered[waiting.workflow, CaseStage(waiting.stage)].append(waiting.request_id)
        return dict(ordered)

    def claimable(self) -> dict[tuple[Any, ...], dict[Priority, list[str]]]:
        """Open cases that nobody has, by workflow, stage and skills, the earliest turn first."""
        free = [
            case for case in self._open
            if case.lease is None and case.hold is None and case.pending is None and case.review is not None
        ]  # fmt: skip
        free.sort(key=lambda c: (turn_of(c.priority, c.due_at, c.opened_at), c.opened_at, c.request_id))
        found: dict[tuple[Any, ...], dict[Priority, list[str]]] = defaultdict(dict)
        for case in free:
            lane = (case.workflow, case.stage, tuple(sorted(case.skills)))
            found[lane].setdefault(case.priority, []).append(case.request_id)
        return dict(found)

    def disagreeing(self, steering: Steering) -> list[str]:
        """In what the two differ about people who disagreed, and about questions whose answer is known."""
        finished = {name for name, view in self.requests().items() if view["finished"]}
        return disagreeing.differences(self._entries, finished, self._open, steering)

    def sizes(self) -> dict[tuple[str, Priority], int]:
        counted: dict[tuple[str, Priority], int] = defaultdict(int)
        for case in self._open:
            counted[case.workflow, case.priority] += 1
        return dict(counted)

    def oldest(self) -> dict[str, int]:
        """When the oldest open case of each workflow was opened."""
        opened: dict[str, int] = {}
        for case in self._open:
            opened[case.workflow] = min(case.opened_at, opened.get(case.workflow, case.opened_at))
        return opened

    def cases(self) -> dict[str, View]:
        """What a page shows of each open case: its announcement, as it lies at the case's coordinates."""
        made = {}
        for case in self._open:
            assert case.review is not None, f"casework never saw the announcement of {case.request_id}"
            asked = self._at[case.review].event
            assert isinstance(asked, ReviewRequested | ExpertReviewRequested)
            body = asked.request_body
            made[case.request_id] = {
                "reason": asked.reason, "revision": asked.revision, "priority": asked.priority,
                "recommendation": asked.recommendation, "classes": asked.classes, "due_at": asked.due_at,
                "request_body": body if len(body) <= self._inline_bytes else None,
                "request": asked.request, "review": case.review, "answers": getattr(asked, "answers", ()),
                "reopened_by": getattr(asked, "reopened_by", None), "appeal": getattr(asked, "appeal", None),
                "standing": getattr(asked, "standing", None),
            }  # fmt: skip
        return made

    def reviewers(self, now: int) -> dict[str, View]:
        """What each person did: the events that carry their id."""
        seen: dict[str, int] = {}
        answers: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)  # event id -> when, and after how long
        began: dict[str, int] = {}
        for entry in (entry for entry in self._entries if entry.topic == "assignments"):
            event: Any = entry.event
            who = _who(event)
            if isinstance(event, CaseOpened):
                began.setdefault(event.request_id, event.occurred_at)
            if who is not None:
                seen[who] = max(event.occurred_at, seen.get(who, 0))
                if isinstance(event, CaseClosed | CaseEscalated | AnswerCounted):
                    waited = event.occurred_at - began[event.request_id]
                    answers[who].setdefault(event.event_id, (event.occurred_at, max(0, waited)))
            if isinstance(event, CaseEscalated | CaseReturned | CaseReopened):
                began[event.request_id] = event.occurred_at
        return {name: _activity(at, list(answers[name].values()), now) for name, at in seen.items()}

    def _request(self, name: str) -> View:
        entries = self._by_request[name]
        story = story_of(Record(e.event, e.timestamp) for e in entries if e.event is not None)
        assert story is not None
        made = [e.event for e in entries if isinstance(e.event, DecisionMade)]
        first = min(made, key=lambda m: (m.decided_at, m.request.offset), default=None)
        snapshot = self._snapshots.get(name.encode())
        return {
            "state": story.state.value, "status": story.status.value if story.status else None,
            "progress": story.progress, "outcome": story.outcome, "label": story.label,
            "decided_by": first.decided_by if first else None, "decided_at": first.decided_at if first else None,
            "reviewer_id": first.reviewer_id if first else None,
            "request": _request_place(entries, first, snapshot),
            "review": snapshot.review if snapshot and snapshot.review else _announcement(entries),
            "opened_at": snapshot.opened_at if snapshot else None,
            "closed_at": snapshot.closed_at if snapshot else None,
            "finished": _is_finished(story.state, entries, snapshot),
            "places": {entry.coordinates for entry in self._about[name]},
        }  # fmt: skip


def shown(model: ReadModel, request_ids: Iterable[str], partitions: int) -> dict[str, View]:
    """The same of the read model, as far as it knows these requests."""
    made: dict[str, View] = {}
    for name in request_ids:
        record = model.status(name)
        if record is not None:
            decided, standing = record.decided, record.standing
            made[name] = {
                "state": record.state, "status": record.status, "progress": record.progress,
                "outcome": standing.outcome if standing else None, "label": standing.label if standing else None,
                "decided_by": decided.by if decided else None, "decided_at": decided.at if decided else None,
                "reviewer_id": decided.reviewer_id if decided else None,
                "request": record.origin.request.coordinates if record.origin else None,
                "review": record.review.coordinates if record.review else None,
                "opened_at": record.opened_at,
                "closed_at": record.closed.at if record.closed and record.is_closed else None,
                "finished": record.finished_at is not None,
                "places": {coordinates_of(at, partition_of(name.encode(), partitions)) for at in record.places or ()},
            }  # fmt: skip
    return made


def shown_cases(model: ReadModel, request_ids: Iterable[str]) -> dict[str, View]:
    """What the read model would show on a page of each case."""
    made = {}
    for name in request_ids:
        _, case = model.status_and_case(name)
        if case is not None:
            made[name] = {
                "reason": case.reason, "revision": case.revision, "priority": case.priority,
                "recommendation": case.recommendation, "classes": case.classes, "due_at": case.due_at,
                "request_body": case.request_body, "request": case.request.coordinates,
                "review": case.review.coordinates, "answers": case.answers,
                "reopened_by": case.reopened_by, "appeal": case.appeal, "standing": case.standing,
            }  # fmt: skip
    return made


def differences(log: LogView, model: ReadModel, *, now: int) -> list[str]:
    """Everything in which the read model and the log differ, field by field."""
    found = _unequal("request", log.requests(), shown(model, log.request_ids, log.partitions))
    found += _unequal("case", log.cases(), shown_cases(model, log.request_ids))
    workflows = {*model.workflows(), *(workflow for workflow, _ in log.queues())}
    for workflow in workflows:
        for stage in CaseStage:
            right = log.queues().get((workflow, stage), [])
            if (said := model.queue(workflow, stage, count=1_000_000)) != right:
                found.append(f"queue {workflow} {stage}: {said} instead of {right}")
        sizes = {priority: log.sizes().get((workflow, priority), 0) for priority in Priority}
        if (counted := model.queue_sizes(workflow)) != sizes:
            found.append(f"sizes of {workflow}: {counted} instead of {sizes}")
        oldest = log.oldest().get(workflow)
        if (age := model.oldest_age(workflow, now=now)) != (None if oldest is None else max(0, now - oldest)):
            found.append(f"oldest of {workflow}: {age} at {now}, opened at {oldest}")
    for (workflow, stage), names in log.queues().items():
        found += _positions(model, workflow, stage, names)
    waiting = {lane: sizes for lane, sizes in model.claimable().items() if sizes}
    if waiting != log.claimable():
        found.append(f"claimable: {waiting} instead of {log.claimable()}")
    people = {each.reviewer_id: each._asdict() for each in model.reviewers(now=now)}
    found += log.disagreeing(model.steering)
    return found + _unequal("reviewer", log.reviewers(now), people)


def _positions(model: ReadModel, workflow: str, stage: CaseStage, names: Sequence[str]) -> list[str]:
    at = {name: model.queue_position(name) for name in names}
    return [
        f"{name} is {place} of {workflow} {stage}, with {ahead} ahead"
        for ahead, (name, place) in enumerate(at.items())
        if place is None or place.ahead != ahead
    ]


def _unequal(what: str, right: dict[str, View], said: dict[str, View]) -> list[str]:
    found = [f"{what} {name} is missing" for name in right.keys() - said.keys()]
    found += [f"{what} {name} is none" for name in said.keys() - right.keys()]
    for name in right.keys() & said.keys():
        for field, value in right[name].items():
            if said[name][field] != value:
                found.append(f"{what} {name}: {field} is {said[name][field]!r} instead of {value!r}")
    return found


def _activity(seen: int, answers: Sequence[tuple[int, int]], now: int) -> View:
    lately = [(at, waited) for at, waited in answers if now - at <= DAY]
    made: View = {
        "last_seen": seen,
        "decisions_today": sum(at // DAY == now // DAY for at, _ in lately),
        "decisions_last_hour": sum(now - at < HOUR for at, _ in lately),
    }
    if len(lately) <= MEAN_OF:  # of more, those that came in one millisecond have an order of their own
        made["mean_wait_seconds"] = sum(waited for _, waited in lately) / len(lately) / 1_000 if lately else None
    return made


def _who(event: Any) -> str | None:
    """Who did this; None when nobody did."""
    if getattr(event, "ended_by", None) is EndedBy.EXPIRED:
        return None
    if isinstance(event, LeaseGranted) and event.handed_over_by is not None:
        return event.handed_over_by
    return getattr(event, "reviewer_id", None) or getattr(getattr(event, "answer", None), "reviewer_id", None)


def _is_in_place(entry: Entry, partitions: int) -> bool:
    """What lies under another key or elsewhere becomes a dead letter, and is no event of this request."""
    if isinstance(entry.event, DeadLettered):
        return True
    key = getattr(entry.event, "request_id", "").encode()
    return entry.key == key and (entry.topic != "requests" or entry.partition == partition_of(key, partitions))


def _lies_right(entry: Entry, partitions: int) -> bool:
    """Where a reader looks for it who knows the request's id."""
    if BY_NAME[entry.topic].keyed is not Keyed.REQUEST:
        return True
    key = getattr(entry.event, "request_id", "").encode()
    return entry.key == key and entry.partition == partition_of(key, partitions)


def _request_place(
    entries: Sequence[Entry], made: DecisionMade | None, snapshot: CaseSnapshot | None
) -> Coordinates | None:
    """Where the request lies that was taken: as the outcome or the case says, else the first under its id."""
    named = made.request if made else snapshot.request if snapshot else None
    own = [entry.coordinates for entry in entries if isinstance(entry.event, DecisionRequested)]
    places = own + [getattr(entry.event, "request", None) for entry in entries]
    return named or min((place for place in places if place), key=lambda place: place.offset, default=None)


def _announcement(entries: Sequence[Entry]) -> Coordinates | None:
    asked = [e for e in entries if isinstance(e.event, ReviewRequested | ExpertReviewRequested)]
    last = max(asked, key=lambda e: getattr(e.event, "revision", 0), default=None)
    return last.coordinates if last else None


def _is_finished(state: State, entries: Sequence[Entry], snapshot: CaseSnapshot | None) -> bool:
    if snapshot is not None:
        return snapshot.status is CaseStatus.CLOSED and state in (State.COMPLETED, State.FAILED)
    return state is State.FAILED or (state is State.COMPLETED and _announcement(entries) is None)
