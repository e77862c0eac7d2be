"""Where a request stands that an expert returned, and what becomes of a case that was no request's."""

import pytest
from msgspec.structs import replace

from consumers.index.batch import folded
from consumers.index.standing import settled
from infra.redis.records import Closed, RequestRecord
from schemas.values import CaseStage, ClosedBy
from streams.workflow.story import Record
from streams.workflow.timeline import story_of
from tests.support.chronicle import Chronicle
from tests.unit.index.test_possession import record


def test_a_case_that_comes_again_after_a_return_is_escalated_and_says_so_as_the_story_does() -> None:
    case = Chronicle("r").escalated("ada")
    for step in (case, case.returned("eve"), case.reprioritised("lea", case.priority), case.escalated("ben")):
        found, story = record(step), story_of(Record(m.event, m.timestamp) for m in step.messages)
        assert story is not None and (found.state, found.status) == (story.state, story.status)
    assert found.status == "escalated"


def test_a_case_sent_to_experts_by_the_policy_is_escalated_when_it_comes_again_after_its_return() -> None:
    found = record(Chronicle("r").escalated("ada").returned("eve").escalated("ben"))
    assert found.opened is not None
    by_policy = replace(found, opened=replace(found.opened, stage=CaseStage.EXPERT))
    assert settled(by_policy).status == "escalated"
    assert settled(replace(by_policy, moved=())).status == "pending_expert"
    assert settled(replace(by_policy, moved=found.moved[:2])).status == "pending_human"


@pytest.mark.parametrize(("by", "state"), [(ClosedBy.REVIEWER, "completed"), (ClosedBy.EXPIRED, "failed")])
def test_a_question_whose_answer_is_known_is_over_with_its_case_and_has_no_status(by: ClosedBy, state: str) -> None:
    case = Chronicle("r").closed("ada")
    found = record(case)
    assert found.closed is not None and not found.closed.decides
    over = settled(replace(found, closed=replace(found.closed, by=by)))
    assert (over.state, over.status, over.queued, over.finished_at) == (state, None, None, case.now)


def test_the_end_of_a_case_that_decides_waits_for_its_outcome() -> None:
    opened = folded(None, Chronicle("r").messages)
    assert isinstance(opened, RequestRecord)
    ended = settled(replace(opened, closed=Closed(sequence=2, revision=1, at=1, by=ClosedBy.REVIEWER)))
    assert (ended.state, ended.finished_at) == ("human_review", None)
