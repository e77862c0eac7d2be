"""Assurance as a process on a real broker, killed in the middle: what is said of people is told once, and shown."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.cli.main import run
from infra.kafka.publisher import publish
from infra.kafka.scan import scan
from schemas.events import PolicyPublished, ReviewerAssessed
from schemas.topics import AUDITS, POLICIES, REVIEWERS
from tests.support.learning import CODEC, document, policy
from tests.support.reviewer_log import POSTS, gold, overlap
from tests.support.stand import Stand, wait_until

pytestmark = pytest.mark.integration
SOON = 120.0  # seconds


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    stand = Stand(tmp_path)
    try:
        stand.up(["assurance"])
        yield stand
    finally:
        stand.down()


def told(stand: Stand) -> list[tuple[str, int, bool]]:
    """Of each assessment the person, the gold answers that it rests on, and whether it suspects."""
    events = [entry.event for entry in scan(stand.log, CODEC, [REVIEWERS.name])]
    said = [event for event in events if isinstance(event, ReviewerAssessed)]
    return [(each.reviewer_id, each.gold_answers, each.suspect) for each in said]


def test_people_are_assessed_once_through_a_kill_and_shown(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    published = policy(document()).event
    assert isinstance(published, PolicyPublished)
    publish(stand.log, CODEC, [POLICIES.message(published)])
    publish(stand.log, CODEC, [AUDITS.message(gold(n)) for n in range(12)])
    wait_until(lambda: told(stand) == [("anna", 10, False)], seconds=SOON, what="the first assessment")

    stand.kill("assurance")
    publish(stand.log, CODEC, [AUDITS.message(gold(n)) for n in range(12, 16)])
    publish(stand.log, CODEC, [AUDITS.message(gold(n, "reject", who="carl")) for n in range(20, 26)])
    publish(stand.log, CODEC, [AUDITS.message(overlap("r", who, position=n)) for n, who in ((1, "anna"), (2, "carl"))])
    whole = [("anna", 10, False), ("anna", 15, False), ("carl", 2, False), ("carl", 4, True)]
    wait_until(lambda: told(stand) == whole, seconds=SOON, what="the rest after the restart")

    monkeypatch.setenv("HITL_DATA_DIR", str(stand.settings.data_dir))
    assert run(["reviewers", "list", "--json"]) == 0
    carl, anna = json.loads(capfd.readouterr().out)["reviewers"]
    assert (carl["reviewer_id"], carl["suspect"], carl["may_adjudicate"]) == ("carl", True, False)
    assert (anna["gold_answers"], anna["accuracy"]) == (15, 1.0)
    assert run(["reviewers", "agreement", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)[POSTS]["pairwise"]["value"] == 1.0
    assert run(["reviewers", "show", "zoe"]) == 1
    assert "nothing is known of 'zoe'" in capfd.readouterr().err
