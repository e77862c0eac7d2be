"""The HTTP gateway on the whole pipeline: nothing acknowledged is lost, whatever is hurt, and all can be repeated."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest

from schemas.events import DecisionMade, DecisionRequested
from schemas.topics import OUTCOMES, REQUESTS
from tests.support.gateway import ADDRESS, Answer, body, is_ready, post_all, url_of
from tests.support.stand import Stand, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.long]
SERVICES = ("inference", "router", "casework", "training", "index", "gateway")


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("gateway"), gateway_address=ADDRESS)
    try:
        stand.up(SERVICES)
        stand.publish_policy()
        stand.teach()
        yield stand
    finally:
        stand.down()


@pytest.fixture
def url(stand: Stand) -> str:
    return url_of(stand)


@pytest.fixture
def client(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, timeout=90) as client:
        yield client


def in_log(stand: Stand) -> Counter[str]:
    events = stand.history().events(REQUESTS.name)
    return Counter(event.request_id for event in events if isinstance(event, DecisionRequested))


def decisions(stand: Stand, request_id: str) -> list[DecisionMade]:
    events = stand.history().events(OUTCOMES.name)
    return [e for e in events if isinstance(e, DecisionMade) and e.request_id == request_id]


def post_until_taken(url: str, request_ids: list[str]) -> None:
    """What is not acknowledged is posted again."""
    deadline = time.monotonic() + 150
    while request_ids:
        assert time.monotonic() < deadline, f"the gateway does not take {len(request_ids)} of them"
        request_ids = [answer.request_id for answer in post_all(url, request_ids) if answer.status not in (200, 202)]


def answering(stand: Stand) -> tuple[threading.Thread, threading.Event]:
    """People who answer until they are told to stop."""
    ended = threading.Event()

    def people() -> None:
        while not ended.wait(0.05):
            stand.answer()
            stand.flush()

    thread = threading.Thread(target=people)
    thread.start()
    return thread, ended


def test_a_request_is_acknowledged_looked_up_and_decided(stand: Stand, client: httpx2.Client) -> None:
    got = client.post("/v1/requests", json=body("a/1 é"))
    assert (got.status_code, got.json()["status"]) == (202, "pending_ai")
    assert in_log(stand)["a/1 é"] == 1
    where = got.headers["location"]
    assert client.get(where).json()["request_id"] == "a/1 é"  # also when the index has not come to it yet

    thread, ended = answering(stand)
    try:
        wait_until(lambda: client.get(where).json()["outcome"] is not None, what="an outcome")
        (made,) = decisions(stand, "a/1 é")
        assert client.get(where).json()["outcome"] == made.outcome

        # The same again: the outcome at once. Another content under the same id: refused. Either is taken in (202)
        # where Redis does not tell in time what is known.
        def is_refused() -> bool:
            other = client.post("/v1/requests", json=body("a/1 é", "something else"))
            assert other.status_code in (202, 409), other.text
            return other.status_code == 409 and other.json()["reason"] == "id_conflict"

        same = body("a/1 é")
        wait_until(lambda: client.post("/v1/requests", json=same).status_code == 200, what="the outcome at once")
        wait_until(is_refused, what="the refusal of another content")

        # Waited for.
        waited = client.post("/v1/requests", params={"wait": 60}, json=body("w1"))
        assert waited.status_code == 200 and waited.json()["outcome"] == decisions(stand, "w1")[0].outcome
    finally:
        ended.set()
        thread.join()


def test_the_log_tells_what_happened_and_keeps_its_secrets(stand: Stand, client: httpx2.Client) -> None:
    ids = [f"t{number}" for number in range(30)]
    assert {answer.status for answer in post_all(str(client.base_url), ids)} == {202}
    stand.quiet(services=("inference", "router", "casework"))
    shown = [client.get(f"/v1/requests/{name}", params={"timeline": True}).json() for name in ids]
    assert {each["state"] for each in shown} == {"completed"}
    assert all(each["outcome"] == decisions(stand, each["request_id"])[0].outcome for each in shown[:3])
    events = {moment["event"] for each in shown for moment in each["timeline"]}
    assert {"DecisionRequested", "DecisionMade"} <= events
    assert not events & {"AuditDrawn", "AuditAnswered", "AuditExpired", "FeedbackRecorded", "PredictionMade"}
    automatic = [each for each in shown if each["decided_by"] == "automation"]
    assert automatic and all(
        [moment["event"] for moment in each["timeline"]] == ["DecisionRequested", "DecisionMade"] for each in automatic
    )


def test_an_appeal_is_ruled_on_once(stand: Stand, client: httpx2.Client) -> None:
    assert client.post("/v1/requests/nobody/appeal", json={}).status_code == 404
    ids = [f"p{number}" for number in range(5)]
    post_all(str(client.base_url), ids)
    stand.quiet(services=("inference", "router", "casework"))
    said = {"statement": "It is a garden.", "appeal_id": "one"}
    appealed = client.post("/v1/requests/p1/appeal", params={"wait": 60}, json=said)
    assert appealed.status_code == 202 and appealed.json()["became"] == "taken_on"
    again = client.post("/v1/requests/p1/appeal", params={"wait": 60}, json={"appeal_id": "two"})
    assert (again.status_code, again.json()["reason"]) == (409, "already_appealed")


def test_a_batch_tells_of_each(stand: Stand, client: httpx2.Client) -> None:
    good = [body(f"b{number}") for number in range(998)]
    got = client.post("/v1/requests:batch", json={"requests": [*good, body("bad") | {"workflow": "none"}, 5]})
    assert got.status_code == 202
    made = got.json()
    assert (made["accepted"], made["refused"]) == (998, 2)
    assert "published: posts" in made["items"][998]["problem"]["detail"]
    there = in_log(stand)
    assert all(there[each["request_id"]] == 1 for each in good)


def test_a_thousand_at_once_under_one_id_are_one_decision(stand: Stand, url: str) -> None:
    thread, ended = answering(stand)
    try:
        answers = post_all(url, ["same"] * 1_000, wait_seconds=60, together=100, timeout=90)
    finally:
        ended.set()
        thread.join()
    stand.quiet(services=("inference", "router", "casework"))
    (made,) = decisions(stand, "same")
    assert {answer.status for answer in answers} == {200}
    assert {answer.body["outcome"] for answer in answers} == {made.outcome}


def test_a_redis_that_hangs_holds_up_no_request(stand: Stand, client: httpx2.Client) -> None:
    stand.stack.kill("valkey", signal.SIGSTOP)
    try:
        assert {answer.status for answer in post_all(str(client.base_url), ["h1", "h2"])} == {202}
        got = client.get("/v1/requests/h1")
        assert (got.status_code, got.json()["reason"]) == (503, "read_model") and got.headers["retry-after"]
        told = client.get("/v1/requests/h1", params={"timeline": True}).json()
        assert told["request_id"] == "h1" and told["timeline"]
    finally:
        stand.stack.kill("valkey", signal.SIGCONT)
    wait_until(lambda: client.get("/v1/requests/h1").status_code == 200, what="an answer of the read model")


def test_whatever_was_acknowledged_survives_kill_9_and_the_rest_can_be_repeated(stand: Stand, url: str) -> None:
    ids = [f"k{number}" for number in range(1_500)]
    answers: list[Answer] = []

    def post() -> None:
        for first in range(0, len(ids), 50):
            answers.extend(post_all(url, ids[first : first + 50], together=20))

    posting = threading.Thread(target=post)
    posting.start()
    wait_until(lambda: bool(answers), what="answers to the first of them")
    stand.kill("gateway")
    posting.join()
    there = in_log(stand)
    lost = [answer.request_id for answer in answers if answer.status != 202]
    assert lost and len(lost) < len(ids)
    assert all(there[answer.request_id] for answer in answers if answer.status == 202)
    assert url_of(stand) == url
    post_until_taken(url, lost)
    there = in_log(stand)
    assert all(there[name] for name in ids)


def test_without_brokers_it_says_when_to_come_back_and_then_takes_everything(stand: Stand, url: str) -> None:
    state = stand.stack.state()
    assert state is not None
    os.kill(state.supervisor.pid, signal.SIGSTOP)  # it starts Kafka again only when everybody was told
    try:
        stand.kill("kafka")
        answers = post_all(url, [f"d{number}" for number in range(40)], together=40)
    finally:
        os.kill(state.supervisor.pid, signal.SIGCONT)
    assert {answer.status for answer in answers} == {503}
    assert all(answer.retry_after and "same id" in answer.body["detail"] for answer in answers)
    wait_until(lambda: is_ready(url), seconds=300, what="a ready gateway")
    post_until_taken(url, [answer.request_id for answer in answers])
    there = in_log(stand)
    assert all(there[f"d{number}"] for number in range(40))
