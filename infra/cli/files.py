"""Files that a command is told to read or write: what the system refuses is said with the name and what to do."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from errno import EISDIR
from pathlib import Path
from typing import BinaryIO

from infra.errors import HitlError


class FileNotRead(HitlError):
    """Name a file that exists and that you may read."""


class FileNotWritten(HitlError):
    """Name a file in a folder that exists and that you may write to."""


@contextmanager
def reading(file: Path | str) -> Iterator[None]:
    """Raises `FileNotRead` for an `OSError`."""
    try:
        yield
    except OSError as error:
        raise FileNotRead(f"{file} cannot be read: {error.strerror or error}. {FileNotRead.__doc__}") from error


@contextmanager
def writing(file: Path | str) -> Iterator[None]:
    """Raises `FileNotWritten` for an `OSError`."""
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise FileNotWritten(f"{file} cannot be written: {why}. {FileNotWritten.__doc__}") from error


@contextmanager
def lines_of(file: str) -> Iterator[Iterator[bytes]]:
    """The lines of a file, or of standard input for `-`. Raises `FileNotRead`, at once or while they are read."""
    if file == "-":
        yield _lines(sys.stdin.buffer, "standard input")
        return
    with ExitStack() as closing:
        with reading(file):
            stream = closing.enter_context(Path(file).open("rb"))
        yield _lines(stream, file)


@contextmanager
def whole_file(file: Path | str) -> Iterator[BinaryIO]:
    """A file (`-`: standard output) that holds everything at the end or, if anything fails, what it held before.

    Raises `FileNotWritten`, before anything is done where no file can be made.
    """
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(file)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    with writing(file):
        if target.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        out = beside.open("wb")
    try:
        with writing(file):
            with out:
                yield out
            beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _lines(stream: BinaryIO, file: str) -> Iterator[bytes]:
    with reading(file):
        yield from stream
