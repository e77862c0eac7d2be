"""Models and policies as an auditor reads them."""

from infra.kafka.scan import Entry
from producers.desk.pages.audit.models import models_shown
from producers.desk.pages.audit.policies import MOST, costs_in, policies_shown
from schemas.events import Event, PolicyPublished, PolicyRefused, RetrainingRequested
from schemas.values import Coordinates, Trigger
from tests.support.told import FIRST, SECOND, THIRD, lives

CAUSE = Coordinates(topic="retraining", partition=0, offset=0)
ASKED = RetrainingRequested(
    event_id="c", workflow="posts", trigger=Trigger.CORRECTION_RATE, reason="12 % were corrected",
    feedback_end_offset=160, labels=60, correction_rate=0.12, requested_at=1,
)  # fmt: skip
DOCUMENT = 'name = "posts"\nclasses = ["reject", "approve"]\napproving_class = "approve"\nfeaturizer = "text"\n'
COSTS = "[costs]\nautomatic = 0.01\nreview = 1.5\nexpert = 9.0\n"


def entries(topic: str, events: list[Event]) -> list[Entry]:
    return [Entry(topic, 0, at, 0, b"posts", b"", event, "") for at, event in enumerate(events)]


def published(version: int, document: str) -> PolicyPublished:
    return PolicyPublished(
        event_id=f"p{version}", workflow="posts", version=version, digest="d" * 64, document=document,
        published_by="lea", published_at=version,
    )  # fmt: skip


def test_every_step_of_every_model_is_told_with_its_trigger() -> None:
    records = entries("retraining", [ASKED]) + entries("models", [*lives(CAUSE)])
    (posts,) = models_shown(records + records[1:3])
    assert posts.running is not None and posts.running.digest == FIRST and posts.running.version == "3"
    assert {model.digest: model.status.text for model in posts.models} == {
        FIRST: "running", SECOND: "replaced", THIRD: "refused",
    }  # fmt: skip
    assert [step.what.text for step in reversed(posts.history)] == [
        "trained", "promoted", "trained", "evaluated", "promoted", "trained", "refused", "rolled back to",
    ]  # fmt: skip
    assert posts.history[-1].trigger == "by hand, with `hitl model`"
    assert posts.history[-3].trigger == "rate of corrections: 12 % were corrected"
    assert posts.history[-3].data == "feedback before offset 160"
    assert ("lower bound", "0.0104") in posts.history[3].figures
    assert models_shown([]) == []


def test_a_trigger_that_the_log_lost_is_named_by_its_place() -> None:
    (posts,) = models_shown(entries("models", [*lives(CAUSE)]))
    assert posts.history[-3].trigger == "asked for at retraining[0]@0"


def test_versions_of_a_policy_say_what_they_changed() -> None:
    changed = DOCUMENT.replace('"text"', '"tabular"')
    refused = PolicyRefused(
        event_id="r", workflow="posts", digest="e" * 64, line=3, reason="no such class", published_by="max",
        refused_at=3,
    )  # fmt: skip
    (posts,) = policies_shown(entries("policies", [published(1, DOCUMENT), published(2, changed), refused]))
    third, second, first = posts.versions
    assert (third.in_force, second.in_force, first.in_force) == (False, True, False)
    assert (third.refused, third.by) == ("line 3: no such class", "max")
    assert [(line.kind, line.text) for line in second.changes if line.kind in ("added", "removed")] == [
        ("removed", 'featurizer = "text"'), ("added", 'featurizer = "tabular"'),
    ]  # fmt: skip
    assert first.changes == () and first.document == DOCUMENT


def test_only_the_last_versions_are_shown() -> None:
    many = [published(number, DOCUMENT + f"# {number}\n") for number in range(1, MOST + 11)]
    (posts,) = policies_shown(entries("policies", [*many]))
    assert (len(posts.versions), posts.left_out) == (MOST, 10)
    assert posts.versions[-1].version == "11" and posts.versions[-1].changes


def test_costs_are_those_of_the_version_that_decided() -> None:
    known = entries("policies", [published(1, DOCUMENT), published(2, DOCUMENT + COSTS), published(3, "broken = [")])
    assert costs_in(known, "posts", 1) is None
    found = costs_in(known, "posts", 2)
    assert found is not None and found.expert == 9.0
    assert costs_in(known, "posts", 3) is None and costs_in(known, "other", 2) is None
