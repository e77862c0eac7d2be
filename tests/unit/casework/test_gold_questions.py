"""Questions whose answer is known: asked by chance, told from nothing that a reviewer sees, and counted apart."""

import re
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from infra.kafka.partitioner import partition_of
from schemas.events import (
    AuditAnswered,
    CaseClosed,
    CaseOpened,
    CommandRefused,
    DecisionMade,
    DecisionRequested,
    FeedbackRecorded,
    GoldAdded,
    GoldAnswered,
    GoldRetired,
    PredictionMade,
    ReviewRequested,
)
from schemas.topics import REVIEW
from schemas.values import ClosedBy, Coordinates, Level, Payload, Priority, SampleKind
from streams.casework.gold import MAX_NAMED_BYTES, Question, disguised, question_after
from streams.casework.sealing import SEALED_BYTES
from streams.routing.consequences import Answer, Decision, Sample, review_asked
from streams.routing.policy import Action, Route
from streams.routing.risk import assess
from tests.unit.casework.appealing import only
from tests.unit.casework.driver import CODEC, HOUR, PARTITIONS, SALT, SEALER, START, WORKFLOW, Table
from tests.unit.casework.working import after, ask, claim, enrolled, escalate, names, refused, say, table

EVERY = """
review_timeout_hours = 48
[review]
gold_share = 1
skills = ["english"]
tag_fields = ["topic"]
sla_hours = {normal = 12, urgent = 1}
[[rules]]
name = "calls"
when = { field = "topic", op = "eq", value = "threat" }
then = { flags = ["threat"], priority = "urgent", require_skill = "law" }
"""
ID = "r-8812003471"
PEOPLE = ("ada", "bob", "eve", "lea")


def request(request_id: str, topic: str = "chat", **more: Any) -> DecisionRequested:
    body = f'{{"text": "see me", "topic": "{topic}"}}'.encode()
    return DecisionRequested(
        request_id=request_id, workflow=WORKFLOW, payload=Payload(body=body), source="csv", **more
    )


def added(topic: str = "chat", label: str = "hate", gold_id: str = "g1") -> GoldAdded:
    asked = request("never seen", topic, submitted_at=5)
    body, fingerprint = CODEC.body(CODEC.encode(replace(asked, source="lead's desk")))
    return GoldAdded(
        event_id=f"gold:{gold_id}", workflow=WORKFLOW, gold_id=gold_id, request_body=body,
        request_fingerprint=fingerprint, label=label, added_by="lea", added_at=0,
    )  # fmt: skip


def with_gold(*questions: GoldAdded | GoldRetired, more: str = EVERY) -> Table:
    everybody = [enrolled(who, "reviewer", "expert", "lead", skills=("english", "law")) for who in PEOPLE]
    at = table(more, *everybody)
    for event in questions:
        at.config = at.config.with_event(event)
    return at


def routed(at: Table, request_id: str, topic: str = "chat", *, kind: SampleKind = SampleKind.BLIND) -> ReviewRequested:
    """What the router announces about a request, under the policy in force at the table."""
    asked, policy = request(request_id, topic, submitted_at=START - HOUR - 3), at.config.policies[WORKFLOW]
    body, fingerprint = CODEC.body(CODEC.encode(asked))
    prediction = PredictionMade(
        event_id=f"predicted:{request_id}", request_id=request_id, workflow=WORKFLOW,
        request=Coordinates(topic="requests", partition=at.partition, offset=900), request_body=body,
        request_fingerprint=fingerprint, requested_at=START - HOUR, classes=("neither", "hate", "offensive"),
        probabilities=(0.1, 0.85, 0.05), predicted_at=START,
    )  # fmt: skip
    decision = Decision(
        prediction=prediction, request=asked, policy=policy,
        cause=Coordinates(topic="predictions", partition=at.partition, offset=900),
        answer=Answer("hate", 0.85, Level.MEDIUM, (0.1, 0.85, 0.05)),
        risk=assess(asked, policy.workflow_type), route=Route(Action.HUMAN_REVIEW, Priority.HIGH, "medium"),
        now=at.lane.now, config_offsets={"models": 9, "policies": 2},
    )  # fmt: skip
    return review_asked(decision, Sample(kind, 0.3), SEALER)


def asked_after(at: Table, beside: ReviewRequested) -> ReviewRequested | None:
    """The question that was asked after this announcement."""
    at.announce(beside)
    found = [r.event for r in at.given[-1].outgoing if isinstance(r.event, ReviewRequested)]
    assert len(found) <= 1
    return found[0] if found else None


