"""Figures from events: what is measured is right, what is not says why."""

import msgspec
import pytest

from consumers.audit.measures import Collector
from schemas import events as e
from schemas.topics import MODELS, POLICIES, PREDICTIONS, RETRAINING
from schemas.values import Coordinates, DecidedBy, SampleKind, Trigger
from streams.insights.kpis import ENOUGH, Kpis, kpis
from tests.support.recorded import Recorded

HOUR = 3_600_000


def collected(log: Recorded) -> Collector:
    collector = Collector()
    for entry in log.entries:
        collector.add(entry)
    return collector


def figures(log: Recorded) -> Kpis:
    collector = collected(log)
    return kpis(collector.workflows["moderation"].figures, collector.costs("moderation"))


def ask(log: Recorded, request_id: str) -> Coordinates:
    return log.request(request_id)


def test_without_any_event_nothing_is_claimed() -> None:
    for name, kpi in msgspec.structs.asdict(figures(Recorded())).items():
        assert (kpi.value, kpi.met) == (None, None), name
        assert kpi.why_not, name
        assert kpi.target, name


def test_automation_counts_requests_that_still_wait_for_people() -> None:
    log = Recorded()
    for number in range(9):
        log.outcome(f"a{number}", ask(log, f"a{number}"))
    log.opened("waiting", ask(log, "waiting"))
    made = figures(log).automation_rate
    assert (made.value, made.met) == (0.9, True)


def test_an_open_audit_is_no_waiting_request() -> None:
    log = Recorded()
    request = ask(log, "a")
    log.outcome("a", request)
    log.drawn("a", request)
    log.opened("a", request)
    assert figures(log).automation_rate.value == 1.0


def test_a_late_repeat_counts_once() -> None:
    log = Recorded()
    log.outcome("a", ask(log, "a"))
    log.outcome("a", ask(log, "a"), by=DecidedBy.REVIEWER, reviewer_id="ann")
    assert figures(log).automation_rate.details["requests"] == 1


def test_latencies_are_means_in_seconds_and_audits_are_left_out() -> None:
    log = Recorded()
    log.reviewed("a", ask(log, "a"), took=2_000)
    log.reviewed("b", ask(log, "b"), took=4_000)
    request = ask(log, "c")
    log.outcome("c", request)
    log.drawn("c", request)
    log.opened("c", request)
    log.closed("c", request, took=5 * HOUR)
    made = figures(log)
    assert made.human_review_latency.value == pytest.approx(3.0, abs=0.01)
    assert made.human_review_latency.met is True
    assert made.time_to_resolution.value == pytest.approx(2.0, abs=0.01)


def test_slow_people_miss_the_target() -> None:
    log = Recorded()
    log.reviewed("a", ask(log, "a"), took=3 * HOUR)
    assert figures(log).human_review_latency.met is False


def blind(log: Recorded, *, audits: int, wrong: int, reviews: int = 0, wrong_reviews: int = 0) -> Recorded:
    for number in range(audits):
        log.audited(f"a{number}", ask(log, f"a{number}"), agrees=number >= wrong, share=0.05)
    for number in range(reviews):
        request = ask(log, f"b{number}")
        log.audited(f"b{number}", request, agrees=number >= wrong_reviews, kind=SampleKind.BLIND, share=0.30)
    return log


def test_agreement_is_weighted_by_the_inclusion_probability() -> None:
    made = figures(blind(Recorded(), audits=60, wrong=3, reviews=60, wrong_reviews=30)).human_ai_agreement
    weighted = (57 / 0.05 + 30 / 0.30) / (60 / 0.05 + 60 / 0.30)
    assert made.value == pytest.approx(weighted, abs=1e-6)
    assert made.value != pytest.approx(87 / 120, abs=0.05)
    assert made.met is False


def test_false_positives_come_from_audits_of_automatic_decisions_alone() -> None:
    made = figures(blind(Recorded(), audits=100, wrong=3, reviews=50, wrong_reviews=50)).false_positive_rate
    assert (made.value, made.met) == (0.03, True)
    assert made.details["low"] == pytest.approx(0.0062, abs=1e-3)
    assert made.details["high"] == pytest.approx(0.0852, abs=1e-3)


def test_too_few_blind_answers_give_no_share() -> None:
    made = figures(blind(Recorded(), audits=ENOUGH - 1, wrong=0))
    for kpi in (made.human_ai_agreement, made.false_positive_rate):
        assert kpi.value is None
        assert kpi.why_not == f"only {ENOUGH - 1} blind answers so far, {ENOUGH} are needed"


