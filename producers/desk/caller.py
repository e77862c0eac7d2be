"""Whoever types a command: the options that say who it is, the same for every command about a case."""

import getpass
import time
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import click
import msgspec

from infra.cli.output import json_option
from streams.casework.jws import read


class Caller(NamedTuple):
    """A person, the token that vouches for them where they have one, and how they want the answer."""

    reviewer_id: str
    token: str | None
    as_json: bool


class _Subject(msgspec.Struct):
    sub: str


def as_caller(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --reviewer, --token and --json to a command and hands them over as its `caller`."""

    @click.option("--reviewer", help="Who you are (default: as your token says, else your user name).")
    @click.option(
        "--token", envvar="HITL_REVIEWER_TOKEN", show_envvar=True,
        help="Your signed token, where identity is on; it goes into the record.",
    )
    @json_option
    @wraps(command)
    def called(*words: Any, reviewer: str | None, token: str | None, as_json: bool, **options: Any) -> Any:
        token = token or None
        who = reviewer or named_in(token) or getpass.getuser()
        return command(*words, caller=Caller(who, token, as_json), **options)  # fmt: skip

    return called


def named_in(token: str | None) -> str | None:
    """Whom a token names. Nothing of it is believed here: casework checks the signature."""
    said = None if token is None else read(token)
    try:
        return None if said is None else msgspec.json.decode(said.payload, type=_Subject).sub
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def new_id() -> str:
    """An id for what is written into the log."""
    return f"hitl-cases:{uuid.uuid4()}"


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
