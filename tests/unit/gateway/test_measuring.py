"""What the gateway's application tells of its answers, and the alerts that rest on it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from fastapi import FastAPI

from infra.http.measuring import Measured
from infra.http.problems import Problem
from infra.observe.metrics import GATEWAY_HTTP
from infra.observe.serving import Watch, unserved
from producers.gateway.app import build
from producers.gateway.doors import Doors
from producers.gateway.gateway import Gateway, Item
from producers.gateway.tokens import Scope, Token, digest_of
from tests.support.promtool import Story

TOKEN = "secret-of-an-upstream-team"


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


class Behind:
    """Stands where the gateway stands: fails, refuses or answers, as the test has it."""

    def __init__(self) -> None:
        self.raises: Exception | None = None
        self.items: list[Item] = []

    def bodies(self, _: bytes) -> list[Item]:
        return self.items

    async def ask_all(self, items: list[Item], *, source: str) -> list[Item]:
        return items

    async def require_ready(self) -> None:
        if self.raises is not None:
            raise self.raises


class Asked:
    """The measured application, called over ASGI."""

    def __init__(self, doors: Doors) -> None:
        self.behind, self.watch = Behind(), unserved()
        self.watch.vitals.works(True, "it works")
        self._app = Measured(build(self._gateway, doors, nothing), self.watch.instruments, GATEWAY_HTTP)
        self.story = Story()

    def _gateway(self) -> Gateway:
        return self.behind  # type: ignore[return-value]

    def get(self, path: str, **headers: str) -> int:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, body: bytes) -> int:
        return self.ask("POST", path, headers={"content-type": "application/json"}, content=body)

    def ask(self, method: str, path: str, *, headers: dict[str, str], content: bytes | None = None) -> int:
        async def asking() -> int:
            transport = httpx2.ASGITransport(app=self._app, raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return (await client.request(method, path, headers=headers, content=content)).status_code

        return asyncio.run(asking())

    def minutes(self, count: int, act: Callable[[], object]) -> None:
        for _ in range(count):
            act()
            self.watch.vitals.beat()
            self.story.minute(gateway=shown(self.watch))


def shown(watch: Watch) -> str:
    return watch.instruments.text().decode()


def test_an_answer_is_counted_by_endpoint_and_code_whatever_the_path() -> None:
    asked = Asked(Doors(None))
    assert asked.get("/ready") == 200
    for number in range(3):
        assert asked.get(f"/no/such/{number}") == 404
    asked.behind.raises = Problem(503, "not now", reason="starting", retry_seconds=1)
    assert asked.get("/ready") == 503
    text = shown(asked.watch)
    assert 'hitl_gateway_requests_total{code="200",route="/ready"} 1.0' in text
    assert 'hitl_gateway_requests_total{code="404",route="_unknown"} 3.0' in text
    assert 'hitl_gateway_requests_total{code="503",route="/ready"} 1.0' in text
    assert 'hitl_gateway_refusals_total{reason="starting"} 1.0' in text
    assert "hitl_gateway_in_flight_requests 0.0" in text
    assert 'hitl_gateway_request_seconds_count{route="/ready",waits="false"} 2.0' in text
    assert "/no/such" not in text


def test_failures_of_the_gateway_are_told(tmp_path: Path) -> None:
    asked = Asked(Doors(None))
    asked.minutes(10, lambda: asked.get("/ready"))
    asked.behind.raises = RuntimeError("planted")
    asked.minutes(2, lambda: asked.get("/ready"))
    firing = asked.story.firing(tmp_path)
    assert set().union(*firing[:10]) == set()
    assert "HitlGatewayFails" in firing[-1]


def test_items_of_a_batch_that_are_refused_count_like_requests(tmp_path: Path) -> None:
    asked = Asked(Doors(None))
    asked.minutes(10, lambda: asked.get("/ready"))
    asked.behind.items = [refused("not_acknowledged")] * 40 + [refused("invalid")]
    asked.minutes(8, lambda: asked.post("/v1/requests:batch", b"{}"))
    firing = asked.story.firing(tmp_path)
    assert set().union(*firing[:10]) == set()
    assert firing[-1] == {"HitlGatewayRefuses"}
    assert 'hitl_gateway_refusals_total{reason="not_acknowledged"} 320.0' in shown(asked.watch)
    assert 'hitl_gateway_refusals_total{reason="invalid"} 8.0' in shown(asked.watch)


def refused(reason: str) -> Item:
    problem = Problem(503, "not now", reason=reason).body()
    return Item(index=0, request_id="r", accepted=False, problem=problem)


def test_a_sender_beyond_its_rate_is_told(tmp_path: Path) -> None:
    token = Token(name="team", sha256=digest_of(TOKEN), scopes=(Scope.READ,), rate=1, burst=1)
    asked = Asked(Doors([token], clock=lambda: 0.0))  # what is spent never comes back
    asked.minutes(10, lambda: [asked.get("/ready") for _ in range(20)])
    bearer = {"authorization": f"Bearer {TOKEN}"}
    asked.get("/v1/requests/r1", **bearer)
    asked.minutes(8, lambda: [asked.get("/v1/requests/r1", **bearer) for _ in range(5)])
    firing = asked.story.firing(tmp_path)
    assert set().union(*firing[:10]) == set()
    assert "HitlGatewayRefuses" in firing[-1]
    assert 'hitl_gateway_refusals_total{reason="rate"}' in shown(asked.watch)
