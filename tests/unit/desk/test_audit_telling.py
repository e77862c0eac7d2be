"""The story of a request as an auditor reads it: nothing is left out, nothing that could be misused is shown."""

from functools import cache

import pytest

from infra.kafka.scan import Entry, about, scan
from infra.redis.places import PLACED
from producers.desk.pages.audit.facts import at_text, readable, shown_json, without_credentials
from producers.desk.pages.audit.telling import cost_of, policy_version, shown
from schemas.events import CaseClosed, DecisionMade, Event, ReviewDecided
from schemas.topics import BY_NAME
from schemas.values import Coordinates
from streams.workflow.telling import plain
from streams.workflow.types import Costs
from tests.simulation.topology import topology
from tests.simulation.world import CODEC, World
from tests.support.placed import ids

SEEDS = range(6)
COSTS = Costs(automatic=0.01, review=1.0, expert=5.0)


@cache
def world(seed: int) -> World:
    made = topology(seed, requests=14, hours=0.0008 if seed % 2 else 1.0, leave_open=0.3)
    made.run(300)
    return made


def events(seed: int) -> list[Event]:
    return [entry.event for entry in scan(world(seed).log, CODEC, list(BY_NAME)) if entry.event is not None]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_record_is_told_once_or_named_as_a_repeat(seed: int) -> None:
    for name in ids(world(seed)):
        entries = about(world(seed).log, CODEC, name, PLACED)
        told = shown(entries, costs=COSTS)
        assert told is not None
        lie = sorted([each.lies_at for each in told.moments] + list(told.repeats))
        assert lie == sorted(at_text(entry.coordinates) for entry in entries), name
        assert [each.number for each in told.moments] == list(range(1, len(told.moments) + 1))
        made = [entry.event for entry in entries if isinstance(entry.event, DecisionMade)]
        assert bool(told.outcomes) == bool(made)
        if made:
            assert policy_version(entries) is not None
            assert any(fact.name == "Policy version" for each in told.moments for fact in each.facts)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_reviewers_must_not_know_is_marked(seed: int) -> None:
    hidden = ("AuditDrawn", "AuditAnswered", "AuditExpired", "GoldAnswered", "FeedbackRecorded", "DecisionValidated",
              "OverlapAnswered")  # fmt: skip
    seen = set()
    for name in ids(world(seed)):
        told = shown(about(world(seed).log, CODEC, name, PLACED))
        assert told is not None
        for each in told.moments:
            assert each.sealed == (each.event in hidden)
            seen.add(each.event)
    assert seen & set(hidden)


def test_the_json_of_every_kind_of_event_can_be_read() -> None:
    kinds = {type(event): event for seed in SEEDS for event in events(seed)}
    assert len(kinds) > 25
    for event in kinds.values():
        assert shown_json(event).startswith("{")


def test_what_proves_who_somebody_is_is_shown_to_nobody() -> None:
    said = ReviewDecided(
        decision_id="d", request_id="r", review=Coordinates(topic="expert", partition=0, offset=1), reviewer_id="ann",
        action="approve", token="eyJ.secret.proof",
    )  # fmt: skip
    entry = Entry("review-decisions", 0, 4, 1, b"r", b"", said, "")
    assert "eyJ" not in shown_json(said) and "withheld" in readable(said)["token"]
    assert "eyJ" not in str(without_credentials(plain(entry)))
    told = shown([entry])
    assert told is None or "eyJ" not in repr(told)
    plainly = without_credentials(plain(Entry("review-decisions", 0, 4, 1, b"r", b"", None, "unknown_schema")))
    assert plainly["event"] is None


def test_a_large_event_is_cut_on_the_page() -> None:
    said = ReviewDecided(
        decision_id="d", request_id="r", review=Coordinates(topic="expert", partition=0, offset=1), reviewer_id="ann",
        action="approve", feedback="x" * 50_000,
    )  # fmt: skip
    assert len(shown_json(said)) < 20_000 and shown_json(said).endswith("the download has the rest")


def test_costs_are_those_of_the_key_figures() -> None:
    closed = [event for seed in SEEDS for event in events(seed) if isinstance(event, CaseClosed)]
    expert = next(event for event in closed if event.closed_by == "expert")
    reviewer = next(event for event in closed if event.closed_by == "reviewer")
    expired = next(event for event in closed if event.closed_by == "expired")
    assert cost_of([reviewer, expert, expired], COSTS) == pytest.approx(6.0)
    decided = [event for seed in SEEDS for event in events(seed) if isinstance(event, DecisionMade)]
    automatic = next(event for event in decided if event.decided_by == "automation")
    assert cost_of([automatic], COSTS) == pytest.approx(0.01)


def test_nothing_is_told_of_nothing() -> None:
    assert shown([]) is None and policy_version([]) is None
