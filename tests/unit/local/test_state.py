"""The state on disk is whole or not there, and belongs to one data folder."""

from pathlib import Path

from infra.local.folders import Folders
from infra.local.processes import ProcessId
from infra.local.state import Condition, Phase, ProcessState, StackState, read_state, write_state

STATE = StackState(
    phase=Phase.RUNNING,
    detail="running",
    supervisor=ProcessId(pid=1, began="2"),
    since=3.0,
    processes=(
        ProcessState(name="kafka", condition=Condition.RUNNING, since=4.0, process=ProcessId(pid=5, began="6")),
        ProcessState(name="router", condition=Condition.WAITING, since=4.0, last_exit="killed by SIGKILL"),
        ProcessState(name="casework", condition=Condition.RUNNING, since=4.0, process=ProcessId(pid=7, began="8")),
    ),
)


def test_state_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "run" / "state.json"
    write_state(path, STATE)
    assert read_state(path) == STATE
    assert [each.name for each in path.parent.iterdir()] == ["state.json"]


def test_missing_or_broken_state_is_none(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert read_state(path) is None
    path.write_text('{"phase": "running"')
    assert read_state(path) is None
    path.write_text('{"phase": "flying"}')
    assert read_state(path) is None


def test_kafka_ends_last() -> None:
    assert [process.pid for process in STATE.living()] == [7, 5]


def test_purge_leaves_what_a_stack_did_not_write(tmp_path: Path) -> None:
    for name in ("kafka", "run", "logs", "models", "secrets", "mine"):
        (tmp_path / name).mkdir()
    Folders(tmp_path).purge()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
