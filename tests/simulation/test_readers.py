"""Readers of what the real stages write, faults included: the account, the figures, what upstream is told."""

import pytest

from consumers.audit.ledger import known_by
from consumers.audit.report import REPORTED_TOPICS, report
from infra.kafka.scan import Entry, scan
from producers.gateway.standing import FIRST_TOPICS, LAST_TOPICS, of_entries
from schemas.events import CaseOpened
from schemas.topics import BY_NAME
from streams.insights.fold import FOLDED
from tests.simulation.topology import SEALER, topology
from tests.simulation.world import CODEC, PARTITIONS
from tests.support.sums import Truth
from tests.unit.insights.test_fold import folded

IS_GOLD = known_by(SEALER)
SEEDS = range(12)


def written(seed: int) -> list[Entry]:
    """All records of a run in which people claim, hold, disagree, return and are asked known questions."""
    made = topology(seed, requests=14, hours=0.0008 if seed % 2 else 1.0, leave_open=0.3)
    made.run(400)
    return list(scan(made.log, CODEC, list(BY_NAME)))


def of_topics(entries: list[Entry], *topics: str) -> list[Entry]:
    return [entry for entry in entries if entry.topic in topics]


@pytest.mark.parametrize("seed", SEEDS)
def test_readers_tell_the_truth_about_people_at_work(seed: int) -> None:
    entries = written(seed)
    made = report(of_topics(entries, *REPORTED_TOPICS), partitions=PARTITIONS, is_gold=IS_GOLD)
    assert made.reconciliation.reconciled, made.reconciliation.problems
    seen = of_topics(entries, *FOLDED)
    assert folded([seen]) == Truth(seen).rows
    opened = [entry.event for entry in entries if isinstance(entry.event, CaseOpened)]
    gold = {event.request_id for event in opened if IS_GOLD(event)}
    assert sum(counts.gold_cases for counts in made.workflows.values()) == len(gold) > 0
    for event in opened:
        about = [e for e in of_topics(entries, *FIRST_TOPICS, *LAST_TOPICS) if e.key == event.request_id.encode()]
        assert (of_entries(about) is None) is (event.request_id in gold), event.request_id
