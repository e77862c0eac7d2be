"""What whoever steers asks of the read model, of a Redis in memory; and on which requests people disagree."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from consumers.index import disagreement as kept_of
from consumers.index.disagreement import rows, validated
from infra.redis.disagreeing import answers_in, disagreement
from infra.redis.members import Over
from infra.redis.records import RequestRecord
from infra.redis.said import Said, Voice
from infra.redis.steering import Steering
from schemas.events import DecisionValidated
from schemas.values import Coordinates, DecidedBy
from tests.support.recorded import START, Recorded
from tests.support.redis_in_memory import RedisInMemory
from tests.support.steered import KEYS, message_of
from tests.support.steering_suite import SUITE, Apply, contradicted
from tests.support.tables import Tables


@pytest.mark.parametrize("check", SUITE, ids=lambda check: check.__name__)
def test_a_redis_in_memory(check: Callable[[Steering, Apply], None]) -> None:
    redis = RedisInMemory()
    check(Steering(redis, KEYS), redis.tables.apply)


def over(record: RequestRecord) -> set[Over]:
    row = disagreement("r", record)
    return set() if row is None else set(row.over)


def test_nothing_is_told_while_anything_is_open() -> None:
    record = contradicted("r")
    assert over(record) == {Over.MODEL}
    assert over(replace(record, finished_at=None)) == set()
    assert over(replace(record, decided=None)) == set(), "a question whose answer is known is decided by nobody"


def test_people_who_answered_alike_do_not_disagree() -> None:
    record = replace(contradicted("r"), said=(Said(voice=Voice.MODEL, at=1, label="reject"),))
    assert over(record) == set()
    two = tuple(Said(voice=Voice.ONE_OF_SEVERAL, at=2, label="reject", reviewer_id=who) for who in ("ann", "ben"))
    assert over(replace(record, said=two)) == set()
    other = Said(voice=Voice.ONE_OF_SEVERAL, at=2, label="approve", reviewer_id="cas")
    assert over(replace(record, said=(*two, other))) == {Over.SEVERAL}


def test_who_contradicts_a_finished_decision_disagrees_and_who_confirms_it_does_not() -> None:
    log, place = Recorded(), Coordinates(topic="requests", partition=0, offset=0)

    def judged(*, agrees: bool) -> RequestRecord:
        event = DecisionValidated(
            event_id="v", request_id="r", workflow="posts", label="reject" if agrees else "approve",
            standing_label="reject", agrees=agrees, decided_by=DecidedBy.REVIEWER, expert_id="eva",
            inclusion_probability=0.1, cause=place, validated_at=START + 5,
        )  # fmt: skip
        log.request("r")
        record = replace(contradicted("r"), said=())
        return validated(record, event, message_of(log.entries[-1]))

    assert over(judged(agrees=True)) == set()
    assert over(judged(agrees=False)) == {Over.VALIDATION}
    assert [(each.reviewer_id, each.voice) for each in answers_in(judged(agrees=False))] == [
        ("ann", Voice.DECISION), ("eva", Voice.VALIDATION),
    ]  # fmt: skip


def test_only_the_newest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = Tables()
    monkeypatch.setattr(kept_of, "MOST", 20)
    for number in range(70):
        tables.apply(rows(KEYS, f"r{number}", None, contradicted(f"r{number}", at=START + number)))
    kept = tables.sorted_sets[KEYS.disagreements("posts")]
    assert len(kept) == 20 and min(kept.values()) == START + 50


def test_a_request_that_is_judged_anew_leaves_the_list_and_comes_back_with_the_answer() -> None:
    tables, before = Tables(), contradicted("r")
    tables.apply(rows(KEYS, "r", None, before))
    again = replace(before, finished_at=None)
    tables.apply(rows(KEYS, "r", before, again))
    assert not tables.sorted_sets[KEYS.disagreements("posts")]
    upheld = Said(voice=Voice.UPHELD, at=START + 9, label="reject", reviewer_id="eva")
    tables.apply(rows(KEYS, "r", again, replace(before, finished_at=START + 9, said=(*before.said, upheld))))
    ((member, at),) = tables.sorted_sets[KEYS.disagreements("posts")].items()
    assert at == START + 9 and "upheld" in str(member)
