"""What an accepted answer leads to, message by message."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import pytest

from infra.kafka.errors import InvalidMessage
from infra.kafka.stage import Lane, Message
from schemas.events import (
    AuditAnswered,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseOpened,
    CaseSnapshot,
    DecisionMade,
    DecisionRefused,
    Event,
    ExpertReviewRequested,
    FeedbackRecorded,
)
from schemas.topics import CASES, EXPERT, REVIEW_DECISIONS
from schemas.values import (
    CaseStage,
    CaseStatus,
    ClosedBy,
    DecidedBy,
    EscalatedBy,
    FeedbackKind,
    FeedbackType,
    Outcome,
    Priority,
    SampleKind,
)
from streams.casework.cases import Cases
from tests.unit.casework.driver import HOUR, SEALER, START, Table, decision, expert_review, review, sealed

E = TypeVar("E")


def only(events: Sequence[Event], kind: type[E]) -> E:
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


def kinds_of(events: Sequence[Event]) -> list[type]:
    return [type(event) for event in events]


def test_an_announcement_opens_a_case_and_a_repeat_changes_nothing() -> None:
    table = Table(0)
    table.announce(review())
    assert kinds_of(table.events) == [CaseOpened, CaseSnapshot]
    table.announce(review())
    assert len(table.events) == 2


def test_a_repeat_of_a_finished_case_opens_nothing() -> None:
    table = Table(0)
    table.answer(decision(table.announce(review())))
    before = len(table.events)
    table.announce(review())
    assert len(table.events) == before


@pytest.mark.parametrize(
    ("action", "label", "chosen", "outcome", "feedback", "weight"),
    [
        ("approve", None, "neither", Outcome.APPROVED, FeedbackType.CORRECTION, 1.5),
        ("reject", "hate", "hate", Outcome.REJECTED, FeedbackType.POSITIVE, 0.5),
        ("reject", "offensive", "offensive", Outcome.REJECTED, FeedbackType.CORRECTION, 1.5),
    ],
)
def test_an_answer_gives_outcome_feedback_and_a_closed_stub(
    action: str, label: str | None, chosen: str, outcome: Outcome, feedback: FeedbackType, weight: float
) -> None:
    table = Table(0)
    made = table.answer(decision(table.announce(review()), action, label=label, confidence=0.5, feedback="why"))
    assert kinds_of(made) == [DecisionMade, FeedbackRecorded, CaseClosed, CaseSnapshot]
    outcome_made, learnt, closed, stub = made
    assert isinstance(outcome_made, DecisionMade)
    assert (outcome_made.event_id, outcome_made.label, outcome_made.outcome) == ("outcome:r", chosen, outcome)
    assert (outcome_made.decided_by, outcome_made.confidence) == (DecidedBy.REVIEWER, 0.5)
    assert outcome_made.grounds.reason == "medium confidence, needs human validation"  # the true one, not the shown one
    assert outcome_made.grounds.cause.topic == REVIEW_DECISIONS.name
    assert outcome_made.grounds.model_digest == "d" * 64
    assert isinstance(learnt, FeedbackRecorded)
    assert (learnt.type, learnt.weight, learnt.label, learnt.note) == (feedback, weight, chosen, "why")
    assert (learnt.kind, learnt.blind, learnt.request_body) == (FeedbackKind.REVIEW, False, b"a request")
    assert isinstance(closed, CaseClosed)
    assert (closed.closed_by, closed.sequence, closed.label) == (ClosedBy.REVIEWER, 2, chosen)
    assert isinstance(stub, CaseSnapshot)
    assert stub.status is CaseStatus.CLOSED
    assert stub.request_body is None
    assert stub.sealed is None
    assert not stub.answers


def test_two_classes_need_no_label_to_reject() -> None:
    table = Table(0)
    made = table.answer(decision(table.announce(review(classes=("yes", "no"))), "reject"))
    assert [e.label for e in made if isinstance(e, DecisionMade)] == ["no"]


def test_a_blind_answer_is_outcome_and_audit_at_once() -> None:
    table = Table(0)
    made = table.answer(decision(table.announce(review(kind=SampleKind.BLIND)), "reject", label="hate"))
    assert kinds_of(made) == [DecisionMade, AuditAnswered, FeedbackRecorded, CaseClosed, CaseSnapshot]
    audit = made[1]
    assert isinstance(audit, AuditAnswered)
    assert (audit.kind, audit.agrees, audit.inclusion_probability) == (SampleKind.BLIND, True, 0.3)
    assert isinstance(made[2], FeedbackRecorded)
    assert made[2].blind


def test_an_audit_never_makes_an_outcome() -> None:
    table = Table(0)
    made = table.answer(decision(table.announce(review(kind=SampleKind.AUDIT))))
    assert kinds_of(made) == [AuditAnswered, FeedbackRecorded, CaseClosed, CaseSnapshot]
    assert isinstance(made[0], AuditAnswered)
    assert (made[0].event_id, made[0].agrees, made[0].answered_by) == (
        "audit-answered:r", False, DecidedBy.REVIEWER,
    )  # fmt: skip


def test_without_a_model_the_answer_still_trains() -> None:
    table = Table(0)
    made = table.answer(decision(table.announce(review(model_label=None)), confidence=0.5))
    assert [(e.type, e.weight) for e in made if isinstance(e, FeedbackRecorded)] == [(FeedbackType.NONE, 0.5)]


def test_escalating_asks_an_expert_and_teaches_nothing_yet() -> None:
    table = Table(0)
    made = table.answer(decision(table.announce(review()), "escalate", feedback="unsure"))
    assert kinds_of(made) == [ExpertReviewRequested, CaseEscalated, CaseSnapshot]
    asked = made[0]
    assert isinstance(asked, ExpertReviewRequested)
    assert (asked.revision, asked.escalated_by, asked.priority) == (2, EscalatedBy.PERSON, Priority.HIGH)
    assert [(a.reviewer_id, a.action, a.note) for a in asked.answers] == [("ada", "escalate", "unsure")]
    assert asked.recommendation is not None
    assert SEALER.open(asked.sealed, request_id="r", revision=2) == sealed(SampleKind.REVIEW)


def test_the_expert_answers_at_the_new_coordinates() -> None:
    table = Table(0)
    table.answer(decision(table.announce(review()), "escalate"))
    announced = table.read_all(EXPERT.name)
    assert kinds_of(announced) == [CaseAnnounced, CaseSnapshot]
    place = table.cases()["r"].review
    assert place is not None
    assert place.topic == EXPERT.name
    made = table.answer(decision(place, "reject", label="hate", reviewer_id="eve"))
    outcome = only(made, DecisionMade)
    assert (outcome.decided_by, outcome.reviewer_id, outcome.label) == (DecidedBy.EXPERT, "eve", "hate")
    closed = only(made, CaseClosed)
    assert closed.closed_by is ClosedBy.EXPERT


def test_marking_wrong_teaches_at_once_and_the_expert_teaches_again() -> None:
    table = Table(0)
    made = table.answer(decision(table.announce(review()), "mark_wrong", confidence=0.5))
    assert kinds_of(made) == [FeedbackRecorded, ExpertReviewRequested, CaseEscalated, CaseSnapshot]
    wrong = made[0]
    assert isinstance(wrong, FeedbackRecorded)
    assert (wrong.type, wrong.label, wrong.weight) == (FeedbackType.NEGATIVE, None, 1.0)
    table.read_all(EXPERT.name)
    place = table.cases()["r"].review
    assert place is not None
    right = only(table.answer(decision(place)), FeedbackRecorded)
    assert right.type is FeedbackType.CORRECTION
    assert right.event_id != wrong.event_id


@pytest.mark.parametrize("kind", [SampleKind.BLIND, SampleKind.AUDIT])
def test_a_blind_case_stays_blind_with_the_expert(kind: SampleKind) -> None:
    table = Table(0)
    table.answer(decision(table.announce(review(kind=kind)), "escalate"))
    table.read_all(EXPERT.name)
    (_, asked), = table.topics[EXPERT.name]  # fmt: skip
    assert isinstance(asked, ExpertReviewRequested)
    assert asked.recommendation is None
    case = table.cases()["r"]
    assert case.review is not None
    audit = only(table.answer(decision(case.review)), AuditAnswered)
    assert (audit.kind, audit.answered_by) == (kind, DecidedBy.EXPERT)


def test_an_audit_and_a_blind_review_cannot_be_told_apart_from_what_reviewers_may_read() -> None:
    shown = []
    for kind in (SampleKind.BLIND, SampleKind.AUDIT):
        table = Table(0)
        table.answer(decision(table.announce(review(kind=kind)), "escalate"))
        table.read_all(EXPERT.name)
        seen = [e for e in table.events if isinstance(e, CaseOpened | CaseEscalated | ExpertReviewRequested)]
        shown.append([{n: getattr(e, n) for n in e.__struct_fields__ if n != "sealed"} for e in seen])
    assert shown[0] == shown[1]


def test_the_routers_own_expert_case_is_answered_by_an_expert() -> None:
    table = Table(0)
    place = table.announce(expert_review())
    assert table.cases()["r"].stage is CaseStage.EXPERT
    made = table.answer(decision(place, "reject", label="hate"))
    learnt = only(made, FeedbackRecorded)
    assert (learnt.kind, learnt.type) == (FeedbackKind.EXPERT, FeedbackType.POSITIVE)


def test_a_second_answer_is_refused_and_changes_nothing() -> None:
    table = Table(0)
    place = table.announce(review())
    table.answer(decision(place))
    before = table.cases()
    made = table.answer(decision(place, "reject", label="hate", decision_id="d2"))
    assert kinds_of(made) == [DecisionRefused]
    assert table.cases() == before


def test_coordinates_may_name_the_topic_as_reviewer_apps_see_it() -> None:
    table = Table(0)
    place = table.announce(review())
    seen = type(place)(topic=f"hitl.{place.topic}", partition=place.partition, offset=place.offset)
    only(table.answer(decision(seen)), DecisionMade)


def test_an_answer_before_its_announcement_was_read_is_held_and_decided_later() -> None:
    table = Table(0)
    place = table.write("review.normal", review())
    assert table.answer(decision(place)) == []
    assert table.reached[REVIEW_DECISIONS.name] == 0
    table.read_all("review.normal")
    only(table.read_all(REVIEW_DECISIONS.name), DecisionMade)


def test_an_answer_in_one_batch_with_its_announcement_is_decided() -> None:
    table = Table(0)
    place = table.write("review.normal", review())
    table.write(REVIEW_DECISIONS.name, decision(place))
    made = table.read([("review.normal", 0), (REVIEW_DECISIONS.name, 0)])
    only(made, DecisionMade)


def test_an_announcement_with_a_foreign_seal_is_a_dead_letter_with_the_reason() -> None:
    table = Table(0)
    foreign = review("other")
    stolen = type(foreign)(**{n: getattr(foreign, n) for n in foreign.__struct_fields__} | {"request_id": "r"})
    table.write("review.normal", stolen)
    message = table.message("review.normal", 0)
    batch = table.stage.handle([message], {0: table.lane}, table.config)
    ((dead, error),) = batch.invalid
    assert dead == message
    assert isinstance(error, InvalidMessage)
    assert "seal key" in error.detail
    assert not batch.outgoing


def test_counts_say_what_happened_in_which_priority() -> None:
    table = Table(0)
    place = table.write("review.high", review(priority=Priority.HIGH))
    table.write(REVIEW_DECISIONS.name, decision(place))
    table.write(REVIEW_DECISIONS.name, decision(place))
    messages = [table.message("review.high", 0), *(table.message(REVIEW_DECISIONS.name, n) for n in (0, 1))]
    batch = table.stage.handle(messages, {0: table.lane}, table.config)
    assert [(t.workflow, t.action, t.priority) for t in batch.tallies] == [
        ("content_moderation", "reviewed", "high"),
        ("content_moderation", "refused", "high"),
    ]
    assert batch.tallies[0].milliseconds == HOUR
    assert batch.tallies[0].minute == START - START % 60_000


def test_an_aborted_answer_never_was() -> None:
    table = Table(0)
    place = table.announce(review())
    table.write(REVIEW_DECISIONS.name, decision(place))
    table.read([(REVIEW_DECISIONS.name, 0)], commit=False)
    assert table.lane.state.get("r") == table.cases()["r"]
    only(table.read_all(REVIEW_DECISIONS.name), DecisionMade)


def test_state_is_restored_from_the_last_snapshots() -> None:
    table = Table(0)
    table.announce(review("r"))
    table.answer(decision(table.announce(review("r6")), request_id="r6"))
    restored: Lane[Cases] = Lane(partition=0, state=Cases(), reached=lambda _: 0, watermark=lambda _: 0)
    table.stage.restore(restored.state, Snapshots(table))
    assert restored.state.committed == table.cases()
    restored.now = START + 25 * HOUR
    assert [type(o.event) for o in table.stage.tick(restored, table.config).outgoing][:1] == [ExpertReviewRequested]


class Snapshots:
    """A source that reads the compacted topic of a table; casework reads nothing else."""

    def __init__(self, table: Table) -> None:
        self.partition, self._table = table.partition, table

    def committed(self, topic: str) -> int:
        return self._table.reached[topic]

    def up_to_watermark(self, topic: str, *, since: int | None = None) -> Iterator[Message]:
        raise AssertionError(f"casework reads the latest of {topic}, not all of it since {since}")

    def up_to_committed(self, topic: str, *, since: int | None = None) -> Iterator[Message]:
        raise AssertionError(f"casework does not read {topic} again since {since}")

    def timestamp_before(self, topic: str) -> int | None:
        raise AssertionError(f"casework does not ask for the time of {topic}")

    def latest(self, topic: str) -> Iterator[Message]:
        assert topic == CASES.name
        for number, (key, case) in enumerate(self._table.cases().items()):
            yield Message(case, topic, self.partition, number, START, key.encode(), b"")
