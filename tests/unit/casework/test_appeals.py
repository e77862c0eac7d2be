"""Appeals and contradicting audits: an expert judges the decision anew, and the original stays what it was."""


import pytest
from msgspec.structs import replace

from schemas.events import (
    AppealNoted,
    AuditAnswered,
    AuditExpired,
    CaseClosed,
    CaseReopened,
    DecisionMade,
    DecisionRefused,
    ExpertReviewRequested,
    FeedbackRecorded,
    OutcomeAmended,
    OutcomeUpheld,
)
from schemas.topics import APPEALS, REVIEW
from schemas.values import (
    CaseStatus,
    DecidedBy,
    EscalatedBy,
    Outcome,
    Priority,
    ReopenedBy,
    SampleKind,
)
from tests.unit.casework.appealing import appeal, file, judge, kinds, only, original, table
from tests.unit.casework.driver import CODEC, HOUR, START, decision, review
from tests.unit.casework.replaying import fold


def test_an_appeal_of_an_automatic_decision_asks_an_expert_who_sees_what_was_decided() -> None:
    at = table()
    made = file(at)
    assert kinds(made) == ["ExpertReviewRequested", "CaseReopened", "CaseSnapshot"]
    asked = only(made, ExpertReviewRequested)
    assert (asked.reopened_by, asked.escalated_by, asked.priority) == ("appeal", EscalatedBy.PERSON, Priority.HIGH)
    assert (asked.appeal.statement, asked.appeal.filed_by) == ("It is a quotation.", "customer-5")
    assert (asked.standing.label, asked.standing.decided_by) == ("hate", DecidedBy.AUTOMATION)
    assert asked.due_at == START + 24 * HOUR
    assert asked.revision == 2, "the router's announcement may only ever be the first"
    assert CODEC.decode(CODEC.encode(asked)) == asked


def test_an_expert_who_answers_otherwise_amends_and_never_makes_a_second_original() -> None:
    at = table()
    file(at)
    made = judge(at, "neither")
    assert kinds(made) == ["OutcomeAmended", "FeedbackRecorded", "CaseClosed", "CaseSnapshot"]
    amended = only(made, OutcomeAmended)
    assert (amended.original, amended.cause_of_review, amended.appeal_id) == ("outcome:r", "appeal", "a1")
    assert (amended.previous_outcome, amended.previous_label) == (Outcome.REJECTED, "hate")
    assert (amended.outcome, amended.label, amended.note) == (Outcome.APPROVED, "neither", "Mine.")
    recorded = only(made, FeedbackRecorded)
    assert (recorded.kind, recorded.type, recorded.blind, recorded.model_label) == (
        "expert", "correction", False, "hate",
    )  # fmt: skip


def test_an_expert_who_agrees_upholds() -> None:
    at = table()
    file(at)
    upheld = only(judge(at, "hate"), OutcomeUpheld)
    assert (upheld.original, upheld.outcome, upheld.appeal_id) == ("outcome:r", Outcome.REJECTED, "a1")


def test_a_closed_case_keeps_what_stands_but_not_the_statement() -> None:
    at = table()
    file(at)
    judge(at, "neither")
    stub = at.cases()["r"]
    assert stub.status is CaseStatus.CLOSED
    assert stub.appeal is not None and stub.appeal.statement == ""
    assert stub.standing is not None and (stub.standing.label, stub.standing.original) == ("neither", "outcome:r")


@pytest.mark.parametrize("by", ["expert", "reviewer"])
def test_who_decided_may_not_judge_it_anew(by: str) -> None:
    at = table()
    file(at, appeal(original(decided_by=DecidedBy(by), reviewer_id="eva")))
    refused = only(judge(at, "neither", reviewer_id="eva"), DecisionRefused)
    assert refused.reason == "same_person"
    assert only(judge(at, "neither", reviewer_id="adam"), OutcomeAmended)


def test_an_appeal_of_a_reviewers_decision_reopens_its_case_under_the_next_revision() -> None:
    at = table()
    place = at.announce(review())
    made = only(at.answer(decision(place, "reject", label="hate", reviewer_id="ada")), DecisionMade)
    asked = only(file(at, appeal(made)), ExpertReviewRequested)
    assert asked.revision == 2
    assert only(judge(at, "neither", reviewer_id="ada"), DecisionRefused).reason == "same_person"
    amended = only(judge(at, "neither", reviewer_id="bob"), OutcomeAmended)
    assert (amended.previous_label, amended.original) == ("hate", made.event_id)
    assert only(at.events, DecisionMade) == made


def test_a_late_answer_to_the_first_review_changes_nothing_of_the_appeal() -> None:
    at = table()
    place = at.announce(review())
    made = only(at.answer(decision(place, "reject", label="hate")), DecisionMade)
    file(at, appeal(made))
    assert only(at.answer(decision(place, "approve")), DecisionRefused).reason == "superseded"


