"""Which answers stand beside a case, and what a person may know of how they do."""

from typing import Any

import pytest

from infra.redis.members import AnswerRow
from infra.redis.records import Hands
from producers.desk.pages.work.frame import frame_of
from producers.desk.pages.work.holding import rows_of
from producers.desk.pages.work.statistics import FEWEST, statistics_of
from producers.desk.presenting import CaseShown
from schemas.values import CaseStage, Coordinates, Priority
from streams.casework.people import STRANGER, Assessment, Person

DAY = 86_400_000  # milliseconds
NOW = 20_000 * DAY + DAY // 2


def shown(**fields: Any) -> CaseShown:
    known: dict[str, Any] = {
        "request_id": "r", "workflow": "posts", "revision": 1, "priority": Priority.NORMAL, "reason": "no model",
        "classes": ("reject", "approve"), "approving_class": "approve", "policy_version": 1, "requested_at": 0,
        "created_at": 0, "review": Coordinates(topic="review.normal", partition=0, offset=1), "content": "x",
        "actions": ("approve", "reject", "escalate"),
    }  # fmt: skip
    return CaseShown(**known | fields)


def test_two_classes_are_approved_or_rejected_and_named_where_they_have_names() -> None:
    frame = frame_of(shown(classes=("refuse", "refund"), approving_class="refund"))
    assert [(each.action, each.label, each.detail) for each in frame.answers] == [
        ("approve", None, "refund"), ("reject", None, "refuse"),
    ]  # fmt: skip
    assert [each.action for each in frame.passing] == ["escalate"]


def test_more_classes_are_labels_of_which_nine_have_digits() -> None:
    classes = tuple(f"class {number}" for number in range(11))
    actions = ("approve", "reject", "label", "escalate")
    frame = frame_of(shown(classes=classes, approving_class="class 4", actions=actions))
    assert [each.label for each in frame.answers] == list(classes)
    assert {each.action for each in frame.answers} == {"label"}
    assert [each.key for each in frame.answers] == [*(f"label_{n}" for n in range(1, 10)), None, None]
    assert [each.label for each in frame.answers if each.detail] == ["class 4"]


def test_an_expert_passes_nothing_on() -> None:
    frame = frame_of(shown(stage=CaseStage.EXPERT, actions=("approve", "reject")))
    assert frame.is_expert and frame.passing == ()


def test_wrong_is_offered_only_where_there_is_a_recommendation() -> None:
    frame = frame_of(shown(actions=("approve", "reject", "mark_wrong")))
    assert [each.action for each in frame.passing] == ["mark_wrong"]


def test_what_one_has_comes_before_what_is_set_aside() -> None:
    cases = [
        shown(request_id="aside", hands=Hands.HELD, until=NOW + 1), shown(request_id="free"),
        shown(request_id="late", hands=Hands.LEASED, until=NOW + 9),
        shown(request_id="soon", hands=Hands.LEASED, until=NOW + 5),
    ]  # fmt: skip
    assert [row.request_id for row in rows_of(cases, now=NOW)] == ["soon", "late", "aside"]


def rows(*ages: int) -> list[tuple[int, AnswerRow]]:
    """Answers so many milliseconds ago."""
    row = AnswerRow(stage=CaseStage.HUMAN, workflow="posts", sequence=1, waited_ms=1, request_id="r")
    return [(NOW - age, row) for age in sorted(ages, reverse=True)]


def test_answers_are_counted_by_day_and_hour_and_pauses_left_out() -> None:
    found = statistics_of(rows(1_000, 31_000, 61_000, 3_600_000 * 5, DAY), STRANGER, now=NOW)
    assert (found.today, found.last_hour, found.two_days, found.seconds_each) == (4, 3, 5, 30.0)
    assert found.workflows == (("posts", 5),)


def test_nothing_is_made_up_for_who_has_not_answered() -> None:
    found = statistics_of([], STRANGER, now=NOW)
    assert (found.today, found.seconds_each, found.agreements) == (0, None, ())


@pytest.mark.parametrize(("answers", "percent"), [(FEWEST - 1, None), (FEWEST, 50)])
def test_agreement_is_told_when_there_is_enough_of_it(answers: int, percent: int | None) -> None:
    said = Assessment(
        may_adjudicate=True, suspect=False, reason="", overlap_answers=answers, overlap_agreed=answers // 2
    )
    (found,) = statistics_of([], Person(assessed={"posts": said}), now=NOW).agreements
    assert found.percent == percent
