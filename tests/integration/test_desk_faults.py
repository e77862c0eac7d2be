"""Whatever dies while people work at the desk: they are told so in words, each answer counts once, and work goes on."""

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx2
import pytest

from infra.settings import DESK_FILE
from tests.support.crowd import Crowd, session
from tests.support.gateway import ADDRESS, is_ready, url_of
from tests.support.stand import Stand, wait_until
from tests.support.stock import Stock, one_owner_and_nothing_lost

pytestmark = [pytest.mark.integration, pytest.mark.long]
PEOPLE: Final = 8
BEFORE: Final = 3.0  # seconds of work before something happens
STILL: Final = 10.0  # seconds for which something that hangs hangs
BACK: Final = 180.0  # seconds until everybody works again
PATIENCE: Final = 30.0  # seconds: what the desk takes for one call at most, while everything else waits, too
WORDS: Final = {"not_judged", "not_acknowledged", "too_much_under_way", "log_unavailable", "read_model", "busy",
                "starting", "sessions_away"}  # fmt: skip


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("desk-faults"), desk_address=ADDRESS)
    try:
        stand.up(["casework", "index", "desk"])
        stand.publish_policy()
        yield stand
    finally:
        stand.down()


@pytest.fixture(scope="module")
def url(stand: Stand) -> str:
    return url_of(stand, DESK_FILE)


def killed(name: str) -> Callable[[Stand], None]:
    return lambda stand: (stand.kill(name), None)[1]


def halted(name: str) -> Callable[[Stand], None]:
    def halt(stand: Stand) -> None:
        stand.stack.kill(name, signal.SIGSTOP)
        time.sleep(STILL)
        stand.stack.kill(name, signal.SIGCONT)

    return halt


FAULTS: Final = {
    "Redis is killed": killed("valkey"),
    "Kafka is killed": killed("kafka"),
    "casework is killed": killed("casework"),
    "casework hangs": halted("casework"),
    "the index is killed": killed("index"),
    "the desk is killed": killed("desk"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_work_goes_on_and_each_answer_counts_once(stand: Stand, url: str, fault: str) -> None:
    stock = Stock(stand, name=f"{fault}-")
    crowd = Crowd(url, PEOPLE, signed_in=stand.settings, name=f"{fault}:".replace(" ", "-"))
    desk = stand.stack.pids()["desk"]
    crowd.start()
    try:
        time.sleep(BEFORE)
        FAULTS[fault](stand)
        everybody_works_again(crowd)
    finally:
        crowd.stop()
        stock.close()
    reasons = {reason for status, reason in crowd.answers() if status == 503}
    longest = max(worker.heard.longest for worker in crowd.workers)
    print(f"{fault}: {crowd.decided} answers; {dict(crowd.answers())}; the longest call {longest:.1f} s")
    crowd.nothing_wrong()
    assert reasons <= WORDS, reasons
    assert longest < PATIENCE
    if fault != "the desk is killed":
        assert stand.stack.pids()["desk"] == desk, "nobody had to start the desk again"
        assert not sum(worker.heard.broken for worker in crowd.workers), "and no connection broke"
    one_owner_and_nothing_lost(stand.history(), crowd)


def everybody_works_again(crowd: Crowd) -> None:
    """Each of them has had another answer acknowledged."""
    before = {worker.name: len(worker.heard.accepted) for worker in crowd.workers}
    wait_until(
        lambda: all(len(worker.heard.accepted) > before[worker.name] + 1 for worker in crowd.workers),
        seconds=BACK, what="work by everybody",
    )  # fmt: skip


def first_case(client: httpx2.Client) -> dict[str, Any]:
    """Whatever is given."""
    given: list[dict[str, Any]] = []

    def ask() -> bool:
        given.append(client.post("/v1/cases:next", json={}).json())
        return "request_id" in given[-1]

    wait_until(ask, what="a case")
    return given[-1]


def test_a_session_outlives_the_desk_and_a_repeat_counts_once(stand: Stand, url: str) -> None:
    """Sessions are in Redis; what was said before is known to casework, if no longer to the desk."""
    stock, headers = Stock(stand, name="outlived"), session(url, stand.settings, "lea")
    with httpx2.Client(base_url=url, headers=headers, timeout=60) as lea:
        case = first_case(lea)
        path = f"/v1/cases/{case['request_id'].replace(' ', '%20')}/decisions"
        said = {"decision_id": "lea:once", "action": "approve", "lease": case["lease"], "review": case["review"]}
        assert lea.post(path, json=said).json()["became"] == "closed"
        stand.kill("desk")
        wait_until(lambda: is_ready(url), seconds=120, what="a ready desk")
        assert lea.get("/v1/queue").status_code == 200, "still signed in"
        again = lea.post(path, json=said)
        assert (again.status_code, again.json()["reason"]) == (409, "finished")
    stock.close()
    closed = [e for e in stand.history().events("assignments") if getattr(e, "request_id", "") == case["request_id"]]
    assert [type(event).__name__ for event in closed].count("CaseClosed") == 1