@pytest.mark.parametrize("impossible", [0.0, -0.1, 1.5, float("nan"), 5e-324])
def test_an_answer_that_chance_cannot_have_drawn_is_left_out_and_named(impossible: float) -> None:
    log = blind(Recorded(), audits=100, wrong=3)
    whole = figures(log)
    log.audited("spoilt", ask(log, "spoilt"), agrees=False, share=impossible)
    made = figures(log)
    for now, before in (
        (made.human_ai_agreement, whole.human_ai_agreement),
        (made.false_positive_rate, whole.false_positive_rate),
        (made.system_accuracy, whole.system_accuracy),
    ):
        assert (now.value, now.met) == (before.value, before.met)
        assert now.details == before.details | {"answers_without_a_probability": 1}


def test_too_few_answers_name_those_that_were_left_out() -> None:
    log = blind(Recorded(), audits=ENOUGH - 1, wrong=0)
    log.audited("spoilt", ask(log, "spoilt"), share=0.0)
    made = figures(log).false_positive_rate
    assert made.value is None
    assert made.why_not is not None
    assert "1 more name no possible probability" in made.why_not


def test_an_event_on_a_topic_where_it_does_not_belong_is_in_no_figure() -> None:
    log = Recorded()
    log.outcome("a", ask(log, "a"))
    log.outcome("b", ask(log, "b"))
    log.entries.append(log.entries.pop()._replace(topic=PREDICTIONS.name))
    assert figures(log).automation_rate.details["requests"] == 1


def test_system_accuracy_is_never_given_but_that_of_automation_is() -> None:
    made = figures(blind(Recorded(), audits=100, wrong=2)).system_accuracy
    assert (made.value, made.met) == (None, None)
    assert made.why_not is not None
    assert made.details["automatic_accuracy"] == 0.98
    assert made.details["automatic_accuracy_low"] == pytest.approx(0.9296, abs=1e-3)


def test_answers_without_a_model_are_no_agreement() -> None:
    log = Recorded()
    for number in range(ENOUGH):
        request = ask(log, f"a{number}")
        log.audited(f"a{number}", request, agrees=False, kind=SampleKind.BLIND, model_label=None)
    assert figures(log).human_ai_agreement.value is None


def test_simulated_people_are_named_as_such() -> None:
    log = Recorded()
    log.reviewed("a", ask(log, "a"), reviewer_id="simulated-reviewer-1")
    assert figures(log).human_review_latency.details["people"] == "answers came from simulated people"


POLICY = """
name = "moderation"
classes = ["reject", "approve"]
approving_class = "approve"
featurizer = "text"
[costs]
automatic = 0.01
review = 1.0
expert = 5.0
"""


def test_costs_are_those_of_the_policy_and_audits_are_paid() -> None:
    log = blind(Recorded(), audits=1, wrong=0)
    published = e.PolicyPublished(
        event_id="p", workflow="moderation", version=1, digest="d", document=POLICY, published_by="t", published_at=0
    )
    log.write(POLICIES.message(published))
    for number in range(8):
        log.outcome(f"x{number}", ask(log, f"x{number}"))
    log.reviewed("r", ask(log, "r"))
    log.reviewed("e", ask(log, "e"), by=DecidedBy.EXPERT)
    made = figures(log).cost_per_decision
    assert made.value == pytest.approx((8 * 0.01 + 2 * 1.0 + 5.0) / 10)
    assert made.met is False


def test_learning_is_counted_from_the_models_topic() -> None:
    log = Recorded()
    promoted = e.ModelPromoted(
        event_id="promoted:1", workflow="moderation", model_digest="m1", uri="u", version=1, reason="first",
        feedback_end_offset=0, promoted_at=0,
    )  # fmt: skip
    log.write(MODELS.message(promoted))
    log.write(
        RETRAINING.message(
            e.RetrainingRequested(
                event_id="retraining:1", workflow="moderation", trigger=Trigger.COUNT, reason="200",
                feedback_end_offset=200, labels=200, correction_rate=0.1, requested_at=0,
            )
        )
    )  # fmt: skip
    second = msgspec.structs.replace(promoted, event_id="promoted:2", model_digest="m2", previous_digest="m1")
    refused = e.ModelRefused(event_id="no", workflow="moderation", model_digest="m3", reason="worse", refused_at=0)
    for event in (second, second):
        log.write(MODELS.message(event))
    log.write(MODELS.message(refused))
    measures = collected(log).workflows["moderation"]
    assert (len(measures.retrainings), len(measures.promotions), len(measures.refusals)) == (1, 1, 1)
    assert measures.model_digests == ["m1", "m2"]
