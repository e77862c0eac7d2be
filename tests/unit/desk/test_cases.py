"""The queue of open cases."""

import click
import msgspec
import pytest

from producers.desk.answering_command import meant, own_lease
from producers.desk.cases import actions_for, open_cases, possession_of, queue, request_in
from producers.desk.shown import case_for_machines, case_text, queue_text
from schemas.codec import HEADER
from schemas.events import CaseSnapshot
from schemas.topics import CASES
from schemas.values import (
    Appeal,
    CaseStage,
    Coordinates,
    DecidedBy,
    GivenAnswer,
    Hold,
    Lease,
    Level,
    Note,
    Outcome,
    PendingAnswer,
    Priority,
    Recommendation,
    ReopenedBy,
    StandingDecision,
)
from streams.workflow.content import content_of, summary
from tests.support.recorded import CODEC, START, Recorded

REQUEST = Coordinates(topic="requests", partition=0, offset=0)
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


GIVEN = GivenAnswer(
    decision_id="d1", reviewer_id="ann", action="reject", label="reject", confidence=1.0, cause=REQUEST, answered_at=0
)
LEASE = Lease(token=7, reviewer_id="ann", granted_at=START, expires_at=START + HOUR)
HOLD = Hold(reviewer_id="bea", resumes_at=START + HOUR, note="asked the author")
STANDING = StandingDecision(original="o", outcome=Outcome.REJECTED, label="reject", decided_by=DecidedBy.REVIEWER)


def test_a_case_tells_who_has_it_and_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    leased, held = case("a", lease=LEASE, skills=("medical",), tags=("ward",)), case("b", hold=HOLD)
    assert possession_of(leased) == ("ann", False, START + HOUR)
    assert possession_of(held) == ("bea", True, START + HOUR)
    assert possession_of(case("c", pending=PendingAnswer(answer=GIVEN, leaves_at=9))) == ("ann", False, 9)
    assert possession_of(case("d")) == (None, False, None)
    text = queue_text([(each, None) for each in queue([leased, held], now=START)], total=2)
    assert "human: medical" in text and "bea (on hold)" in text
    text = case_text(leased, None, now=START)
    assert "ann until 2023-11-14 23:13:20Z (lease 7)" in text and "ward" in text
    assert "until 2023-11-14 23:13:20Z asked the author" in case_text(held, None, now=START)


def test_what_others_answered_and_what_is_sealed_is_told_to_nobody() -> None:
    secret = case(
        "a", counted=(GIVEN,), people=("ann",), sealed=b"kind", appeal=Appeal(appeal_id="x", filed_at=0),
        standing=STANDING, notes=(Note(reviewer_id="cleo", note="see page 2", noted_at=0),),
    )  # fmt: skip
    shown = case_for_machines(secret, None)
    assert shown["answers_counted"] == 1
    assert {"sealed", "counted", "people", "pending", "appeal", "standing", "request_body"}.isdisjoint(shown)
    text = case_text(secret, None, now=START)
    assert "answers so far" in text and "see page 2" in text
    assert "ann" not in text and "reject" not in text.partition("hitl cases")[0].replace("reject, approve", "")


@pytest.mark.parametrize(
    ("by", "told"), [(ReopenedBy.APPEAL, True), (ReopenedBy.AUDIT, True), (ReopenedBy.VALIDATION, False)]
)
def test_a_decision_that_is_validated_is_judged_blindly(by: ReopenedBy, told: bool) -> None:
    contested = case("a", stage=CaseStage.EXPERT, reopened_by=by, standing=STANDING)
    assert ("standing" in case_for_machines(contested, None)) == told
    assert ("rejected (reject)" in case_text(contested, None, now=START)) == told


def test_an_answer_is_an_action_or_a_class_by_its_name() -> None:
    classes = ("spam", "offence", "fine")
    assert meant("reject", "spam", classes) == ("reject", "spam")
    assert meant("offence", None, classes) == meant("offence", "offence", classes) == ("label", "offence")
    for answer, label in (("offense", None), ("spam", "fine")):
        with pytest.raises(click.UsageError, match="say one of approve, reject, escalate, mark_wrong, spam, offence"):
            meant(answer, label, classes)
    assert "approve|reject|escalate|spam|offence|fine" in case_text(case("a", classes=classes), None, now=START)


def test_whoever_has_a_case_answers_under_its_lease() -> None:
    assert own_lease(case("a", lease=LEASE), "ann") == 7
    assert own_lease(case("a", lease=LEASE), "bea") is None
    assert own_lease(case("a"), "ann") is None


def test_the_queue_can_be_read_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Titles stay whole, and columns that say nothing of any case give way."""
    monkeypatch.setenv("COLUMNS", "80")
    free = case("a", recommendation=None)
    titles = queue_text([(queue([free], now=START)[0], None)], total=1).splitlines()[1].split()
    assert titles == ["#", "request", "workflow", "priority", "for", "age", *(["due", "in"] if free.due_at else [])]
    held = case("a", lease=LEASE)
    shown = queue_text([(queue([held], now=START)[0], None)], total=1)
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert {"request", "workflow", "priority", "with"} <= set(shown.splitlines()[1].split())

