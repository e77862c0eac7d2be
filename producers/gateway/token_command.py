"""`hitl gateway`: API tokens for those who ask over HTTP."""

from collections.abc import Sequence

import click

from infra.cli.groups import CommandGroup
from infra.cli.output import json_option, show
from infra.cli.ranges import FiniteRange
from producers.gateway.tokens import Scope, new_token

SCOPES = click.Choice([scope.value for scope in Scope])


@click.group(cls=CommandGroup)
def gateway() -> None:
    """Make API tokens for the HTTP gateway, which `hitl run gateway` serves."""


@gateway.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=SCOPES, required=True, help="What it may do; repeatable.")
@click.option("--rate", type=FiniteRange(min=0, min_open=True), help="Requests a second; unlimited if not given.")
@json_option
def token(name: str, scopes: Sequence[str], rate: float | None, as_json: bool) -> None:
    """Print a new token for NAME, once, and the lines for the file of HITL_GATEWAY_TOKENS_FILE."""
    made, lines = new_token(name, [Scope(scope) for scope in scopes], rate)
    text = (
        f"The token, shown only now:\n\n{made}\n\n"
        f"Add to the file that HITL_GATEWAY_TOKENS_FILE names, and start the gateway again:\n\n{lines}"
    )
    show({"token": made, "lines": lines}, as_json=as_json, text=text)