def question(at: Table, name: str = ID, topic: str = "chat") -> ReviewRequested:
    beside = routed(at, name_in(at, name), topic, kind=SampleKind.REVIEW)
    made = asked_after(after(at, 1_700), beside)  # casework reads it a little later
    assert made is not None
    return made


def name_in(at: Table, pattern: str) -> str:
    """An id like this one that belongs to the partition of the table."""
    names = (f"{pattern[:-2]}{number:02}" for number in range(100))
    return next(name for name in names if partition_of(name.encode(), PARTITIONS) == at.partition)


@pytest.mark.parametrize("topic", ["chat", "threat"])
@pytest.mark.parametrize("beside", ["chat", "threat"])
def test_nothing_that_a_reviewer_sees_tells_a_question_from_a_blind_review(topic: str, beside: str) -> None:
    """Field by field the router's own blind review of the same content, but for what names it and where it lies."""
    at = with_gold(added(topic))
    asked = question(at, topic=beside)
    blind = routed(at, asked.request_id, topic)
    own = {"event_id", "request_id", "request", "requested_at", "cause", "sealed"}
    shown = {name: getattr(asked, name) for name in asked.__struct_fields__ if name not in own}
    assert shown == {name: getattr(blind, name) for name in blind.__struct_fields__ if name not in own}
    assert asked.event_id == blind.event_id
    assert len(asked.sealed) == len(blind.sealed) == SEALED_BYTES
    assert asked.sealed != blind.sealed
    assert [type(getattr(asked, name)) for name in own] == [type(getattr(blind, name)) for name in own]
    for mine, theirs in ((asked.request, blind.request), (asked.cause, blind.cause)):
        assert (mine.topic, mine.partition) == (theirs.topic, theirs.partition)
        assert 0 <= theirs.offset - mine.offset <= 51
    assert 0 < blind.requested_at - asked.requested_at <= 1_021


def test_no_question_is_asked_while_it_would_look_like_nothing_else() -> None:
    """Without a model's answer nobody is shown a recommendation, and nobody is drawn to be shown none."""
    at = with_gold(added())
    beside = routed(at, name_in(at, ID), kind=SampleKind.REVIEW)
    assert asked_after(at, replace(beside, recommendation=None)) is None


def test_what_becomes_of_it_looks_as_what_becomes_of_an_audit() -> None:
    """In everything that reviewers may read of it afterwards, too."""
    told = []
    for kind in (SampleKind.GOLD, SampleKind.AUDIT):
        at = with_gold(added())
        if kind is SampleKind.GOLD:
            name, topic = question(at).request_id, "review.normal"
            at.read_all(topic)
            place = Coordinates(topic=topic, partition=0, offset=len(at.topics[topic]) - 1)
        else:
            name = name_in(at, ID)
            place = at.announce(routed(at, name, kind=kind))
        before = len(at.events)
        claim(at, request_id=name)
        made = say(at, place, request_id=name)
        told.append([type(e).__name__ for e in at.events[before:] if hasattr(e, "sequence") and hasattr(e, "revision")])
        closed = only(made, CaseClosed)
        told[-1] += [closed.closed_by, closed.label, closed.standing]
    assert told[0] == told[1]


def test_the_answer_is_counted_for_the_person_and_decides_and_teaches_nothing() -> None:
    at = with_gold(added(label="offensive"))
    name = question(at).request_id
    (opened,) = (e for e in at.read_all("review.normal") if isinstance(e, CaseOpened))
    made = say(at, opened.review, request_id=name, confidence=0.7)
    told = only(made, GoldAnswered)
    assert (told.gold_id, told.reviewer_id, told.label, told.right_label) == ("g1", "ada", "hate", "offensive")
    assert (told.agrees, told.confidence) == (False, 0.7)
    assert not any(isinstance(e, DecisionMade | AuditAnswered | FeedbackRecorded) for e in made)
    assert refused(say(at, opened.review, "bob", request_id=name)) == "finished"


def test_a_question_that_nobody_answers_expires_as_an_audit_does() -> None:
    at = with_gold(added())
    question(at)
    at.read_all("review.normal")
    made = after(at, 12 * HOUR).tick()
    closed = [event.closed_by for event in made if isinstance(event, CaseClosed)]
    assert closed == [ClosedBy.EXPIRED]


