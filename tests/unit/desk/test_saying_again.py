"""The API for reviewer apps: what is said again under its own id counts once, and is never acknowledged before."""

import asyncio

import httpx2
import pytest

from infra.http.limits import Rate
from infra.kafka.acknowledging import NotAcknowledged
from producers.desk import desk as desk_module
from producers.desk.pace import Pace
from schemas.events import CaseClosed
from schemas.values import ClosedBy, Coordinates
from streams.casework.identity import NotVouched
from tests.support.desk import World
from tests.support.ruling import FRAME, says


def test_a_repeat_under_its_own_id_gives_the_same_answer_and_is_written_once(world: World) -> None:
    says(world)
    world.put("a")
    own = {"action": "approve", "decision_id": "mine"}
    named = {"reviewer-id": "ann"}

    async def post(client: httpx2.AsyncClient) -> httpx2.Response:
        return await client.post("/v1/cases/a/decisions", json=own, headers=named)

    async def other(client: httpx2.AsyncClient) -> httpx2.Response:
        return await client.post("/v1/cases/a/decisions", json=own | {"action": "reject"}, headers=named)

    async def together(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        return list(await asyncio.gather(*(post(client) for _ in range(5))))

    first, many, conflict = world.run(post, together, other)
    assert {got.content for got in (first, *many)} == {first.content} and first.status_code == 200
    assert (conflict.status_code, conflict.json()["reason"]) == (409, "id_conflict")
    assert len(world.casework.written) == 1


def test_an_answer_that_casework_has_not_judged_is_no_answer_and_a_repeat_finds_the_judgement(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "PATIENCE", 0.05)
    world.put("a")

    async def post(client: httpx2.AsyncClient) -> httpx2.Response:
        own = {"action": "approve", "decision_id": "mine"}
        return await client.post("/v1/cases/a/decisions", json=own, headers={"reviewer-id": "ann"})

    async def judged(client: httpx2.AsyncClient) -> None:
        while not world.casework.written:
            await asyncio.sleep(0.01)
        (written,) = world.casework.written
        at = Coordinates(topic="review-decisions", partition=0, offset=0)
        closed = CaseClosed(**FRAME, request_id="a", cause=at, closed_by=ClosedBy.REVIEWER, label="approve")
        world.casework.tell(written.request_id.encode(), closed)
        monkeypatch.setattr(desk_module, "PATIENCE", 30.0)

    before, _, after = world.run(post, judged, post)
    assert (before.status_code, before.json()["reason"]) == (503, "not_judged")
    assert (after.status_code, after.json()["became"]) == (200, "closed")
    assert len(world.casework.written) == 1


def test_what_the_brokers_did_not_take_is_never_acknowledged(world: World) -> None:
    world.casework.fails = NotAcknowledged()
    got = world.post("/v1/cases/a:claim", {"command_id": "mine"})
    assert (got.status_code, got.json()["reason"]) == (503, "not_acknowledged")
    world.casework.fails = None
    says(world)
    assert world.post("/v1/cases/a:claim", {"command_id": "mine"}).status_code == 200


def test_a_forged_token_that_casework_refused_can_be_made_good_under_the_same_id(world: World) -> None:
    """Casework knows of a key before the desk does."""
    world.put("a")
    path, own = "/v1/cases/a/decisions", {"action": "approve", "decision_id": "mine"}

    async def post(client: httpx2.AsyncClient) -> httpx2.Response:
        return await client.post(path, json=own, headers={"reviewer-id": "ann"})

    async def believed(_: httpx2.AsyncClient) -> None:
        says(world)

    says(world, a=NotVouched.UNKNOWN_KEY)
    refused, _, accepted = world.run(post, believed, post)
    assert (refused.status_code, accepted.status_code) == (401, 200)


def test_who_asks_too_often_waits_and_others_do_not() -> None:
    world = World(pace=Pace(lambda: 0.0, Rate(per_second=1, burst=2)))
    got = [world.get("/v1/cases/a").status_code for _ in range(3)]
    assert got == [404, 404, 429]
    late = world.get("/v1/queue")
    assert (late.status_code, late.json()["reason"], late.headers["retry-after"]) == (429, "rate", "1")
    assert world.get("/v1/queue", who="bea").status_code == 200


def test_at_the_end_whoever_waits_for_casework_is_let_go(world: World) -> None:
    world.put("a")

    async def story(client: httpx2.AsyncClient) -> httpx2.Response:
        named = {"reviewer-id": "ann"}
        waiting = asyncio.ensure_future(client.post("/v1/cases/a/decisions", json={"action": "approve"}, headers=named))
        while not world.casework.written:
            await asyncio.sleep(0.01)
        world.rulings.end()
        return await asyncio.wait_for(waiting, 30)

    (got,) = world.run(story)
    assert (got.status_code, got.json()["reason"]) == (503, "log_unavailable")
