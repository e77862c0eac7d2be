"""Every row of the routing table holds, for the policy and for the whole router."""

import csv
from pathlib import Path

import pytest

from streams.routing.policy import route
from streams.workflow.types import Thresholds
from tests.support import routing as r

ROWS = list(csv.DictReader((Path(__file__).parent / "routing_table.csv").read_text().splitlines()))
TOPICS = {
    ("auto_approve", ""): {"auto-approve", "outcomes"},
    ("human_review", "normal"): {"review.normal"},
    ("human_review", "high"): {"review.high"},
    ("expert_escalation", "urgent"): {"expert"},
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row.values()))
def test_policy_follows_the_table(row: dict[str, str]) -> None:
    routed = route(
        float(row["confidence"]),
        high_risk=row["high_risk"] == "true",
        compliance=row["compliance"] == "true",
        thresholds=Thresholds(),
    )
    assert (routed.action.value, routed.priority or "") == (row["action"], row["priority"])
    assert routed.reason


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row.values()))
def test_router_writes_to_the_topics_of_the_table(row: dict[str, str]) -> None:
    asked = r.request(
        payload={"amount": 10_001 if row["high_risk"] == "true" else 10_000},
        requires_audit=row["compliance"] == "true",
    )
    event = r.prediction(asked, confidence=float(row["confidence"]))
    batch = r.routed(event, r.policies("audit_share = 0\nblind_share = 0\n"))
    assert {outgoing.topic for outgoing in batch.outgoing} == TOPICS[row["action"], row["priority"]]
    assert [(t.action, t.priority or "") for t in batch.tallies] == [(row["action"], row["priority"])]


def test_table_has_every_combination() -> None:
    assert len({(row["confidence"], row["high_risk"], row["compliance"]) for row in ROWS}) == len(ROWS) == 64
