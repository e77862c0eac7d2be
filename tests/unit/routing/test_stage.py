"""The router as a whole: what it writes, what it holds, what it refuses, and that it can be repeated."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.kafka.errors import Reason
from schemas.events import (
    AuditDrawn,
    AutoApproved,
    DeadLettered,
    DecisionMade,
    Event,
    ExpertReviewRequested,
    PredictionMade,
    ReviewRequested,
)
from schemas.topics import BY_NAME
from schemas.values import Coordinates, EscalatedBy, Outcome, Priority, SampleKind, Split
from streams.casework.sealing import Sealed
from streams.routing.consequences import BLIND_REASON
from streams.routing.dedup import HOUR
from tests.support import routing as r

PREDICTION = Coordinates(topic="predictions", partition=0, offset=0)
ALL_AUDITED = r.policies("audit_share = 1\n")
ALL_BLIND = r.policies("blind_share = 1\n")
NONE_BLIND = r.policies("blind_share = 0\naudit_share = 0\n")


def opened(event: Event) -> Sealed:
    assert isinstance(event, ReviewRequested | ExpertReviewRequested)
    return r.SEALER.open(event.sealed, request_id=event.request_id, revision=event.revision)


def review(event: PredictionMade, in_force: object = NONE_BLIND) -> ReviewRequested:
    found = [e for e in r.events_of(r.routed(event, in_force)).values() if isinstance(e, ReviewRequested)]  # type: ignore[arg-type]
    assert len(found) == 1
    return found[0]


def test_automatic_decision_is_recorded_and_is_the_outcome() -> None:
    found = r.events_of(r.routed(r.prediction(), NONE_BLIND))
    approved, made = found["auto-approve"], found["outcomes"]
    assert isinstance(approved, AutoApproved)
    assert isinstance(made, DecisionMade)
    assert (approved.event_id, made.event_id) == ("auto:r1", "outcome:r1")
    assert made.outcome is Outcome.APPROVED
    assert made.grounds == approved.grounds
    assert (made.grounds.policy_version, made.grounds.model_digest) == (1, "a" * 64)
    assert (made.grounds.cause, made.grounds.config_offsets) == (PREDICTION, {"policies": 1})
    assert (made.requested_at, made.decided_at) == (r.AT, r.NOW)


def test_automatic_answer_of_another_class_is_rejected() -> None:
    event = r.prediction(label="reject", probabilities=(0.99, 0.01))
    made = r.events_of(r.routed(event, NONE_BLIND))["outcomes"]
    assert isinstance(made, DecisionMade)
    assert (made.outcome, made.label) == (Outcome.REJECTED, "reject")


def test_class_that_is_never_automated_goes_to_a_person() -> None:
    event = r.prediction(label="reject", probabilities=(0.99, 0.01))
    asked = review(event, r.policies('never_automate = ["reject"]\nblind_share = 0\n'))
    assert (asked.priority, asked.reason) == (Priority.NORMAL, "the policy never automates 'reject'")


def test_ordinary_review_shows_the_recommendation_and_why() -> None:
    asked = review(r.prediction(confidence=0.9))
    assert asked.recommendation is not None
    assert (asked.recommendation.label, asked.recommendation.confidence) == ("approve", 0.9)
    assert asked.reason == "medium confidence, needs human validation"
    assert asked.due_at == r.NOW + 24 * 3_600_000
    assert opened(asked).kind is SampleKind.REVIEW


@pytest.mark.parametrize(
    "event",
    [
        r.prediction(confidence=None),
        r.prediction(label="perhaps"),
        r.prediction(classes=("reject", "approve", "perhaps"), probabilities=(0.0, 0.99, 0.01)),
        r.prediction(failure="model_raised: boom"),
    ],
    ids=["no model", "foreign label", "other classes", "failed"],
)
def test_request_without_a_usable_answer_goes_to_people_and_is_never_sampled(event: PredictionMade) -> None:
    batch = r.routed(event, ALL_BLIND)
    assert [outgoing.topic for outgoing in batch.outgoing] == ["review.high"]
    asked = review(event, ALL_BLIND)
    assert asked.recommendation is None
    assert asked.reason.startswith("no model answer: ")
    sealed = opened(asked)
    assert (sealed.kind, sealed.inclusion_probability, sealed.split) == (SampleKind.REVIEW, 1.0, Split.TRAIN)
    assert sealed.model_label is None


def test_probabilities_follow_the_order_of_the_policy() -> None:
    asked = review(r.prediction(confidence=0.9, classes=("approve", "reject"), probabilities=(0.9, 0.1)))
    assert asked.classes == ("reject", "approve")
    assert asked.recommendation is not None
    assert asked.recommendation.probabilities == (0.1, 0.9)


def test_expert_case_is_urgent_and_never_due() -> None:
    found = r.events_of(r.routed(r.prediction(confidence=0.4)))
    asked = found["expert"]
    assert isinstance(asked, ExpertReviewRequested)
    assert (asked.priority, asked.escalated_by, asked.due_at) == (Priority.URGENT, EscalatedBy.POLICY, None)
    assert asked.recommendation is not None
    assert opened(asked).kind is SampleKind.EXPERT


RULE = '[[rules]]\nname = "vip"\nwhen = { field = "vip", op = "eq", value = true }\nthen = { %s }\n'


def test_rule_forces_an_expert_even_without_a_model() -> None:
    in_force = r.policies(RULE % 'action = "expert_escalation"')
    asked = r.request(attributes={"vip": True})
    for confidence in (0.99, None):
        found = r.events_of(r.routed(r.prediction(asked, confidence=confidence), in_force))
        expert = found["expert"]
        assert isinstance(expert, ExpertReviewRequested)
        assert (expert.rule_hits, expert.reason) == (("vip",), "a rule requires an expert")


def test_rule_sets_the_priority_of_ordinary_and_of_blind_reviews() -> None:
    asked = r.request(attributes={"vip": True})
    for share in (0, 1):
        in_force = r.policies(f"blind_share = {share}\n" + RULE % 'priority = "urgent"')
        batch = r.routed(r.prediction(asked, confidence=0.9), in_force)
        assert batch.outgoing[0].topic == "review.urgent"
        assert [t.priority for t in batch.tallies] == [Priority.URGENT]


def test_blind_review_and_audit_look_the_same_field_by_field() -> None:
    audit = review(r.prediction(r.request("audited"), confidence=0.99), ALL_AUDITED)
    doubtful = review(r.prediction(r.request("doubtful"), confidence=0.6), ALL_BLIND)
    blind = review(r.prediction(r.request("ordinary"), confidence=0.9), ALL_BLIND)
    assert [opened(e).kind for e in (audit, blind, doubtful)] == [SampleKind.AUDIT, SampleKind.BLIND, SampleKind.BLIND]
    own = {"event_id", "request_id", "request_body", "sealed"}
    shown = [{k: v for k, v in msgspec.structs.asdict(e).items() if k not in own} for e in (audit, blind, doubtful)]
    assert shown[0] == shown[1] == shown[2]
    assert (audit.reason, audit.recommendation, audit.priority) == (BLIND_REASON, None, Priority.NORMAL)
    assert len({len(e.sealed) for e in (audit, blind, doubtful)}) == 1


@given(
    confidence=st.floats(0.51, 0.95),
    amount=st.sampled_from([1, 20_000]),
    label=st.sampled_from(["approve", "reject"]),
)
def test_nothing_in_a_blind_review_tells_the_models_answer(confidence: float, amount: int, label: str) -> None:
    asked = r.request(payload={"amount": amount})
    one = review(r.prediction(asked, confidence=0.9), ALL_BLIND)
    other = review(r.prediction(asked, confidence=confidence, label=label), ALL_BLIND)
    assert msgspec.structs.replace(one, sealed=b"") == msgspec.structs.replace(other, sealed=b"")
    assert one.priority is (Priority.HIGH if amount > 10_000 else Priority.NORMAL)


def test_audit_is_drawn_on_record_and_the_outcome_stands() -> None:
    found = r.events_of(r.routed(r.prediction(), r.policies("audit_share = 0.999999\n")))
    assert set(found) == {"auto-approve", "outcomes", "audits", "review.normal"}
    drawn = found["audits"]
    assert isinstance(drawn, AuditDrawn)
    assert (drawn.event_id, drawn.kind, drawn.inclusion_probability) == ("audit:r1", SampleKind.AUDIT, 0.999999)
    assert (drawn.model_label, drawn.confidence, drawn.policy_version) == ("approve", 0.99, 1)
    sealed = opened(found["review.normal"])
    assert (sealed.kind, sealed.inclusion_probability, sealed.split) == (drawn.kind, 0.999999, drawn.split)
    assert sealed.routed_reason == "high confidence, low risk"


def test_blind_review_is_drawn_on_record() -> None:
    found = r.events_of(r.routed(r.prediction(confidence=0.9), ALL_BLIND))
    drawn = found["audits"]
    assert isinstance(drawn, AuditDrawn)
    assert (drawn.kind, drawn.inclusion_probability) == (SampleKind.BLIND, 1.0)


def test_shares_are_kept() -> None:
    stage = r.router()
    messages = [r.message(r.prediction(r.request(f"p{n}"), confidence=0.99 if n % 2 else 0.9), n) for n in range(6_000)]
    batch = stage.handle(messages, {0: r.lane(stage)}, r.policies())
    kinds = [e.event.kind for e in batch.outgoing if isinstance(e.event, AuditDrawn)]
    assert abs(kinds.count(SampleKind.AUDIT) - 150) < 45
    assert abs(kinds.count(SampleKind.BLIND) - 900) < 100


def test_prediction_under_a_newer_policy_is_held_until_it_is_read() -> None:
    stage = r.router()
    lane = r.lane(stage, offsets={"policies": 1})
    early = r.message(r.prediction(config_offsets={"policies": 2}))
    behind = r.message(r.prediction(r.request("r2")), 1)
    held = stage.handle([early, behind], {0: lane}, r.policies())
    assert (held.held, held.outgoing, held.tallies) == ([early, behind], [], [])
    lane.config_offsets = {"policies": 2}
    done = stage.handle(held.held, {0: lane}, r.policies(version=2))
    assert [t.action for t in done.tallies] == ["auto_approve", "auto_approve"]


def test_newer_models_do_not_hold_a_prediction() -> None:
    assert r.routed(r.prediction(config_offsets={"models": 99})).outgoing


def test_unknown_workflow_is_invalid_and_does_not_count_as_seen() -> None:
    stage = r.router()
    lane = r.lane(stage)
    batch = stage.handle([r.message(r.prediction())], {0: lane}, {})
    assert [(e.reason, e.workflow, e.request_id) for _, e in batch.invalid] == [
        (Reason.UNKNOWN_WORKFLOW, "posts", "r1")
    ]
    assert stage.handle([r.message(r.prediction(), 1)], {0: lane}, r.policies()).outgoing


def test_request_that_cannot_be_read_is_invalid() -> None:
    for event in (r.prediction(request_body=b"\xff"), r.prediction(request_fingerprint=b"12345678")):
        assert [e.reason for _, e in r.routed(event).invalid] == [Reason.UNDECODABLE]


def test_identical_repeat_is_counted_and_dropped() -> None:
    stage = r.router()
    batch = stage.handle([r.message(r.prediction(), n) for n in range(3)], {0: r.lane(stage)}, NONE_BLIND)
    assert len(batch.outgoing) == 2
    assert [t.action for t in batch.tallies] == ["auto_approve", "duplicate", "duplicate"]


def test_same_id_with_other_content_is_a_conflict() -> None:
    stage = r.router()
    lane = r.lane(stage)
    other = r.prediction(r.request(payload={"text": "another"}))
    batch = stage.handle([r.message(r.prediction()), r.message(other, 1)], {0: lane}, NONE_BLIND)
    assert [e.reason for _, e in batch.invalid] == [Reason.ID_CONFLICT]
    lane.state.commit()
    again = stage.handle([r.message(other, 2)], {0: lane}, NONE_BLIND)
    assert [e.reason for _, e in again.invalid] == [Reason.ID_CONFLICT]


def test_repeat_beyond_the_window_is_decided_again_under_the_same_ids() -> None:
    stage = r.router()
    late = r.prediction(requested_at=r.AT + HOUR + 1)
    batch = stage.handle([r.message(r.prediction()), r.message(late, 1)], {0: r.lane(stage)}, NONE_BLIND)
    ids = [getattr(o.event, "event_id", None) for o in batch.outgoing]
    assert ids == ["auto:r1", "outcome:r1", "auto:r1", "outcome:r1"]


confidences = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=12)


@settings(max_examples=50)
@given(confidences, st.integers(0, 12))
def test_replay_in_other_batches_gives_the_same_bytes(found: list[float | None], cut: int) -> None:
    def run(cuts: list[slice]) -> list[bytes]:
        stage = r.router()
        lane = r.lane(stage)
        written = []
        for part in cuts:
            batch = stage.handle(messages[part], {0: lane}, r.policies("audit_share = 0.5\n"))
            assert not batch.invalid
            for out in batch.outgoing:
                assert out.event is not None
                assert BY_NAME[out.topic].message(out.event).key == out.key
                written.append(out.topic.encode() + out.key + r.CODEC.encode(out.event))
            lane.state.commit()
        return written

    messages = [r.message(r.prediction(r.request(f"r{n % 9}"), confidence=c), n) for n, c in enumerate(found)]
    assert run([slice(None)]) == run([slice(0, cut), slice(cut, None)])


def test_restored_window_knows_what_was_processed_but_not_what_was_buried() -> None:
    conflict = r.prediction(r.request("r2", payload={"text": "b"}))
    records = [
        r.message(r.prediction(r.request("r1")), 0),
        r.message(conflict, 1),
        r.message(r.prediction(r.request("r3")), 2),
        r.message(buried(1), 0, topic="dead-letters"),
    ]
    stage = r.router()
    lane = r.lane(stage)
    stage.restore(lane.state, r.ListedSource(records, committed_offset=2))
    repeats = [r.prediction(r.request(name)) for name in ("r1", "r2", "r3")]
    batch = stage.handle([r.message(e, 10 + n) for n, e in enumerate(repeats)], {0: lane}, NONE_BLIND)
    assert [t.action for t in batch.tallies] == ["duplicate", "auto_approve", "auto_approve"]


def buried(offset: int) -> DeadLettered:
    return DeadLettered(
        event_id="d", stage="router", reason="id_conflict", detail="", original_sha256=b"", original_size=1,
        origin=Coordinates(topic="predictions", partition=0, offset=offset), original_timestamp=1, dead_lettered_at=2,
    )  # fmt: skip


def test_restore_reaches_back_by_the_requests_clock_when_inference_lags() -> None:
    """Two records an hour and a half apart on the log, whose requests came within the window."""
    hours = 3_600_000
    records = [
        r.message(r.prediction(r.request("early")), 0, timestamp=r.AT + 5 * hours),
        r.message(r.prediction(r.request("late"), requested_at=r.AT + hours // 2), 1, timestamp=r.AT + 7 * hours),
    ]
    stage = r.router()
    lane = r.lane(stage)
    stage.restore(lane.state, r.ListedSource(records, committed_offset=2))
    repeat = r.message(r.prediction(r.request("early"), requested_at=r.AT + hours // 2 + 1), 2)
    assert [t.action for t in stage.handle([repeat], {0: lane}, NONE_BLIND).tallies] == ["duplicate"]


def test_empty_log_restores_nothing() -> None:
    stage = r.router()
    lane = r.lane(stage)
    stage.restore(lane.state, r.ListedSource([], committed_offset=0))
    assert lane.state.committed == {}


def test_longest_class_and_reason_can_be_sealed() -> None:
    name = "é" * 50
    long = r.DOCUMENT.replace("approve", name)
    event = r.prediction(label=name, classes=("reject", name), confidence=0.9)
    failed = r.prediction(r.request("r2"), failure="model_raised: " + "é" * 1_000)
    for one in (event, failed):
        batch = r.routed(one, r.published(long))
        assert [type(outgoing.event) for outgoing in batch.outgoing][:1] == [ReviewRequested]
