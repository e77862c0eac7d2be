"""Queues, people, known questions and disagreements as they are shown, from plain values."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from infra.http.problems import Problem
from infra.redis.members import DisagreementRow, Over
from infra.redis.pace import Pace
from infra.redis.reading import ReviewerActivity
from infra.redis.records import Hands, InHand, Possession, Queued, RequestRecord
from infra.redis.steering import AtRisk, Counted, Due
from producers.desk.pages.forms import Form
from producers.desk.pages.lead import disagreements, enrolling, gold
from producers.desk.pages.lead.people import assessments, in_hand, order, row
from producers.desk.pages.lead.queues import Measured, cursor_of, place_in, queues, risks
from producers.desk.roster import Person, Question, Roster
from schemas.events import GoldAdded, ReviewerAssessed
from schemas.values import CaseStage, Priority
from streams.assurance.enrolling import enrolment
from streams.casework.eligibility import Lane, Reviewer
from streams.casework.questions import Author, gold_retired
from streams.workflow.types import WorkflowType, parse_workflow
from tests.support.lead_desk import POLICY
from tests.support.recorded import CODEC, START
from tests.support.steering_suite import contradicted

HUMAN, EXPERT = ("posts", CaseStage.HUMAN), ("posts", CaseStage.EXPERT)
NONE: Mapping[Priority, int] = dict.fromkeys(Priority, 0)
TABULAR = POLICY.replace('"text"', '"tabular"') + '[columns]\nnumeric = ["amount"]\n'


def form(**fields: str | list[str]) -> Form:
    return Form({name: [value] if isinstance(value, str) else value for name, value in fields.items()})


# ---- queues ----


def measured(**more: Any) -> Measured:
    hands = dict.fromkeys((Hands.LEASED, Hands.HELD, Hands.ANSWERED), 0)
    plain: dict[str, Any] = {
        "sizes": {HUMAN: {**NONE, Priority.NORMAL: 9}, EXPERT: NONE},
        "due": {HUMAN: Due(overdue=2, soon=5, later=6), EXPERT: Due(0, 0, 0)},
        "hands": {HUMAN: {**hands, Hands.HELD: 3}, EXPERT: hands}, "oldest": {"posts": 90_000},
        "paces": {CaseStage.HUMAN: Pace(3, 60_000.0), CaseStage.EXPERT: None},
        "lanes": [Lane("posts", CaseStage.HUMAN, ("french",))],
        "at_work": [Reviewer(reviewer_id="ann", skills=frozenset({"french"})), Reviewer(reviewer_id="ben")],
    }  # fmt: skip
    return Measured(**(plain | more))


def test_a_queue_tells_what_is_due_when_without_counting_any_case_twice() -> None:
    shown = queues(measured())
    (posts,) = shown.workflows
    human, expert = posts.rows
    assert (human.waiting, human.overdue, human.soon, human.later, human.on_hold) == (9, 2, 3, 1, 3)
    assert (human.wait, expert.wait, posts.oldest) == ("3 min 0 s", "–", "1 min 30 s")
    assert (human.able, expert.able, shown.at_work) == (1, 2, 2), "only ann knows French; anybody may be an expert"
    assert shown.sentence == "2 cases are overdue and 3 cases are due within 15 minutes." and shown.is_at_risk


def test_nothing_at_risk_is_told_in_words() -> None:
    shown = queues(measured(due=dict.fromkeys((HUMAN, EXPERT), Due(0, 0, 4))))
    assert not shown.is_at_risk and shown.sentence.startswith("Nothing is overdue")
    assert queues(measured(sizes={}, due={}, hands={})).workflows == ()


@given(st.integers(0, 10**14), st.text(min_size=1, max_size=40))
def test_a_place_in_the_list_comes_back_from_its_address(due_at: int, member: str) -> None:
    assert place_in(cursor_of(AtRisk(due_at, member))) == AtRisk(due_at, member)


@pytest.mark.parametrize("cursor", ["", "x", "1", "1:", "-1:a", "９:a", "9" * 16 + ":a", ":a"])
def test_an_address_that_names_no_place_is_none(cursor: str) -> None:
    assert place_in(cursor) is None


def held(name: str, *, hands: Hands = Hands.LEASED, until: int = START) -> tuple[str, RequestRecord]:
    queued = Queued(workflow="posts", stage=CaseStage.HUMAN, priority=Priority.HIGH, due_at=START, opened_at=0)
    possession = Possession(sequence=1, hands=hands, reviewer_id="ann", expires_at=until)
    has = InHand(reviewer_id="ann", expires_at=until)
    return name, RequestRecord(queued=queued, in_hand=has, possession=possession)


def test_a_case_that_was_closed_meanwhile_is_left_out() -> None:
    places = [AtRisk(START, "1:open"), AtRisk(START, "1:closed"), AtRisk(START, "1:gone")]
    found = risks(places, [held("open")[1], RequestRecord(), None], now=START + 1)
    assert [(each.request_id, each.whose, each.hands) for each in found] == [("open", "ann", "in hand")]
    assert found[0].due is not None and found[0].due.state == "over"


# ---- people ----


def assessed(**more: Any) -> ReviewerAssessed:
    plain: dict[str, Any] = {
        "event_id": "a", "reviewer_id": "ann", "workflow": "posts", "gold_answers": 20, "gold_right": 18,
        "accuracy": 0.9, "accuracy_lower": 0.683, "accuracy_upper": 0.988, "assessed_at": START, "suspect": True,
    }  # fmt: skip
    return ReviewerAssessed(**(plain | more))


def test_a_person_is_shown_with_what_they_have_and_how_they_do() -> None:
    enrolled = enrolment("ann", None, skills=("french",), wip_limit=4, active=False, by="lea", now=START)
    person = Person(reviewer_id="ann", enrolment=enrolled, assessments={"posts": assessed()})
    activity = ReviewerActivity("ann", START, 7, 3, 90.0, 42.0)
    shown = row(person, activity, [held("a"), held("b", hands=Hands.HELD)], is_at_work=True, now=START + 5_000)
    assert (shown.in_hand, shown.on_hold, shown.limit, shown.each_takes) == (1, 1, 4, "42 s")
    assert (shown.is_paused, shown.is_suspect, shown.gold, shown.agreed) == (True, True, "18 of 20", "–")
    (told,) = assessments(person, now=START)
    assert told.accuracy == "90 %, 95 % sure: 68 % to 99 %" and told.estimated == "–"
    both = in_hand([held("late", until=9), held("soon", until=1)], now=0)
    assert [each.request_id for each in both] == ["soon", "late"]


def test_a_stranger_is_shown_too() -> None:
    shown = row(Person(reviewer_id="new"), None, [], is_at_work=False, now=START)
    assert (shown.is_enrolled, shown.seen, shown.roles, shown.each_takes) == (False, None, "as they sign in", "–")


def test_people_are_in_the_order_in_which_they_were_seen_and_found_by_a_part_of_their_id() -> None:
    known = {name: Person(reviewer_id=name) for name in ("Zoe", "ann", "eva")}
    assert order(known, {"eva": 9, "ben": 3}, wanted="") == ["eva", "ben", "Zoe", "ann"]
    assert order(known, {}, wanted="zO") == ["Zoe"]


# ---- what is said about a person ----


def test_who_is_paused_keeps_everything_else_and_whoever_was_not_enrolled_what_they_work_as() -> None:
    before = enrolment("ann", None, roles=("expert",), skills=("french",), wip_limit=2, by="lea", now=1)
    made = enrolling.paused(Person(reviewer_id="ann", enrolment=before), None, active=False, by="max", now=2)
    assert (made.active, made.roles, made.skills, made.wip_limit) == (False, ("expert",), ("french",), 2)
    assert made.enrolled_by == "max"
    at_work = Reviewer(reviewer_id="ben", roles=frozenset({"expert", "reviewer"}), skills=frozenset({"law"}))
    fresh = enrolling.paused(Person(reviewer_id="ben"), at_work, active=False, by="max", now=2)
    assert (fresh.roles, fresh.skills) == (("reviewer", "expert"), ("law",))
    with pytest.raises(Problem, match="is paused already"):
        enrolling.paused(Person(reviewer_id="ann", enrolment=made), None, active=False, by="max", now=3)
    with pytest.raises(Problem, match="may work already"):
        enrolling.paused(Person(reviewer_id="ben"), None, active=True, by="max", now=3)


def test_who_was_enrolled_anew_meanwhile_is_not_overwritten() -> None:
    person = Person(reviewer_id="ann", enrolment=enrolment("ann", None, by="max", now=1))
    enrolling.require_unchanged(person, form(before=enrolling.before(person)))
    with pytest.raises(Problem, match="max has changed this person"):
        enrolling.require_unchanged(person, form(before=""))


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "king"}, {}, {"role": "reviewer", "limit": "0"}, {"role": "reviewer", "limit": "1001"},
        {"role": "reviewer", "limit": "-1"}, {"role": "reviewer", "limit": "²"},
        {"role": "reviewer", "limit": "9" * 50},
        {"role": "reviewer", "skills": "x" * 101}, {"role": "reviewer", "skills": "a\x00b"},
        {"role": "reviewer", "skills": ",".join(map(str, range(65)))},
    ],
)  # fmt: skip
def test_an_enrolment_that_cannot_be_meant_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(Problem) as caught:
        enrolling.enrolled(Person(reviewer_id="ann"), form(**fields), by="lea", now=1)
    assert caught.value.status == 422 and "Nothing was changed" in caught.value.detail


def test_a_limit_stays_until_another_one_is_said() -> None:
    person = Person(reviewer_id="ann", enrolment=enrolment("ann", None, wip_limit=3, by="lea", now=1))
    with pytest.raises(Problem, match="limit that somebody has stays"):
        enrolling.enrolled(person, form(role="reviewer"), by="lea", now=2)
    made = enrolling.enrolled(person, form(role=["reviewer", "lead"], limit="5", skills=" a, b,,a "), by="lea", now=2)
    assert (made.roles, made.wip_limit, made.skills) == (("reviewer", "lead"), 5, ("a", "b"))


# ---- the roster ----


def test_the_roster_keeps_the_newest_of_everything() -> None:
    roster = Roster(CODEC)
    first, second = (enrolment("ann", None, active=active, by="lea", now=1 + active) for active in (False, True))
    for event in (first, second, assessed(), assessed(workflow="loans"), assessed(gold_right=20)):
        roster.take(event)
    person = roster.person("ann")
    assert person.enrolment == second and {name: a.gold_right for name, a in person.assessments.items()} == {
        "posts": 20, "loans": 18,
    }  # fmt: skip
    assert set(roster.people()) == {"ann"} and roster.person("ben") == Person(reviewer_id="ben")
    added = question()
    for event_ in (added, gold_retired("moderation", "other", by="lea", now=3)):
        roster.take(event_)
    assert [each.content for each in roster.questions("moderation")] == ["kind words"]
    roster.take(gold_retired("moderation", "q", by="max", now=4))
    known = roster.question("moderation", "q")
    assert known is not None and (known.retired_by, known.retired_at) == ("max", 4)
    roster.take(added)
    assert [each.retired_by for each in roster.questions("moderation")] == [None], "asked again"


# ---- known questions ----


def kind(document: str = POLICY) -> WorkflowType:
    return parse_workflow(document)


def question(content: str = "kind words", **fields: str) -> GoldAdded:
    said = form(**({"content": content, "label": "approve", "gold_id": "q"} | fields))
    return gold.question_in(said, kind(), CODEC, Author("lea", START, "from the handbook"))


def test_a_question_is_made_of_a_text_or_of_fields() -> None:
    assert (question().gold_id, question().label, question().added_by) == ("q", "approve", "lea")
    assert question('{"text": "kind words", "lang": "en"}').request_body != question().request_body
    one, same = question(gold_id=""), question(gold_id="")
    assert one.gold_id == same.gold_id != question("other", gold_id="").gold_id


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"content": ""}, "Write what is to be decided"), ({"label": "maybe"}, "one of reject, approve"),
        ({"content": "{nonsense"}, "is none"), ({"gold_id": "x" * 500}, "shorter id"),
        ({"content": "[" * 3}, None), ({"content": "{" + '"a":{' * 5_000}, "is none"),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_asked_is_refused(fields: dict[str, str], said: str | None) -> None:
    if said is None:
        assert question(**fields).label == "approve", "a text may begin as it likes"
        return
    with pytest.raises(Problem, match=said) as caught:
        question(**fields)
    assert caught.value.status == 422


def test_a_workflow_that_decides_on_fields_wants_them() -> None:
    with pytest.raises(Problem, match="for example amount"):
        gold.question_in(form(content="words", label="approve"), kind(TABULAR), CODEC, Author("lea", START))


def test_a_question_replaces_no_other_unseen() -> None:
    known = Question(
        event_id="e", workflow="moderation", gold_id="q", label="approve", note="", content="kind words",
        added_by="lea", added_at=1,
    )  # fmt: skip
    assert gold.is_asked_already(known, question(), "kind words")
    assert not gold.is_asked_already(None, question(), "kind words")
    assert not gold.is_asked_already(replace(known, retired_by="max"), question(), "kind words")
    with pytest.raises(Problem, match="retire it first"):
        gold.is_asked_already(known, question(label="reject"), "kind words")
    (shown,) = gold.rows([known], {"q": Counted(8, 6)}, now=START)
    assert (shown.asked, shown.right) == (8, "75 %")
    retired = replace(known, retired_by="max")
    assert [gold.shown([known, retired], which) for which in ("asked", "retired", "all", "?")] == [
        [known], [retired], [known, retired], [known],
    ]  # fmt: skip


# ---- disagreements ----


def test_answers_stand_side_by_side_with_what_stands() -> None:
    record = contradicted("r", at=START)
    told = DisagreementRow(request_id="r", over=(Over.MODEL,), labels=("approve", "reject"), people=("ann",))
    shown = disagreements.row_of(told, record, START, now=START + 60_000)
    assert [(a.who, a.label, a.stands) for a in shown.answers] == [("ann", "reject", True), ("model", "approve", False)]
    assert (shown.outcome, shown.decided_by, shown.over) == ("reject", "ann", ["a person and the model"])


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({}, True), ({"over": "model"}, True), ({"over": "upheld"}, False), ({"first": "ann"}, True),
        ({"first": "ann", "second": "ben"}, False), ({"label": "reject"}, True), ({"label": "other"}, False),
        ({"over": "<script>"}, False),
    ],
)  # fmt: skip
def test_what_is_looked_for_is_found(wanted: dict[str, str], fits: bool) -> None:
    told = DisagreementRow(request_id="r", over=(Over.MODEL,), labels=("approve", "reject"), people=("ann",))
    assert disagreements.wanted_in(wanted.get).fits(told) is fits
    assert disagreements.page_in(disagreements.cursor_of((7, told))) == (7, told)
    assert disagreements.page_in('[7,"x"]') is None and disagreements.page_in("[" * 9_999) is None
