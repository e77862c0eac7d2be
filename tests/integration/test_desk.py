"""The API for reviewer apps on the real stack: a session over HTTP, ten who work at once, and every refusal."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial

import httpx2
import msgspec
import pytest

from infra.kafka.scan import scan
from infra.redis.reading import connect
from infra.settings import DESK_FILE
from producers.desk.signin.links import folder_of, local_person, put_link
from producers.desk.signin.opening import wall
from producers.desk.signin.secret import new_secret
from schemas.events import AccessRefused, LeaseGranted, PersonSignedIn
from schemas.topics import ACCESS
from tests.support.desk_people import WHO, People, Person, Signed, check
from tests.support.gateway import ADDRESS, url_of
from tests.support.refused import ANSWERS, COMMANDS, FORGED, Office
from tests.support.stand import Stand, wait_until
from tests.support.traffic import CODEC

pytestmark = [pytest.mark.integration, pytest.mark.long]
CROWD = 30  # cases
OVER_HTTP = [scene for scene in COMMANDS if scene != "unknown command"]  # has no path, and so is no command


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("desk"), desk_address=ADDRESS)
    try:
        stand.up(["casework", "index", "desk"])
        stand.publish_policy()
        yield stand
    finally:
        stand.down()


@pytest.fixture(scope="module")
def url(stand: Stand) -> str:
    return url_of(stand, DESK_FILE)


@pytest.fixture(scope="module")
def office(stand: Stand) -> Iterator[Office]:
    made = Office(stand)
    yield made
    made.close()


@pytest.fixture(scope="module")
def guarded(office: Office, url: str) -> Iterator[Office]:
    """Where nobody is believed without a token, the desk included."""
    office.vouch()
    ask = partial(httpx2.get, f"{url}/v1/queue", headers={"reviewer-id": WHO}, timeout=30)
    wait_until(lambda: ask().status_code == 401, what="a desk that knows")
    yield office
    office.vouch_no_more()


@pytest.fixture
def people(url: str) -> Iterator[People]:
    made = People(url)
    yield made
    made.close()


def claimable(stand: Stand) -> set[str]:
    model = connect(stand.settings)
    try:
        return {name for queues in model.claimable().values() for names in queues.values() for name in names}
    finally:
        model.close()


def test_ten_who_take_the_next_case_at_once_never_have_the_same(stand: Stand, office: Office, people: People) -> None:
    names = {f"crowd{number}" for number in range(CROWD)}
    for name in names:
        office.open(name)
    wait_until(lambda: names <= claimable(stand), what="cases that wait")
    given: list[tuple[str, int]] = []
    wrong: list[str] = []

    def work(person: Person) -> None:
        while True:
            got = person.post("/v1/cases:next")
            case = got.json()
            if got.status_code != 200:
                wrong.append(got.text)
                return
            if "request_id" in case:
                given.append((case["request_id"], case["lease"]))
            elif case["why"] in ("none_waits", "enough_in_hand"):
                return
            else:
                time.sleep(0.05)  # others have a share in what waits

    threads = [threading.Thread(target=work, args=(people(f"p{number}"),)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert Counter(name for name, _ in given) == Counter(names)

    def granted() -> set[tuple[str, int]]:
        return {(each.request_id, each.lease) for each in office.listener.of(LeaseGranted)}

    wait_until(lambda: set(given) <= granted(), what="each of them granted on the log")


def events(lines: Iterator[str], *, ends: str, heard: list[str] | None = None) -> list[str]:
    """The events of a stream up to one of this name, which is the last that is read."""
    heard = [] if heard is None else heard
    for line in lines:
        if line.startswith(("id: ", "event: ")):
            heard.append(line)
        if line == f"event: {ends}":
            break
    return [line.removeprefix("event: ") for line in heard if line.startswith("event: ")]


def test_a_link_of_this_machine_starts_a_session_that_works_and_ends(stand: Stand, url: str) -> None:
    """Signed in without a provider: who one is comes from the session alone, and each act needs the page's token."""
    secret = new_secret()
    put_link(folder_of(stand.settings), local_person("lea"), secret=secret, now=wall())
    headers = {"accept": "text/html", "origin": url}
    with httpx2.Client(base_url=url, headers=headers, follow_redirects=True, timeout=30) as browser:
        assert browser.get("/").status_code == 401
        home = browser.get(f"/sign-in/link?token={secret}")
        assert (home.status_code, 'name="reviewer" content="lea"' in home.text) == (200, True)
        assert "default-src 'none'" in home.headers["content-security-policy"]
        csrf = {"x-csrf-token": browser.get("/session").json()["csrf"]}
        assert browser.get("/v1/queue").status_code == 200, "the session says who it is"
        assert browser.post("/v1/cases:next", json={}).status_code == 403
        elsewhere = csrf | {"origin": "http://evil.example"}
        assert browser.post("/v1/cases:next", json={}, headers=elsewhere).status_code == 403
        assert browser.post("/v1/cases:next", json={}, headers=csrf).status_code == 200
        out = browser.post("/sign-out", data={"csrf_token": csrf["x-csrf-token"]})
        assert (out.status_code, "signed out" in out.text) == (200, True)
        assert browser.get("/").status_code == browser.get("/v1/queue").status_code == 401
        assert browser.get(f"/sign-in/link?token={secret}").status_code == 400, "it was good once"


