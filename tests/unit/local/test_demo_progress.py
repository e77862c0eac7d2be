"""When the demo is over, and what it tells of: a fold over records, in any order of topics."""

from infra.local.demo_progress import DemoState
from schemas.events import CaseEscalated, ModelPromoted, ModelRefused, RetrainingRequested
from schemas.topics import ASSIGNMENTS, MODELS, RETRAINING
from schemas.values import Coordinates, DecidedBy, EscalatedBy, Trigger
from tests.support.recorded import START, Recorded


def state_of(log: Recorded) -> DemoState:
    state = DemoState()
    for entry in log.entries:
        state.add(entry)
    return state


def asked_for_a_fit(log: Recorded) -> Coordinates:
    return log.write(
        RETRAINING.message(
            RetrainingRequested(
                event_id="r", workflow="moderation", trigger=Trigger.COUNT, reason="tested", feedback_end_offset=9,
                labels=9, correction_rate=0.1, cause=Coordinates(topic="feedback", partition=0, offset=8),
                requested_at=START,
            )
        )
    )  # fmt: skip


def refused(log: Recorded, cause: Coordinates) -> None:
    log.write(
        MODELS.message(
            ModelRefused(event_id="m", workflow="moderation", model_digest="m2", reason="r", cause=cause, refused_at=0)
        )
    )


def test_it_is_over_when_all_are_decided_and_not_before() -> None:
    log = Recorded()
    requests = {name: log.request(name) for name in ("a", "b")}
    log.outcome("a", requests["a"])
    assert not state_of(log).is_done(2)
    log.reviewed("b", requests["b"])
    assert state_of(log).is_done(2)


def test_an_audit_that_was_drawn_is_waited_for_even_before_its_case_is_open() -> None:
    log = Recorded()
    request = log.request("a")
    log.outcome("a", request)
    log.drawn("a", request)
    assert not state_of(log).is_done(1)
    log.opened("a", request)
    log.audited("a", request)
    assert not state_of(log).is_done(1)
    log.closed("a", request)
    assert state_of(log).is_done(1)


def test_a_fit_that_was_asked_for_is_waited_for_and_the_last_answer_counts_for_those_before() -> None:
    log = Recorded()
    log.outcome("a", log.request("a"))
    asked_for_a_fit(log)
    last = asked_for_a_fit(log)
    assert not state_of(log).is_done(1)
    refused(log, last)
    assert state_of(log).is_done(1)


def test_a_promotion_is_noted_with_how_much_was_published_by_then() -> None:
    log = Recorded()
    log.request("a")
    cause = asked_for_a_fit(log)
    promoted = ModelPromoted(
        event_id="p", workflow="moderation", model_digest="m2", uri="u", version=2, reason="better",
        feedback_end_offset=9, cause=cause, promoted_at=START,
    )  # fmt: skip
    log.write(MODELS.message(promoted))
    log.request("b")
    assert state_of(log).learnt_after == [1]


def test_the_story_told_is_one_that_went_to_an_expert_if_there_is_any() -> None:
    log = Recorded()
    assert state_of(log).story() is None
    log.outcome("a", log.request("a"))
    log.reviewed("b", log.request("b"), by=DecidedBy.REVIEWER)
    assert state_of(log).story() == "b"
    request = log.request("c")
    log.write(
        ASSIGNMENTS.message(
            CaseEscalated(
                event_id="e", request_id="c", workflow="moderation", sequence=2, revision=2, cause=request,
                occurred_at=START, escalated_by=EscalatedBy.PERSON,
            )
        )
    )  # fmt: skip
    assert state_of(log).story() == "c"
