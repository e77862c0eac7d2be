"""What a command prints: JSON for machines when asked, else text for people."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec

Command = TypeVar("Command", bound=Callable[..., Any])

json_option: Callable[[Command], Command] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for machines."
)


def show(value: object, *, as_json: bool, text: str | Callable[[], str]) -> None:
    """Print `value` as one JSON document, or `text` (computed only when needed)."""
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())
    else:
        click.echo(text() if callable(text) else text)


def note(message: str, *, as_json: bool = False) -> None:
    """A line about progress, on standard error, so that output can be piped; silent for machines."""
    if not as_json:
        click.echo(message, err=True)


def show_error(message: str, *, kind: str, as_json: bool) -> None:
    """One line on standard error that says what went wrong and what to do."""
    if as_json:
        sys.stderr.buffer.write(msgspec.json.encode({"error": message, "kind": kind}) + b"\n")
        sys.stderr.flush()
    else:
        click.echo(f"error: {message}", err=True)
