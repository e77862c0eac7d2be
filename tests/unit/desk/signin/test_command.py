"""`hitl desk link` prints what opens the desk of this machine, and nothing where there is none."""

import json
from pathlib import Path

import pytest

from infra.cli.main import run
from infra.settings import DESK_FILE
from producers.desk.signin.links import FOLDER, take_link
from producers.desk.signin.roles import Role
from tests.support.signing_in import HERE, Desk


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HITL_DATA_DIR", str(tmp_path))
    (tmp_path / DESK_FILE).parent.mkdir()
    (tmp_path / DESK_FILE).write_text("127.0.0.1:8090")
    return tmp_path


def test_the_link_lets_its_person_in(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["desk", "link", "--reviewer", "ann", "--json"]) == 0
    made = json.loads(capfd.readouterr().out)
    assert made["link"].startswith(f"{HERE}/sign-in/link?token=") and made["reviewer"] == "ann"
    desk = Desk(links=here / FOLDER, now=made["ends_at"] - 1)
    browser = desk.browser()
    assert browser.get(made["link"].removeprefix(HERE)).status_code == 303
    assert browser.get("/page").text == "ann"


def test_who_wants_to_be_one_thing_there_is_that(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["desk", "link", "--role", "auditor", "--role", "reviewer", "--json"]) == 0
    made = json.loads(capfd.readouterr().out)
    assert made["roles"] == ["reviewer", "auditor"]
    secret = made["link"].partition("token=")[2]
    person = take_link(here / FOLDER, secret, now=made["ends_at"] - 1)
    assert person is not None
    assert person.roles == (Role.REVIEWER, Role.AUDITOR)
    assert run(["desk", "link", "--role", "cook"]) == 2


def test_people_read_that_it_is_good_once(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["desk", "link", "--reviewer", "ann"]) == 0
    assert "Good once, for 5 minutes" in capfd.readouterr().out
    assert run(["desk", "link", "--reviewer", "a\nb"]) == 2
    assert len(list((here / FOLDER).iterdir())) == 1


def test_without_a_desk_on_this_machine_there_is_none(
    here: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HITL_DESK_URL", "https://desk.example")
    assert run(["desk", "link"]) == 1
    assert "sign in by the identity provider" in capfd.readouterr().err
    monkeypatch.delenv("HITL_DESK_URL")
    (here / DESK_FILE).unlink()
    assert run(["desk", "link"]) == 1
    assert "no desk runs here" in capfd.readouterr().err


def test_sessions_in_the_desks_memory_cannot_be_ended_from_a_terminal(
    here: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HITL_DESK_SESSIONS", "memory")
    assert run(["desk", "end-sessions", "ann"]) == 1
    assert "HITL_DESK_SESSIONS" in capfd.readouterr().err
