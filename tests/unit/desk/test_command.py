"""`hitl cases` has a command for everything that casework takes from people."""

import pytest

from infra.cli.main import run
from producers.desk.acting_command import offer
from producers.desk.answering_command import ACTIONS, meant
from producers.desk.command import cases
from streams.casework.lease import ACTIONS as COMMANDS


def test_every_command_of_casework_can_be_typed() -> None:
    assert {action.replace("_", "-") for action in COMMANDS} <= set(cases.commands)
    assert {"next", "show", "list", "decide", "escalate", "appeal", "watch"} <= set(cases.commands)
    assert all(meant(action, None, ()) == (action, None) for action in ACTIONS)


@pytest.mark.parametrize("words", [[], ["--until", "2026-12-01T09:00", "--for", "2h"]])
def test_a_hold_ends_at_one_time(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["cases", "hold", "r1", *words]) == 2
    assert "--until TIME or --for SPAN, one of them" in capfd.readouterr().err


def test_without_redis_a_case_is_given_back_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_REDIS_URL", "redis://127.0.0.1:1/0")
    offer("ann", "r1", again=False)
    offer("ann", "r1", again=True)
