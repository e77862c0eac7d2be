"""The demo's report as a file of the user's: tried out before anything starts, written at the end."""

import os
from pathlib import Path

from infra.cli.files import writing


def check_writable(path: Path) -> None:
    """Whether the report could be written now; what is there stays as it is. Raises `FileNotWritten`."""
    with writing(path):
        if path.exists():
            if not os.access(path, os.W_OK):
                raise PermissionError("permission denied")
        else:
            path.open("xb").close()
            path.unlink()


def write_report(path: Path, report: bytes) -> None:
    """Write it in place, with the rights that the user's umask gives to new files. Raises `FileNotWritten`."""
    with writing(path):
        path.write_bytes(report)
