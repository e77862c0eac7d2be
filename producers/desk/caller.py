"""Whoever types a command: the options that say who it is, the same for every command about a case."""

import getpass
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import click

from infra.cli.output import json_option
from producers.desk.person import claims_in


class Caller(NamedTuple):
    """A person, the token that vouches for them where they have one, and how they want the answer."""

    reviewer_id: str
    token: str | None
    as_json: bool


def as_caller(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --reviewer, --token and --json to a command and hands them over as its `caller`."""

    @click.option("--reviewer", help="Who you are (default: as your token says, else your user name).")
    @click.option(
        "--token", envvar="HITL_REVIEWER_TOKEN", show_envvar=True,
        help="Your signed token, where identity is on; it goes into the record.",
    )  # fmt: skip
    @json_option
    @wraps(command)
    def called(*words: Any, reviewer: str | None, token: str | None, as_json: bool, **options: Any) -> Any:
        claims = claims_in(token := token or None)
        who = reviewer or (claims.sub if claims is not None else getpass.getuser())
        return command(*words, caller=Caller(who, token, as_json), **options)

    return called


def new_id() -> str:
    """An id for what is written into the log."""
    return f"hitl-cases:{uuid.uuid4()}"
