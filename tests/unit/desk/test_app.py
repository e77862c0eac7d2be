"""The API for reviewer apps: the next case, what is looked at, and what is told when something is away."""

from collections.abc import AsyncIterator

import httpx2
import msgspec
import pytest

from infra.kafka.acknowledging import NotAcknowledged, TooMuchUnderWay
from infra.redis.errors import RedisUnavailable
from infra.redis.records import Hands, Noted, Possession
from producers.desk.next import NextCase, NothingToDo, NotRuled, Unavailing
from producers.desk.posted import LARGEST
from schemas.events import CommandRefused
from schemas.values import Coordinates, Priority
from streams.casework.eligibility import Idle
from streams.casework.serving import Because
from tests.support.desk import World
from tests.support.recorded import START
from tests.support.ruling import says


def given(world: World, request_id: str) -> NextCase:
    return NextCase(
        request_id=request_id, workflow="moderation", priority=Priority.NORMAL, skills=(), review=world.put(request_id),
        lease=7, expires_at=START, because=Because.PRIORITY,
    )  # fmt: skip


def test_the_next_case_comes_whole_and_says_why(world: World) -> None:
    world.following.gives = found = given(world, "a")
    got = world.post("/v1/cases:next").json()
    assert (got["request_id"], got["lease"], got["holder"], got["until"]) == ("a", 7, "ann", START)
    assert "a garden" in got["content"] and got["because"] == "priority" and "most urgent" in got["rule"]
    assert got["review"] == msgspec.to_builtins(found.review) and "approve" in got["actions"]
    assert not {"sealed", "counted", "pending", "people"} & got.keys()


def test_without_redis_the_case_that_was_granted_is_read_from_the_log(world: World) -> None:
    world.following.gives = given(world, "a")
    world.model.away = True
    got = world.post("/v1/cases:next")
    assert got.status_code == 200 and "a garden" in got.json()["content"]


def test_nothing_to_do_is_an_answer_with_a_reason(world: World) -> None:
    world.following.gives = NothingToDo(why=Idle.NONE_WAITS, in_hand=2, detail="no case waits")
    got = world.post("/v1/cases:next", {"workflows": [], "skills": ["law"], "roles": ["expert"]})
    assert got.status_code == 200
    assert (got.json()["why"], got.json()["in_hand"]) == ("none_waits", 2)
    assert world.following.asked[0][0].roles == frozenset({"expert"})
    unknown = world.post("/v1/cases:next", {"workflows": ["no such"]})
    assert (unknown.status_code, unknown.json()["reason"]) == (422, "unknown_workflow")


def test_whoever_is_not_admitted_is_told_why(world: World) -> None:
    said = CommandRefused(event_id="e", request_id="a", sequence=0, cause=Coordinates(topic="t", partition=0, offset=0),
                          occurred_at=0, command_id="c", reviewer_id="ann", action="claim", reason="not_active",
                          detail="set inactive")  # fmt: skip
    world.following.gives = NothingToDo(why=Unavailing.NOT_ADMITTED, in_hand=0, detail="you are not", refused=(said,))
    got = world.post("/v1/cases:next")
    assert (got.status_code, got.json()["reason"], got.json()["detail"]) == (403, "not_active", "set inactive")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RedisUnavailable("Redis is away."), "read_model"), (NotRuled(), "not_judged"),
        (NotAcknowledged(), "not_acknowledged"), (TooMuchUnderWay(), "too_much_under_way"),
    ],
)  # fmt: skip
def test_what_is_away_is_told_in_words_and_when_to_come_again(world: World, error: Exception, reason: str) -> None:
    world.following.gives = error
    got = world.post("/v1/cases:next")
    assert (got.status_code, got.json()["reason"]) == (503, reason)
    assert int(got.headers["retry-after"]) >= 1 and len(got.json()["detail"]) > 40


# ---- looking ----


def test_a_case_tells_who_has_it(world: World) -> None:
    world.put("a", Possession(sequence=3, hands=Hands.HELD, reviewer_id="bea", expires_at=START))
    got = world.get("/v1/cases/a").json()
    assert (got["holder"], got["hands"], got["until"], got["lease"]) == ("bea", "held", START, None)
    missing = world.get("/v1/cases/b")
    assert (missing.status_code, missing.json()["reason"]) == (404, "unknown_case")
    world.model.rebuilding = True
    assert world.get("/v1/cases/b").status_code == 503, "nobody can tell"


