"""The queue of open cases, and what becomes of an answer."""

from collections.abc import Mapping

import msgspec
import pytest

from infra.kafka.log import TopicPartition
from infra.kafka.publisher import publish
from producers.desk.asking import NotJudged
from producers.desk.cases import actions_for, content_of, open_cases, queue, request_in, summary
from producers.desk.deciding import decide, judged
from producers.desk.shown import case_text, judgement_text, queue_text
from schemas.codec import HEADER
from schemas.events import CaseClosed, CaseEscalated, CaseSnapshot, DecisionRefused, Event, ReviewDecided
from schemas.topics import ASSIGNMENTS, CASES, REVIEW_DECISIONS
from schemas.values import CaseStage, ClosedBy, Coordinates, EscalatedBy, Level, Priority, Recommendation
from tests.support.recorded import CODEC, START, Recorded
from tests.support.simlog import SimulatedLog, SimulatedReader

HOUR = 3_600_000


def case(
    request_id: str, priority: Priority = Priority.NORMAL, *, opened_at: int = START, **fields: object
) -> CaseSnapshot:
    log = Recorded()
    request = log.request(request_id, text=f"text of {request_id}")
    stored = log.entries[0].value or b""
    log.opened(request_id, request)
    snapshot = log.entries[-1].event
    assert isinstance(snapshot, CaseSnapshot)
    given: dict[str, object] = {
        "priority": priority, "opened_at": opened_at, "request_body": stored[HEADER.size :],
        "request_fingerprint": CODEC.body(stored)[1],
    } | fields  # fmt: skip
    return msgspec.structs.replace(snapshot, **given)


def test_the_most_urgent_comes_first_then_the_nearest_deadline_then_the_oldest() -> None:
    cases = [
        case("low", Priority.LOW), case("old", opened_at=START - HOUR), case("young"), case("urgent", Priority.URGENT),
        case("due", due_at=START + HOUR),
    ]  # fmt: skip
    waiting = queue(cases, now=START)
    assert [each.request_id for each in waiting] == ["urgent", "due", "old", "young", "low"]
    assert [each.position for each in waiting] == [1, 2, 3, 4, 5]
    assert (waiting[1].due_in_ms, waiting[2].age_ms) == (HOUR, HOUR)
    assert [each.request_id for each in queue(cases, now=START, priority=Priority.LOW)] == ["low"]
    assert queue(cases, now=START, workflow="other") == []


def test_only_the_last_snapshot_of_a_case_counts() -> None:
    log = Recorded()
    for name in ("open", "closed", "forgotten"):
        log.opened(name, log.request(name))
    log.closed("closed", log.request("closed"))
    log.append(CASES.name, b"forgotten", None, None)
    found = open_cases(entry for entry in log.entries if entry.topic == CASES.name)
    assert [each.request_id for each in found] == ["open"]


def test_a_case_shows_its_content_and_what_can_be_said() -> None:
    shown = Recommendation(label="approve", confidence=0.9, level=Level.MEDIUM, probabilities=(0.1, 0.9))
    told, blind = case("a", recommendation=shown), case("b")
    assert actions_for(told) == ("approve", "reject", "escalate", "mark_wrong")
    assert actions_for(blind) == ("approve", "reject", "escalate")
    assert actions_for(case("c", stage=CaseStage.EXPERT, recommendation=shown)) == ("approve", "reject")
    request = request_in(told, CODEC)
    assert request is not None
    assert content_of(request) == '{"text":"text of a"}'
    assert "text of a" in case_text(told, request, now=START)
    assert "approve at 90.0%" in case_text(told, request, now=START)
    assert "not shown" in case_text(blind, request, now=START)
    text = queue_text([(queue([told], now=START)[0], request)], total=3)
    assert "2 more wait" in text
    assert len(summary(request, width=7)) == 7
    assert summary(request) == "text of a"


REVIEW = Coordinates(topic="review.normal", partition=0, offset=7)
MINE = ReviewDecided(decision_id="d1", request_id="a", review=REVIEW, reviewer_id="ann", action="approve")
AT = Coordinates(topic=REVIEW_DECISIONS.name, partition=1, offset=0)
CHANGE: Mapping[str, object] = {
    "event_id": "e", "request_id": "a", "workflow": "w", "sequence": 2, "revision": 1, "occurred_at": 0,
}  # fmt: skip


def refused(decision_id: str = "d1") -> DecisionRefused:
    return DecisionRefused(
        event_id="e", request_id="a", sequence=0, cause=AT, occurred_at=0, decision_id=decision_id,
        reviewer_id="ann", reason="finished", detail="take the next one",
    )  # fmt: skip


def closed(cause: Coordinates = AT) -> CaseClosed:
    return CaseClosed(**CHANGE, cause=cause, closed_by=ClosedBy.REVIEWER, label="approve")  # type: ignore[arg-type]


def escalated() -> CaseEscalated:
    return CaseEscalated(**CHANGE, cause=AT, escalated_by=EscalatedBy.PERSON)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("event", "became"),
    [
        (refused(), "refused"), (closed(), "closed"), (escalated(), "escalated"),
        (refused("another's"), None), (closed(REVIEW), None), (MINE, None),
    ],
)  # fmt: skip
def test_a_change_says_what_became_of_the_answer_that_caused_it(event: Event, became: str | None) -> None:
    log = Recorded()
    log.append(ASSIGNMENTS.name, b"a", b"", event)
    found = judged(log.entries[0], MINE, AT)
    assert (found.became if found else None) == became
    if found is not None:
        assert judgement_text(found).startswith("refused" if became == "refused" else "accepted")


class Casework(SimulatedLog):
    """Answers as casework would, as soon as somebody looks."""

    verdict = "closed"

    def reader(self, start: Mapping[TopicPartition, int]) -> SimulatedReader:
        (record,) = self.read_all(REVIEW_DECISIONS.name)
        at = Coordinates(topic=record.topic, partition=record.partition, offset=record.offset)
        match self.verdict:
            case "closed":
                publish(self, CODEC, [ASSIGNMENTS.message(closed(at))])
            case "refused":
                publish(self, CODEC, [ASSIGNMENTS.message(refused())])
        return super().reader(start)


@pytest.mark.parametrize("verdict", ["closed", "refused"])
def test_deciding_waits_for_the_judgement(verdict: str) -> None:
    log = Casework(partitions=2, wall=lambda: START)
    log.verdict = verdict
    made = decide(log, CODEC, MINE)
    assert (made.became, made.accepted) == (verdict, verdict == "closed")


def test_without_casework_nobody_claims_a_judgement() -> None:
    log = Casework(partitions=2, wall=lambda: START)
    log.verdict = "nothing"
    with pytest.raises(NotJudged):
        decide(log, CODEC, MINE, patience_seconds=0.05)