def test_an_appeal_waits_for_an_open_audit_which_stays_blind() -> None:
    at = table()
    place = at.announce(review(kind=SampleKind.AUDIT, model_label="hate"))
    before = len(at.outgoing)
    assert kinds(file(at)) == ["AppealNoted", "CaseSnapshot"]
    assert [o.topic for o in at.outgoing[before:]] == ["appeals", "cases"], "nothing that reviewers can read"
    made = at.answer(decision(place, "reject", label="hate", reviewer_id="ada"))
    assert kinds(made) == [
        "AuditAnswered", "FeedbackRecorded", "CaseClosed", "CaseSnapshot",
        "ExpertReviewRequested", "CaseReopened", "CaseSnapshot",
    ]  # fmt: skip
    asked = only(made, ExpertReviewRequested)
    assert asked.reopened_by is ReopenedBy.APPEAL
    assert [answer.reviewer_id for answer in asked.answers] == ["ada"]
    assert only(judge(at, "hate"), OutcomeUpheld).appeal_id == "a1"


def test_an_appeal_that_waits_for_an_audit_outlives_its_deadline() -> None:
    at = table()
    at.announce(review(kind=SampleKind.AUDIT, due_at=START + HOUR))
    file(at)
    at.lane.now = START + HOUR
    made = at.tick()
    assert only(made, AuditExpired) and only(made, CaseReopened).reopened_by is ReopenedBy.APPEAL
    assert only(judge(at, "neither"), OutcomeAmended)


def test_an_audit_that_contradicts_automation_brings_in_an_expert() -> None:
    at = table()
    place = at.announce(review(kind=SampleKind.AUDIT, model_label="hate"))
    made = at.answer(decision(place, "approve", reviewer_id="ada"))
    assert not only(made, AuditAnswered).agrees
    asked = only(made, ExpertReviewRequested)
    assert (asked.reopened_by, asked.escalated_by, asked.appeal) == ("audit", EscalatedBy.POLICY, None)
    amended = only(judge(at, "neither"), OutcomeAmended)
    assert (amended.cause_of_review, amended.appeal_id, amended.original) == ("audit", None, "outcome:r")


def test_an_audit_that_agrees_or_a_policy_that_says_so_amends_nothing() -> None:
    for at, action, label in ((table(), "reject", "hate"), (table("amend_on_audit = false"), "approve", None)):
        place = at.announce(review(kind=SampleKind.AUDIT, model_label="hate"))
        assert not any(isinstance(e, CaseReopened) for e in at.answer(decision(place, action, label=label)))


def test_an_appeal_during_the_second_look_of_an_audit_comes_after_it_about_what_stands_then() -> None:
    at = table()
    place = at.announce(review(kind=SampleKind.AUDIT, model_label="hate"))
    at.answer(decision(place, "approve", reviewer_id="ada"))
    assert kinds(file(at)) == ["AppealNoted", "CaseSnapshot"]
    made = judge(at, "offensive", reviewer_id="eva")
    assert only(made, OutcomeAmended).cause_of_review == "audit"
    assert only(made, CaseReopened).standing.label == "offensive"
    amended = only(judge(at, "neither", reviewer_id="adam"), OutcomeAmended)
    assert (amended.previous_label, amended.appeal_id) == ("offensive", "a1")


def test_an_appeal_overtakes_no_announcement_that_was_written_before_it() -> None:
    at = table()
    at.write(REVIEW[Priority.NORMAL].name, review(kind=SampleKind.AUDIT))
    assert file(at) == [], "held: the audit's announcement is still to be read"
    at.read_all(REVIEW[Priority.NORMAL].name)
    assert only(at.read_all(APPEALS.name), AppealNoted).appeal.appeal_id == "a1"


def test_an_appeal_of_a_decision_under_a_newer_policy_waits_for_it() -> None:
    at = table()
    grounds = replace(original().grounds, config_offsets={"policies": 4})
    assert file(at, appeal(original(grounds=grounds))) == []
    at.lane.config_offsets = {"policies": 4}
    assert only(at.read_all(APPEALS.name), CaseReopened)


def test_a_case_can_be_told_again_from_its_events_with_an_appeal_in_it() -> None:
    at = table()
    place = at.announce(review(kind=SampleKind.AUDIT, model_label="hate"))
    file(at)
    at.answer(decision(place, "approve", reviewer_id="ada"))
    judge(at, "neither")
    assert at.cases() == at.lane.state.committed == fold(at.history()) == fold(at.history(), 2)
    assert [e.sequence for e in at.events if isinstance(e, CaseClosed)] == [2, 5]


def test_a_case_that_was_forgotten_takes_no_number_again() -> None:
    at = table()
    place = at.announce(review())
    made = only(at.answer(decision(place, "reject", label="hate", reviewer_id="ada")), DecisionMade)
    at.lane.now += 31 * 24 * HOUR
    at.tick()
    assert at.lane.state.get("r") is None
    reopened = only(file(at, appeal(made)), CaseReopened)
    judge(at, "neither")
    ids = [event.event_id for event in at.events if hasattr(event, "event_id")]
    assert len(ids) == len(set(ids))
    assert reopened.sequence > 100_000_000 and reopened.revision > 100_000_000
    assert fold(at.history()) == at.lane.state.committed


def test_nobody_who_took_part_judges_anew_though_the_case_was_forgotten() -> None:
    at = table()
    made = original(decided_by=DecidedBy.REVIEWER, reviewer_id="bea", reviewers=("ada", "bea"))
    at.lane.now += 31 * 24 * HOUR
    file(at, appeal(made))
    for name in ("ada", "bea"):
        assert only(judge(at, "neither", reviewer_id=name), DecisionRefused).reason == "same_person"
