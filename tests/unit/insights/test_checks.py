"""How far people agree and how often experts confirm a decision: measured from the log, or said to be unmeasured."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from consumers.audit.measures import Collector
from schemas import events as e
from schemas.topics import AUDITS, REVIEWERS
from schemas.values import Coordinates, DecidedBy
from streams.insights.checks import pair_measure, pairs_in
from streams.insights.figures import Pairs
from streams.insights.kpis import ENOUGH, Kpis, kpis
from streams.insights.reading import metrics_of
from streams.insights.store import Snapshot, ViewWriter
from streams.insights.sums import Amount
from tests.support.recorded import Recorded

CAUSE = Coordinates(topic="review-decisions", partition=0, offset=3)


def answered(log: Recorded, request_id: str, *labels: str, blind: bool = True) -> None:
    """People's answers to one case, in this order."""
    for position, label in enumerate(labels, start=1):
        event = e.OverlapAnswered(
            event_id=f"overlap-answered:{request_id}:{position}", request_id=request_id, workflow="moderation",
            reviewer_id=f"person-{position}", label=label, position=position, resolved_label=labels[-1], blind=blind,
            cause=CAUSE, answered_at=log.clock,
        )  # fmt: skip
        log.write(AUDITS.message(event))


def validated(log: Recorded, number: int, *, agrees: bool = True, probability: float = 0.1) -> None:
    event = e.DecisionValidated(
        event_id=f"validated:{number}", request_id=f"r{number}", workflow="moderation", label="approve",
        standing_label="approve" if agrees else "reject", agrees=agrees, decided_by=DecidedBy.AUTOMATION,
        expert_id="eva", inclusion_probability=probability, cause=CAUSE, validated_at=log.clock,
    )  # fmt: skip
    log.write(AUDITS.message(event))


def figures(log: Recorded) -> Kpis:
    collector = Collector()
    for entry in log.entries:
        collector.add(entry)
    return kpis(collector.workflows["moderation"].figures)


def pairs_of(labels: Iterable[tuple[str, ...]]) -> Recorded:
    log = Recorded()
    for number, each in enumerate(labels):
        answered(log, f"r{number}", *each)
    return log


def test_agreement_is_that_of_the_first_two_people() -> None:
    alike, apart = ("approve", "approve"), ("approve", "reject", "reject")  # a third is asked where two disagree
    made = figures(pairs_of([alike] * 60 + [("reject", "reject")] * 30 + [apart] * 10)).inter_annotator_agreement
    assert (made.value, made.met, made.target) == (0.9, True, "> 85 %")
    assert (made.details["cases"], made.details["blind_cases"]) == (100, 100)
    assert (made.details["low"], made.details["high"]) == pytest.approx((0.8238, 0.951), abs=1e-4)
    assert made.details["krippendorff_alpha"] == pytest.approx(0.7813, abs=1e-4)
    assert made.details["gwet_ac1"] == pytest.approx(0.8165, abs=1e-4)
    assert "note" not in made.details


def test_answers_that_are_told_twice_are_one_pair() -> None:
    log = pairs_of([("approve", "approve")] * ENOUGH)
    for number in range(ENOUGH):
        answered(log, f"r{number}", "approve", "reject", "reject")  # of a later revision, or written again
    made = figures(log).inter_annotator_agreement
    assert (made.value, made.details["cases"]) == (1.0, ENOUGH)


def test_one_answer_that_is_told_twice_is_no_pair() -> None:
    log = Recorded()
    for number in range(ENOUGH):
        answered(log, f"r{number}", "approve")
        answered(log, f"r{number}", "approve")
    assert str(figures(log).inter_annotator_agreement.why_not).startswith("only 0 cases")


def test_everybodys_last_assessment_is_in_the_view_and_suspects_come_first(tmp_path: Path) -> None:
    log = Recorded()
    for who, suspect, right in (("anna", False, 9), ("zoe", True, 3), ("anna", False, 19)):
        said = e.ReviewerAssessed(
            event_id=f"assessed:{who}:{right}", reviewer_id=who, workflow="moderation", gold_answers=20,
            gold_right=right, accuracy=right / 20, suspect=suspect, may_adjudicate=not suspect, assessed_at=log.clock,
        )  # fmt: skip
        log.write(REVIEWERS.message(said))
    writer = ViewWriter(tmp_path, origin="test")
    writer.apply(log.entries)
    with Snapshot(writer.path) as view:
        people = metrics_of({}, now={}, models={}, assessed=view.people()["moderation"]).people
    writer.close()
    assert [(each.reviewer_id, each.accuracy, each.suspect) for each in people] == [
        ("zoe", 0.15, True), ("anna", 0.95, False),
    ]  # fmt: skip


def test_agreement_needs_enough_pairs() -> None:
    log = pairs_of([("approve", "approve")] * (ENOUGH - 1))
    answered(log, "alone", "approve")
    made = figures(log).inter_annotator_agreement
    assert (made.value, made.met) == (None, None)
    assert made.why_not == "only 29 cases were answered by two people so far, 30 are needed"


def test_a_coefficient_without_a_value_says_why() -> None:
    details = figures(pairs_of([("approve", "approve")] * ENOUGH)).inter_annotator_agreement.details
    assert str(details["krippendorff_alpha"]).startswith("undefined, because everybody gave the same one answer")
    assert details["gwet_ac1"] == 1.0


def test_who_saw_the_models_answer_is_told_of() -> None:
    log = Recorded()
    for number in range(ENOUGH):
        answered(log, f"r{number}", "approve", "approve", blind=number > 3)
    details = figures(log).inter_annotator_agreement.details
    assert details["blind_cases"] == ENOUGH - 4
    assert "leans to it" in str(details["note"])


def test_experts_must_confirm_more_than_95_percent_with_a_bound() -> None:
    log = Recorded()
    for number in range(59):
        validated(log, number)
    made = figures(log).expert_validation_rate
    assert (made.value, made.met, made.details["lower_bound"]) == (1.0, True, 0.9505)
    validated(log, 59, agrees=False)
    made = figures(log).expert_validation_rate
    assert made.value == pytest.approx(59 / 60, abs=1e-6)
    assert (made.met, made.details["lower_bound"]) == (False, 0.9234)


def test_validations_are_weighed_by_how_they_were_drawn() -> None:
    log = Recorded()
    for number in range(40):
        validated(log, number, agrees=number >= 10, probability=0.5 if number < 10 else 0.1)
    made = figures(log).expert_validation_rate
    assert made.value == pytest.approx(300 / 320)
    assert made.details["checked"] == 40
    assert "different probabilities" in str(made.details["note"])


def test_validation_needs_enough_checks() -> None:
    log = Recorded()
    validated(log, 1)
    validated(log, 2, probability=2.0)  # nothing is drawn so
    made = figures(log).expert_validation_rate
    assert made.why_not == "experts have checked only 1 final decisions of a random sample, 30 are needed"


@pytest.mark.parametrize("labels", [("a", "b"), ("a/b", "/"), ("", "x"), ("12/", "3")])
def test_classes_may_be_called_anything(labels: tuple[str, str]) -> None:
    amounts = {pair_measure(*labels, blind=True): Amount(3)}
    assert pairs_in(amounts) == (Pairs(*labels, True, 3),)
