"""Who types a command: by option, by token, by user name."""

from collections.abc import Sequence

import click
import pytest
from click.testing import CliRunner

from producers.desk.caller import Caller, as_caller
from producers.desk.person import claims_in
from streams.casework.jws import SigningKey

SAID = b'{"iss":"hitl.identities","sub":"ann","iat":1,"exp":2,"jti":"t","roles":["expert"]}'
TOKEN = SigningKey(bytes(32)).sign(SAID)


@click.command()
@as_caller
def who(caller: Caller) -> None:
    """Say who asks."""
    click.echo(f"{caller.reviewer_id} {caller.token} {caller.as_json}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--reviewer", "bea", "--json"], "bea None True"), (["--token", TOKEN], f"ann {TOKEN} False"),
        (["--token", TOKEN, "--reviewer", "bea"], f"bea {TOKEN} False"), (["--token", ""], "me None False"),
        (["--token", "junk"], "me junk False"),
    ],
)  # fmt: skip
def test_a_person_is_who_they_say_else_whom_their_token_names(
    words: Sequence[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "me")
    assert CliRunner().invoke(who, words).output == f"{said}\n"


def test_a_token_comes_from_the_environment() -> None:
    said = CliRunner().invoke(who, [], env={"HITL_REVIEWER_TOKEN": TOKEN})
    assert said.output == f"ann {TOKEN} False\n"


def test_nothing_is_read_from_what_is_no_token() -> None:
    assert claims_in(None) is claims_in("a.b") is claims_in(TOKEN.replace(".", "")) is None
    assert claims_in(SigningKey(bytes(32)).sign(b"{}")) is None