def test_passed_on_it_stays_blind_with_the_expert_and_is_the_experts_test() -> None:
    at = with_gold(added())
    name = question(at).request_id
    (opened,) = (e for e in at.read_all("review.normal") if isinstance(e, CaseOpened))
    there = escalate(at, opened.review, request_id=name)
    assert only(say(at, there, "eve", request_id=name), GoldAnswered).reviewer_id == "eve"


def test_no_question_follows_a_question_and_none_is_asked_twice() -> None:
    at = with_gold(added())
    beside = routed(at, name_in(at, ID))
    assert asked_after(at, beside) is not None
    assert "ReviewRequested" not in names(at.read_all("review.normal"))
    assert asked_after(at, beside) is None  # a repeat of the announcement


@pytest.mark.parametrize(
    ("questions", "more"),
    [
        ((), EVERY),
        ((added(), GoldRetired(event_id="x", workflow=WORKFLOW, gold_id="g1", retired_by="l", retired_at=0)), EVERY),
        ((added(label="a class of another year"),), EVERY),
        ((added(gold_id="g" * MAX_NAMED_BYTES),), EVERY),  # what no sealed field could hold
        ((added(),), EVERY.replace("gold_share = 1", "gold_share = 0")),
    ],
)
def test_no_question_is_asked(questions: tuple[GoldAdded | GoldRetired, ...], more: str) -> None:
    at = with_gold(*questions, more=more)
    assert asked_after(at, routed(at, name_in(at, ID))) is None


def test_no_question_is_asked_beside_what_another_policy_announced() -> None:
    at = with_gold(added())
    assert asked_after(at, replace(routed(at, name_in(at, ID)), policy_version=4)) is None


def test_the_draw_keeps_its_share() -> None:
    questions = (Question("g1", b"", b"", "hate"), Question("g2", b"", b"", "hate"))
    drawn = [question_after(SALT, f"r{number}", questions, 0.2) for number in range(5_000)]
    assert abs(sum(each is not None for each in drawn) - 1_000) < 4 * (5_000 * 0.2 * 0.8) ** 0.5
    assert {each.gold_id for each in drawn if each} == {"g1", "g2"}


@pytest.mark.parametrize("version", [4, 7])
def test_a_uuid_stays_a_uuid_of_its_version(version: int) -> None:
    """Of version 7 it is of the same time, too: every other one is in order."""
    for number in range(50):
        real = UUID(f"0198c0de-{number:04x}-{version}abc-9def-{number * 7919:012x}")
        name = disguised(SALT, str(real), partition=number % PARTITIONS, partitions=PARTITIONS)
        assert name is not None and name != str(real)
        fake = UUID(name)
        assert (fake.version, fake.variant) == (real.version, real.variant)
        assert partition_of(name.encode(), PARTITIONS) == number % PARTITIONS
        assert (name[:8] == str(real)[:8]) == (version == 7)


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("88120034712", r"\d{11}"),
        ("2026-000017-22", r"\d{4}-\d{6}-\d{2}"),
        ("order/2026/000017", r"order/\d{4}/\d{6}"),
        ("9f86d081884c7d65", r"[0-9a-f]{16}"),
        ("alice-bob", r"alice-bob\d{9}"),  # too little for chance: it shows beside others
        ("Ünïcode 42", r"Ünïcode \d{9}"),
    ],
)
def test_an_id_gets_one_of_its_kind(name: str, like: str) -> None:
    made = disguised(SALT, name, partition=1, partitions=PARTITIONS)
    assert made is not None and made != name
    assert re.fullmatch(like, made)


def test_commands_on_a_question_are_answered_as_on_any_case() -> None:
    at = with_gold(added())
    name = question(at).request_id
    assert isinstance(ask(at, "claim", request_id=name)[0], CommandRefused)  # announced, and not yet read
    at.read_all("review.normal")
    claim(at, request_id=name)
    assert names(ask(at, "note", request_id=name, note="odd")) == ["CaseNoted"]
    assert names(ask(at, "reprioritise", "lea", request_id=name, priority="high"))[-1] == "CaseReprioritised"
    assert REVIEW[Priority.HIGH].name in at.topics


def test_the_longest_question_that_is_asked_fits_into_a_sealed_field() -> None:
    label = "l" * 100
    at = with_gold(
        added(label=label, gold_id="g" * (MAX_NAMED_BYTES - len(label))),
        more=EVERY,
    )
    beside = replace(routed(at, name_in(at, ID)), classes=("neither", label))
    asked = asked_after(at, beside)
    assert asked is not None and len(asked.sealed) == SEALED_BYTES
