"""What upstream is told while people work: that it waits for them, again after a return, and no more than that."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from infra.redis.records import Announced, Decided, Opened, Place, RequestRecord
from producers.gateway.standing import Standing, is_asked_upstream
from schemas import events as e
from schemas.values import CaseStage, DecidedBy, EscalatedBy, Outcome, Priority, ReopenedBy, StandingDecision
from streams.workflow.story import Record, Status
from tests.unit.gateway.test_standing import told
from tests.unit.workflow.histories import T0, histories
from tests.unit.workflow.test_people_at_work import (
    BESIDE,
    ESCALATED,
    RETURNED,
    RETURNED_TO_REVIEWERS,
    case,
    decision,
    gold_answered,
    opened,
    review,
)
from tests.unit.workflow.test_timeline import REQUESTED


def shown(records: Sequence[Record]) -> Standing:
    found = told(records)
    assert found is not None
    return found


@given(histories())
def test_how_people_work_on_a_case_is_not_told(records: list[Record]) -> None:
    assert told(records) == told([record for record in records if not isinstance(record.event, BESIDE)])


def test_a_returned_case_waits_for_people_again_and_the_experts_words_are_not_told() -> None:
    found = shown([REQUESTED, *RETURNED_TO_REVIEWERS])
    assert found.status is Status.PENDING_HUMAN
    texts = [moment.text for moment in found.timeline or ()]
    assert "eva returned the case to reviewers." in texts
    assert not any("invoice" in text for text in texts)
    assert shown([REQUESTED, opened(CaseStage.HUMAN), ESCALATED]).status is Status.ESCALATED
    done = shown([REQUESTED, *RETURNED_TO_REVIEWERS, decision(DecidedBy.REVIEWER, reviewer_id="ann")])
    assert (done.status, done.decided_by) == (Status.APPROVED, DecidedBy.REVIEWER)


def test_while_a_decision_is_validated_upstream_sees_its_outcome_and_nothing_else() -> None:
    standing = StandingDecision(
        original="outcome:r", outcome=Outcome.APPROVED, label="yes", decided_by=DecidedBy.REVIEWER
    )
    before = [REQUESTED, review(1, T0), opened(CaseStage.HUMAN), decision(DecidedBy.REVIEWER, reviewer_id="ann")]
    closed = case(e.CaseClosed, 2, closed_by="reviewer", label="yes")
    reopened = case(e.CaseReopened, 3, revision=2, reopened_by=ReopenedBy.VALIDATION, standing=standing)
    asked = expert_asked(revision=2)
    ended = case(e.CaseClosed, 4, revision=2, closed_by="expert", label="yes")
    assert told([*before, closed, reopened, asked, ended]) == told([*before, closed])
    assert shown([*before, closed, reopened, asked]).status is Status.APPROVED


def expert_asked(revision: int) -> Record:
    asked = review(revision, T0 + 200).event
    fields: dict[str, Any] = {name: getattr(asked, name) for name in asked.__struct_fields__}
    return Record(e.ExpertReviewRequested(**fields, escalated_by=EscalatedBy.POLICY), T0)


def test_a_question_whose_answer_is_known_is_no_request_of_upstreams() -> None:
    asked = [review(1, T0), opened(CaseStage.HUMAN)]
    closed = case(e.CaseClosed, 2, closed_by="reviewer", reviewer_id="ann", label="yes")
    for records in (asked, [*asked, ESCALATED, RETURNED], [*asked, closed, gold_answered("yes")]):
        assert told(records) is None
    assert told([REQUESTED, *asked]) is not None


PLACE = Place(topic="requests", partition=0, offset=3)
ASKED_PEOPLE = RequestRecord(
    announced=Announced(
        revision=1, stage=CaseStage.HUMAN, priority=Priority.NORMAL, escalated_by=None, created_at=T0, due_at=None,
        review=PLACE,
    ),
    opened=Opened(
        workflow="posts", revision=1, stage=CaseStage.HUMAN, priority=Priority.NORMAL, due_at=None, at=T0
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("record", "is_asked"),
    [
        (RequestRecord(), True),
        (ASKED_PEOPLE, False),
        (replace(ASKED_PEOPLE, announced=None), False),
        (replace(ASKED_PEOPLE, predicted_at=T0), True),
        (
            replace(
                ASKED_PEOPLE,
                decided=Decided(
                    at=T0, request_offset=3, outcome=Outcome.APPROVED, label="yes", by=DecidedBy.REVIEWER,
                    reviewer_id="ann",
                ),
            ),
            True,
        ),
    ],
)  # fmt: skip
def test_the_read_model_alone_cannot_tell_whether_a_case_without_a_prediction_is_a_request(
    record: RequestRecord, is_asked: bool
) -> None:
    assert is_asked_upstream(record) is is_asked
