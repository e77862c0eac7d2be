"""What people do at the desk reaches the log, and the log's absence keeps nobody out."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from infra.cli.main import run
from infra.kafka.scan import scan
from infra.settings import DESK_FILE
from producers.desk.signin.links import folder_of, local_person, put_link
from producers.desk.signin.opening import wall
from producers.desk.signin.secret import new_secret
from schemas.events import PersonSignedIn, PersonSignedOut, SessionsEnded
from schemas.topics import ACCESS
from tests.support.gateway import ADDRESS, url_of
from tests.support.stand import Stand, wait_until
from tests.support.traffic import CODEC

pytestmark = [pytest.mark.integration, pytest.mark.long]


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("access"), desk_address=ADDRESS)
    try:
        stand.up(["desk"])
        yield stand
    finally:
        stand.down()


@pytest.fixture(scope="module")
def url(stand: Stand) -> str:
    return url_of(stand, DESK_FILE)


@pytest.fixture
def here(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_DATA_DIR", str(stand.settings.data_dir))


@contextmanager
def signed_in(stand: Stand, url: str, name: str) -> Iterator[httpx2.Client]:
    secret = new_secret()
    put_link(folder_of(stand.settings), local_person(name), secret=secret, now=wall())
    with httpx2.Client(base_url=url, headers={"origin": url}, timeout=30) as browser:
        assert browser.get(f"/sign-in/link?token={secret}").status_code == 303
        browser.headers["x-csrf-token"] = browser.get("/session").json()["csrf"]
        yield browser


def kept(stand: Stand, name: str) -> list[type]:
    entries = scan(stand.log, CODEC, [ACCESS.name], wanted=lambda record: record.key == name.encode())
    return [type(entry.event) for entry in entries]


def test_while_the_brokers_are_away_people_come_in_and_it_is_on_record_afterwards(stand: Stand, url: str) -> None:
    stand.stack.kill("kafka", signal.SIGSTOP)
    try:
        began = time.monotonic()
        with signed_in(stand, url, "ann") as ann:
            assert ann.post("/sign-out").status_code == 303
        took = time.monotonic() - began
    finally:
        stand.stack.kill("kafka", signal.SIGCONT)
    assert took < 8, "nobody waits for the brokers"  # less than a second where nothing else runs
    wait_until(lambda: kept(stand, "ann") == [PersonSignedIn, PersonSignedOut], what="what ann did")


def test_a_session_is_ended_from_a_terminal_and_that_is_listed_with_who_did_it(
    stand: Stand, url: str, here: None, capfd: pytest.CaptureFixture[str]
) -> None:
    with signed_in(stand, url, "ben") as ben:
        assert run(["desk", "end-sessions", "ben", "--by", "ada", "--json"]) == 0
        assert json.loads(capfd.readouterr().out) == {"ended": "ben", "on_record": True}
        assert ben.get("/session").status_code == 401
    wait_until(lambda: kept(stand, "ben") == [PersonSignedIn, SessionsEnded], what="what ben did")
    assert run(["desk", "access", "--person", "ada", "--since", "1h", "--json"]) == 0
    (told,) = json.loads(capfd.readouterr().out)
    assert (told["event"], told["reviewer_id"], told["ended_by"]) == ("SessionsEnded", "ben", "ada")
    assert run(["desk", "access", "--limit", "1"]) == 0
    shown = capfd.readouterr().out
    assert "all sessions ended" in shown and "by ada" in shown and "older ones are not shown" in shown
