"""Files of a command: whole or untouched, and what the system refuses is said with the name."""

import io
import sys
from pathlib import Path

import pytest

from infra.cli.files import FileNotRead, FileNotWritten, lines_of, whole_file


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    with whole_file(target) as out:
        out.write(b"old\n")
    with pytest.raises(RuntimeError), whole_file(target) as out:  # noqa: PT012
        out.write(b"new\n")
        raise RuntimeError("the log went away")
    assert target.read_bytes() == b"old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize(("name", "why"), [("missing/out.csv", "No such file"), ("folder", "Is a directory")])
def test_a_file_that_cannot_be_written_is_named_before_anything_is_done(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "folder").mkdir()
    reached = False
    with pytest.raises(FileNotWritten, match=f"{name} cannot be written: {why}"), whole_file(tmp_path / name):
        reached = True
    assert not reached
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotRead, match="cannot be read"), lines_of(str(tmp_path / name)):
        pass


def test_what_breaks_while_reading_is_named_too() -> None:
    with pytest.raises(FileNotRead, match="/proc/self/mem cannot be read"), lines_of("/proc/self/mem") as lines:
        list(lines)


def test_a_hyphen_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    with lines_of("-") as lines:
        assert list(lines) == [b"a\n", b"b\n"]
