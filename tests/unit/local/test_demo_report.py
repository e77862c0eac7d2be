"""The demo's report is refused before anything starts where it cannot be written, and is an ordinary file."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.cli.files import FileNotWritten
from infra.local.demo import demo
from infra.local.demo_report import check_writable, write_report


@pytest.mark.parametrize("place", ["none/report.json", "file/report.json", "x" * 300])
def test_a_place_that_cannot_be_written_is_named_with_what_to_do(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    for act in (check_writable, lambda path: write_report(path, b"{}")):
        with pytest.raises(FileNotWritten, match="cannot be written: .* Name a file in a folder that exi") as refused:
            act(tmp_path / place)
        assert str(tmp_path / place) in str(refused.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_or_a_file_that_one_may_not_write_is_refused(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.touch(mode=0o444)
    with pytest.raises(FileNotWritten):
        check_writable(report)
    tmp_path.chmod(0o555)
    with pytest.raises(FileNotWritten):
        check_writable(tmp_path / "other.json")
    tmp_path.chmod(0o755)


def test_trying_a_place_out_leaves_it_as_it_is(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("the former report")
    check_writable(kept)
    check_writable(tmp_path / "new.json")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("kept.json", "the former report")]


def test_the_report_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_report(tmp_path / "report.json", b"{}")
    finally:
        os.umask(before)
    assert (tmp_path / "report.json").stat().st_mode & 0o777 == 0o640


def test_the_demo_tries_it_out_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_DATA_DIR", str(tmp_path / "data"))
    refused = CliRunner().invoke(demo, ["--report", str(tmp_path / "none" / "report.json")])
    assert isinstance(refused.exception, FileNotWritten)
    assert not (tmp_path / "data").exists()
