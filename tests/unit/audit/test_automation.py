"""Why people decided what they did: counted from predictions, outcomes and policies, whatever the order of topics."""

from collections.abc import Sequence

import msgspec
import pytest

from consumers.audit.automation import Automation, automation_text
from consumers.audit.report import report
from infra.kafka.scan import Entry
from schemas.events import DecisionMade, ModelTrained, PolicyPublished, PredictionMade
from schemas.topics import MODELS, OUTCOMES, POLICIES, PREDICTIONS
from schemas.values import DecidedBy, Grounds, Outcome
from tests.support.learning import document
from tests.support.recorded import PARTITIONS, START, Recorded


def policy(log: Recorded, version: int, threshold: float) -> None:
    text = document("loans", more=f"[thresholds]\nauto_approve = {threshold}\nhuman_review = 0.5\n")
    log.write(
        POLICIES.message(
            PolicyPublished(
                event_id=f"p{version}", workflow="loans", version=version, digest="d", document=text,
                published_by="x", published_at=START,
            )
        )
    )  # fmt: skip


def trained(log: Recorded, digest: str, labels: int) -> None:
    log.write(
        MODELS.message(
            ModelTrained(
                event_id=digest, workflow="loans", model_digest=digest, uri="u", classes=("reject", "approve"),
                feedback_end_offset=1, labels=labels, profile="uniform", trained_at=START,
            )
        )
    )  # fmt: skip


def decided(
    log: Recorded, name: str, confidence: float | None, by: DecidedBy, label: str = "approve", *,
    model: str = "m1", failure: str | None = None, flags: tuple[str, ...] = (), reason: str = "not sure",
    version: int = 1,
) -> None:  # fmt: skip
    request = log.request(name, workflow="loans")
    log.write(
        PREDICTIONS.message(
            PredictionMade(
                event_id=f"prediction:{name}", request_id=name, workflow="loans", request=request, request_body=b"",
                request_fingerprint=bytes(8), requested_at=START, classes=("reject", "approve"),
                probabilities=(), label=None if failure else "approve", confidence=confidence, model_digest=model,
                failure=failure, predicted_at=START,
            )
        )
    )  # fmt: skip
    log.write(
        OUTCOMES.message(
            DecisionMade(
                event_id=f"outcome:{name}", request_id=name, workflow="loans", request=request,
                outcome=Outcome.APPROVED, label=label, decided_by=by, confidence=0.9,
                reviewer_id=None if by is DecidedBy.AUTOMATION else "simulated-reviewer-1",
                grounds=Grounds(
                    reason=reason, policy_version=version, policy_digest="d", risk_flags=flags, high_risk=bool(flags),
                    cause=request,
                ),
                requested_at=START, decided_at=START,
            )
        )
    )  # fmt: skip


def loans() -> Recorded:
    log = Recorded()
    policy(log, 1, 0.95)
    policy(log, 2, 0.80)
    trained(log, "m1", 300)
    trained(log, "m2", 500)
    trained(log, "never-answered", 900)
    decided(log, "sure", 0.97, DecidedBy.AUTOMATION)
    decided(log, "large", 0.99, DecidedBy.REVIEWER, flags=("amount_above_limit",))
    decided(log, "audit", 0.96, DecidedBy.REVIEWER, flags=("amount_above_limit", "audit_requested"), label="reject")
    decided(log, "never", 0.96, DecidedBy.REVIEWER, reason="the policy never automates 'approve'")
    decided(log, "edge", 0.95, DecidedBy.REVIEWER)
    decided(log, "overruled", 0.6, DecidedBy.REVIEWER, "reject")
    decided(log, "hard", 0.4, DecidedBy.EXPERT, "reject", flags=("amount_above_limit",))
    decided(log, "later", 0.85, DecidedBy.AUTOMATION, version=2, model="m2")
    decided(log, "empty", None, DecidedBy.REVIEWER, failure="missing_columns: amount")
    return log


def counted(entries: Sequence[Entry]) -> Automation:
    found = report(entries, partitions=PARTITIONS).workflows["loans"].automation
    assert isinstance(found, Automation)
    return found


@pytest.mark.parametrize("turned", [False, True])
def test_what_the_model_was_sure_of_is_told_from_what_held_it_back(turned: bool) -> None:
    entries = loans().entries
    policies = [entry for entry in entries if entry.topic == POLICIES.name]
    others = [entry for entry in entries if entry.topic != POLICIES.name]
    found = counted([*others[::-1], *policies] if turned else entries)
    assert (found.decided, found.automatic, found.sure) == (9, 2, 5)
    assert found.held_back == {
        "amount_above_limit": 2, "audit_requested": 1, "the policy never automates 'approve'": 1,
    }  # fmt: skip
    assert found.reserved == {"amount_above_limit": 3, "audit_requested": 1}
    assert (found.unsure, found.overruled) == (3, 2)
    assert found.unanswered == {"missing_columns: amount": 1}
    assert found.labels == (300, 500)


def test_the_sentences_hold_the_figures() -> None:
    text = automation_text("loans", counted(loans().entries))
    for part in (
        "loans: 2 of 9 (22.2%) decisions were automatic.",
        "(fitted on 300 to 500 labels) was as sure as the policy demands of 5 of 9 (55.6%)",
        "keeps some for people, however sure it is: amount_above_limit 3, audit_requested 1.",
        "Of what it was sure of, people decided all the same: amount_above_limit 2, ",
        "people (simulated ones) decided 2 of 3 (66.7%) otherwise",
        "No model answered: missing_columns: amount 1.",
    ):
        assert part in text
    assert automation_text("loans", Automation()) == "loans: nothing is decided yet."


def test_a_confidence_without_a_known_policy_is_never_called_sure() -> None:
    log = Recorded()
    decided(log, "a", 0.99, DecidedBy.REVIEWER)
    found = counted(log.entries)
    assert (found.sure, found.unsure, found.overruled) == (0, 1, 0)


def test_the_report_holds_it_by_workflow() -> None:
    made = msgspec.json.decode(msgspec.json.encode(report(loans().entries, partitions=PARTITIONS)))
    assert set(made["workflows"]["loans"]["automation"]) == set(Automation.__struct_fields__)
