"""The demo's report as a file of the user's: tried out before anything starts, written at the end."""

import os
from pathlib import Path

from infra.errors import HitlError


class NotWritten(HitlError):
    """The report cannot be written; name a file in a folder that exists and that you may write to."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"the report {path} cannot be written ({error.strerror or error}); "
            "name a file that you may write, in a folder that exists."
        )


def check_writable(path: Path) -> None:
    """Whether the report could be written now; what is there stays as it is. Raises `NotWritten`."""
    try:
        if path.exists():
            if not os.access(path, os.W_OK):
                raise PermissionError("permission denied")
        else:
            path.open("xb").close()
            path.unlink()
    except OSError as error:
        raise NotWritten(path, error) from error


def write_report(path: Path, report: bytes) -> None:
    """Write it in place, with the rights that the user's umask gives to new files. Raises `NotWritten`."""
    try:
        path.write_bytes(report)
    except OSError as error:
        raise NotWritten(path, error) from error
