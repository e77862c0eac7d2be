"""The API for reviewer apps: commands and answers, and what casework says to them, unchanged."""

import msgspec
import pytest

from infra.kafka.acknowledging import NotAcknowledged
from schemas.events import CaseActionRequested, Event, ReviewDecided
from schemas.values import Coordinates
from streams.casework.identity import NotVouched
from streams.casework.refusal import Refusal
from tests.support.desk import World
from tests.support.ruling import says


@pytest.mark.parametrize("reason", [*Refusal, *NotVouched])
def test_every_refusal_of_casework_has_its_status_and_its_own_words(world: World, reason: str) -> None:
    says(world, a=reason)
    review = {"topic": "review.normal", "partition": 0, "offset": 0}
    for got in (
        world.post("/v1/cases/a:claim"), world.post("/v1/cases/a/decisions", {"action": "approve", "review": review})
    ):  # fmt: skip
        assert got.status_code in {401, 403, 404, 409, 422}
        assert got.headers["content-type"] == "application/problem+json"
        assert (got.json()["reason"], got.json()["detail"]) == (reason, f"because of {reason}")


@pytest.mark.parametrize(
    ("reason", "status"),
    [("already_leased", 409), ("unknown_case", 404), ("missing_skill", 403), ("bad_value", 422), ("stale_lease", 409)],
)
def test_refusals_are_told_apart(world: World, reason: str, status: int) -> None:
    says(world, a=reason)
    assert world.post("/v1/cases/a:renew", {"lease": 3}).status_code == status


def test_what_a_person_gives_back_is_not_offered_to_them_next(world: World) -> None:
    """Not even while casework has freed it and the desk has not heard of that: it is passed over before."""
    says(world, c="stale_lease")
    answers, before = world.casework.says, []

    def noticed(record: CaseActionRequested | ReviewDecided, at: Coordinates) -> list[Event]:
        before.append(list(world.following.passed_over))
        return answers(record, at)

    world.casework.says = noticed
    assert world.post("/v1/cases/a:release", {"lease": 2}).json()["became"] == "released"
    assert world.post("/v1/cases/b:return", {"lease": 2, "note": "look again"}).json()["became"] == "returned"
    assert world.post("/v1/cases/c:release", {"lease": 1}).status_code == 409
    assert world.post("/v1/cases/a:renew").status_code == 200
    a, b, c = (("ann", name) for name in "abc")
    assert before == [[a], [a, b], [a, b, c], [a, b]]
    assert world.following.passed_over == [a, b] == world.following.left_free


def test_what_may_still_be_given_back_is_not_offered_either(world: World) -> None:
    world.casework.fails = NotAcknowledged()
    assert world.post("/v1/cases/a:release", {"lease": 2}).status_code == 503
    assert (world.following.passed_over, world.following.left_free) == ([("ann", "a")], [])


def test_an_id_with_slashes_and_colons_is_one_id(world: World) -> None:
    says(world)
    world.post("/v1/cases/shop%2F7:claim:note", {"note": "look"})
    (written,) = world.casework.written
    assert isinstance(written, CaseActionRequested)
    assert (written.request_id, written.action, written.note) == ("shop/7:claim", "note", "look")


def test_an_answer_without_coordinates_answers_the_newest_announcement(world: World) -> None:
    says(world)
    review = world.put("a")
    got = world.post("/v1/cases/a/decisions", {"action": "approve", "confidence": 0.8, "lease": 2})
    assert (got.status_code, got.json()["became"]) == (200, "closed")
    (written,) = world.casework.written
    assert isinstance(written, ReviewDecided)
    assert (written.review, written.confidence, written.lease) == (review, 0.8, 2)
    unknown = world.post("/v1/cases/nowhere/decisions", {"action": "approve"})
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "unknown_case")


def test_without_redis_an_answer_that_names_its_review_goes_through(world: World) -> None:
    says(world)
    review = world.put("a")
    world.model.away = True
    assert world.post("/v1/cases/a/decisions", {"action": "approve"}).status_code == 503
    named = {"action": "approve", "review": msgspec.to_builtins(review)}
    assert world.post("/v1/cases/a/decisions", named).status_code == 200
