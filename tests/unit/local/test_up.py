"""What `hitl up` says about the way to the desk."""

import os
from pathlib import Path

import pytest

from infra.local.commands import to_the_desk
from infra.local.folders import Folders
from infra.local.processes import identify
from infra.local.stack import Stack
from infra.local.state import Condition, Phase, ProcessState, StackState, write_state
from infra.settings import DESK_FILE, Settings


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack whose desk listens."""
    me = identify(os.getpid())
    assert me is not None
    desk = ProcessState(name="desk", condition=Condition.RUNNING, since=0.0, process=me)
    state = StackState(phase=Phase.RUNNING, detail="running", supervisor=me, since=0.0, processes=(desk,))
    write_state(Folders(tmp_path).state, state)
    (tmp_path / DESK_FILE).write_text("127.0.0.1:8123\n")
    return Stack(Settings(data_dir=tmp_path))


def test_on_this_machine_a_link_opens_the_desk(stack: Stack) -> None:
    assert "`hitl desk link`" in (to_the_desk(stack) or "")


def test_with_an_identity_provider_people_go_to_the_desk_itself(stack: Stack) -> None:
    stack.settings = stack.settings.with_changes(oidc_issuer="https://id.example")
    assert to_the_desk(stack) == "people review at http://127.0.0.1:8123"
    stack.settings = stack.settings.with_changes(desk_url="https://desk.example")
    assert to_the_desk(stack) == "people review at https://desk.example"


def test_without_a_desk_nothing_is_said(stack: Stack) -> None:
    (stack.settings.data_dir / DESK_FILE).unlink()
    assert to_the_desk(stack) is None