def test_a_session_over_http(stand: Stand, office: Office, people: People) -> None:
    ann, bea, lea = people("ann"), people("bea"), people("lea")
    office.open("session")
    wait_until(lambda: "session" in claimable(stand), what="a case that waits")
    case = ann.done("/v1/cases:next")
    assert (case["request_id"], case["holder"]) == ("session", "ann") and "see you there" in case["content"]
    path, lease = "/v1/cases/session", {"lease": case["lease"]}
    assert bea.post(f"{path}:claim").json()["reason"] == "already_leased"
    assert ann.done(f"{path}:renew", **lease)["became"] == "extended"
    assert bea.done(f"{path}:note", note="I know them")["became"] == "noted"
    held = ann.done(f"{path}:hold", **lease, resumes_at=time.time_ns() // 1_000_000 + 60_000, note="after lunch")
    assert held["became"] == "held"
    assert ann.done(f"{path}:release")["became"] == "released"
    lease = {"lease": ann.done(f"{path}:claim")["lease"]}
    received = ann.done(f"{path}/decisions", action="reject", grace_seconds=30, **lease, review=case["review"])
    assert received["became"] == "received"
    lease = {"lease": ann.done(f"{path}:undo")["lease"]}
    lease = {"lease": ann.done(f"{path}:hand-over", to_reviewer="bea", **lease)["lease"]}
    assert lea.done(f"{path}:reprioritise", priority="high")["priority"] == "high"
    own = {"decision_id": "bea:1", "action": "approve", "confidence": 0.9, **lease, "review": case["review"]}
    closed = bea.done(f"{path}/decisions", **own)
    assert (closed["became"], closed["label"]) == ("closed", "approve")
    assert bea.done(f"{path}/decisions", **own) == closed, "said again"
    wait_until(lambda: ann.client.get(path).status_code == 404, what="no open case")
    assert ann.done("/v1/cases:next")["why"] in {"none_waits", "no_lane"}


def test_changes_are_told_and_missed_ones_afterwards(office: Office, people: People) -> None:
    eve, mine = people("eve"), {"mine": "true"}
    office.open("told")
    heard: list[str] = []

    def listen() -> None:
        with people("eve", "listening").client.stream("GET", "/v1/changes", params=mine) as got:
            events(got.iter_lines(), ends="LeaseEnded", heard=heard)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    wait_until(lambda: "event: opened" in heard, what="the stream")
    lease = eve.done("/v1/cases/told:claim")["lease"]
    office.asked("note", "told", "ann", note="see")
    eve.done("/v1/cases/told:release", lease=lease)
    thread.join(60)
    assert not thread.is_alive(), f"no LeaseEnded after {heard}"
    said = [line for line in heard if line.startswith("event: ")]
    assert said == ["event: opened", "event: LeaseGranted", "event: CaseNoted", "event: LeaseEnded"]
    since = {"last-event-id": heard[0].removeprefix("id: ")}
    with eve.client.stream("GET", "/v1/changes", params=mine, headers=since) as got:
        assert events(got.iter_lines(), ends="LeaseEnded") == ["opened", "LeaseGranted", "CaseNoted", "LeaseEnded"]


def test_the_queue_tells_where_a_case_stands(stand: Stand, office: Office, people: People) -> None:
    office.open("queued")
    wait_until(lambda: "queued" in claimable(stand), what="a case that waits")
    got = people("ann").client.get("/v1/queue", params={"request_id": "queued"}).json()
    assert got["case"]["request_id"] == "queued" and got["case"]["position"] >= 1
    assert sum(got["workflows"][0]["human"].values()) >= 1 and got["workflows"][0]["oldest_age_ms"] >= 0


def test_while_casework_is_away_nothing_is_acknowledged_and_a_repeat_finds_the_answer(
    stand: Stand, office: Office, people: People
) -> None:
    office.open("away")
    ann = people("ann")
    stand.stack.kill("casework", signal.SIGSTOP)
    try:
        before = ann.post("/v1/cases/away:claim", command_id="away:1")
    finally:
        stand.stack.kill("casework", signal.SIGCONT)
    assert (before.status_code, before.json()["reason"]) == (503, "not_judged")
    assert int(before.headers["retry-after"]) >= 1 and "hitl status" in before.json()["detail"]
    answers: list[httpx2.Response] = []

    def is_judged() -> bool:
        answers.append(ann.post("/v1/cases/away:claim", command_id="away:1"))
        return bool(answers[-1].json().get("reason") != "not_judged")

    wait_until(is_judged, what="the answer of casework")
    assert answers[-1].json().get("became") == "granted", answers[-1].text

    def granted() -> int:
        return sum(each.request_id == "away" for each in office.listener.of(LeaseGranted))

    wait_until(lambda: granted() > 0, what="the change")  # the desk may have heard of it before this test has
    assert granted() == 1, "it was written once"


# ---- every refusal ----


@pytest.mark.parametrize("scene", ANSWERS)
def test_an_answer_is_refused(scene: str, office: Office, people: People) -> None:
    check(office, people, f"answer: {scene}", ANSWERS[scene])


@pytest.mark.parametrize("scene", OVER_HTTP)
def test_a_command_is_refused(scene: str, office: Office, people: People) -> None:
    check(office, people, f"command: {scene}", COMMANDS[scene])


@pytest.fixture(scope="module")
def dora(stand: Stand, url: str) -> Iterator[Signed]:
    """Whoever is refused, signed in at a browser."""
    made = Signed(stand, url, WHO)
    yield made
    made.client.close()


@pytest.mark.parametrize("scene", ANSWERS)
def test_an_answer_from_a_session_is_refused(scene: str, office: Office, people: People, dora: Signed) -> None:
    check(office, people, f"session answer: {scene}", ANSWERS[scene], dora)


@pytest.mark.parametrize("scene", OVER_HTTP)
def test_a_command_from_a_session_is_refused(scene: str, office: Office, people: People, dora: Signed) -> None:
    check(office, people, f"session command: {scene}", COMMANDS[scene], dora)


def test_a_session_names_nobody_but_its_own_person(office: Office, people: People, dora: Signed) -> None:
    """A header, a field or a parameter that names somebody else changes nothing."""
    office.open("impersonated")
    got = dora.client.post(
        "/v1/cases/impersonated:claim?reviewer_id=eve", json={}, headers={"reviewer-id": "eve", "x-user": "eve"}
    )  # fmt: skip
    assert got.status_code == 200 and got.json()["holder"] == WHO
    named = dora.client.post("/v1/cases/impersonated:release", json={"reviewer_id": "eve"})
    assert (named.status_code, named.json()["reason"]) == (422, "invalid")


def test_who_came_in_and_who_was_refused_is_in_the_log(stand: Stand, dora: Signed, url: str) -> None:
    assert dora.client.post(f"/people/{WHO}/end-sessions").status_code == 403

    def kept() -> list[object]:
        return [entry.event for entry in scan(stand.log, CODEC, [ACCESS.name], wanted=lambda r: r.key == WHO.encode())]

    wait_until(lambda: any(isinstance(event, AccessRefused) for event in kept()), what="the refusal in the log")
    first, *_, last = kept()
    assert isinstance(first, PersonSignedIn) and (first.how, first.roles) == ("link", ("reviewer", "expert"))
    assert isinstance(last, AccessRefused) and last.reason == "missing_role"
    assert last.path == "'/people/dora/end-sessions'"


@pytest.mark.parametrize("scene", FORGED)
def test_a_forged_identity_is_refused(scene: str, guarded: Office, people: People) -> None:
    check(guarded, people, f"forged: {scene}", FORGED[scene])


def test_with_a_token_of_ones_own_a_case_is_claimed_and_decided(guarded: Office, people: People) -> None:
    review = guarded.open("vouched")
    own = people(WHO, guarded.token(WHO))
    lease = own.done("/v1/cases/vouched:claim")["lease"]
    made = own.done("/v1/cases/vouched/decisions", action="approve", lease=lease, review=msgspec.to_builtins(review))
    assert made["label"] == "approve"