def test_a_case_comes_with_the_notes_beside_it(world: World) -> None:
    world.put("a")
    noted = Noted(sequence=3, at=START, reviewer_id="bea", note="<b>seen before</b>")
    world.model.records["a"] = msgspec.structs.replace(world.model.records["a"], notes=(noted,))
    said = {"reviewer_id": "bea", "note": "<b>seen before</b>", "noted_at": START}
    assert world.get("/v1/cases/a").json()["notes"] == [said]


def test_the_queue_tells_sizes_what_is_in_hand_and_a_place(world: World) -> None:
    world.put("a")
    world.model.held["ann"] = {"a": START}
    got = world.get("/v1/queue?request_id=a").json()
    assert got["workflows"][0]["human"]["normal"] == 1 and got["workflows"][0]["oldest_age_ms"] == 60_000
    assert got["in_hand"] == [{"request_id": "a", "expires_at": START}]
    assert got["case"] == {"request_id": "a", "position": 1, "ahead": 0, "estimated_wait_ms": 30_000}
    world.model.away = True
    assert world.get("/v1/queue").status_code == 503


def test_a_good_answer_says_how_long_it_took(world: World) -> None:
    world.put("a")
    name, _, spent = world.get("/v1/queue").headers["server-timing"].partition(";dur=")
    assert name == "app" and 0 <= float(spent) < 60_000  # milliseconds
    assert "server-timing" not in world.get("/v1/cases/unheard-of").headers, "a refusal tells nothing more"


def test_until_the_configuration_is_read_nothing_is_done(world: World) -> None:
    world.config = None
    for got in (world.post("/v1/cases/a:claim"), world.get("/ready")):
        assert (got.status_code, got.json()["reason"]) == (503, "starting")
    assert world.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("a:hold", {}, 422), ("a:claim", {"lease": 1}, 422), ("a:reprioritise", {"priority": "whenever"}, 422),
        ("a:note", {"note": "\ud800"}, 400), ("a" * 1_025 + ":claim", {}, 422), ("a:dance", {}, 405),
        ("a:undo", {"command_id": ""}, 422), ("a/decisions", {"action": "approve", "grace_seconds": 61}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_not_written(world: World, path: str, body: dict[str, object], status: int) -> None:
    says(world)
    got = world.post(f"/v1/cases/{path}", body)
    assert got.status_code == status, got.text
    assert got.headers["content-type"] == "application/problem+json" and not world.casework.written


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "text/plain", 415), (b"{}", "application/x-www-form-urlencoded", 415), (b"{", "application/json", 400),
        (b" " * (LARGEST + 1), "application/json", 413), (b"{}" + b" " * (LARGEST - 2), "application/json", 200),
    ],
)  # fmt: skip
@pytest.mark.parametrize("says_its_length", [True, False])
def test_a_body_is_json_of_a_limited_size_whether_or_not_it_says_so(
    world: World, content: bytes, kind: str, status: int, says_its_length: bool
) -> None:
    says(world)

    async def parts() -> AsyncIterator[bytes]:
        for at in range(0, len(content), 1 << 12):
            yield content[at : at + (1 << 12)]

    async def post(client: httpx2.AsyncClient) -> httpx2.Response:
        sent, named = content if says_its_length else parts(), {"reviewer-id": "ann", "content-type": kind}
        return await client.post("/v1/cases/a:claim", content=sent, headers=named)

    (got,) = world.run(post)
    assert got.status_code == status, got.text
    assert (len(world.casework.written) == 1) is (status == 200)


def test_answers_and_refusals_are_counted(world: World) -> None:
    says(world, b="finished")
    world.post("/v1/cases/a:claim")
    world.post("/v1/cases/b:claim")
    text = world.watch.instruments.text().decode()
    assert 'hitl_desk_requests_total{code="200",route="/v1/cases/{request_id:path}:claim"} 1.0' in text
    assert 'hitl_desk_refusals_total{reason="finished"} 1.0' in text
