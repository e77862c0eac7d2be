"""The report has the shape that machines rely on."""

import msgspec

from consumers.audit.report import report
from tests.support.recorded import PARTITIONS
from tests.unit.audit.test_reconcile import healthy

KPIS = {
    "automation_rate", "system_accuracy", "human_review_latency", "time_to_resolution", "cost_per_decision",
    "review_efficiency", "inter_annotator_agreement", "human_ai_agreement", "expert_validation_rate",
    "false_positive_rate", "learning_acceleration",
}  # fmt: skip
COUNTS = {
    "requests", "duplicates", "outcomes", "open_cases", "open_audits", "dead_letters", "automatic", "reviewed",
    "expert", "refused", "audits", "retrainings", "promotions", "refusals", "model_digests",
}  # fmt: skip


def test_the_report_names_every_count_and_every_figure() -> None:
    made = msgspec.json.decode(msgspec.json.encode(report(healthy().entries, partitions=PARTITIONS)))
    workflow = made["workflows"]["moderation"]
    assert workflow.keys() >= COUNTS
    assert workflow["kpis"].keys() == KPIS
    for kpi in workflow["kpis"].values():
        assert kpi.keys() >= {"value", "target", "met", "why_not"}
        assert (kpi["value"] is None) == (kpi["why_not"] is not None) == (kpi["met"] is None)
    assert made["reconciliation"].items() >= {"requests": 9, "missing": 0, "double": 0, "reconciled": True}.items()
    assert made["decisions_per_second"] > 0
    assert made["seconds"] > 0


def test_records_that_name_no_workflow_have_counts_but_no_figures() -> None:
    made = msgspec.json.decode(msgspec.json.encode(report(healthy().entries, partitions=PARTITIONS)))
    assert made["workflows"]["_unknown"]["dead_letters"] == 1
    assert "kpis" not in made["workflows"]["_unknown"]


def test_an_empty_log_is_reconciled_and_claims_nothing() -> None:
    made = report([], partitions=PARTITIONS)
    assert made.reconciliation.reconciled
    assert (made.workflows, made.decisions_per_second, made.seconds) == ({}, None, 0.0)
