"""`hitl identity`: whether people prove who they are, the keys that sign their tokens, and tokens for scripts."""

import getpass
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

import click
import msgspec

from infra.cli.cluster import IN_FORCE_AFTER, opened
from infra.cli.files import writing
from infra.cli.groups import CommandGroup
from infra.cli.output import json_option, show
from infra.errors import HitlError
from infra.kafka.log import Log
from infra.kafka.publisher import publish
from infra.kafka.scan import scan
from infra.secret_keys import IDENTITY_KEY_BYTES, identity_key, put_identity_key
from infra.settings import Settings, load_settings
from producers.gateway.identity import in_force, key_published, key_retired, token_id_in, token_revoked
from producers.gateway.identity_shown import identity_text, shown_of
from schemas.codec import Codec
from schemas.topics import IDENTITIES
from streams.casework.identity import Role, Scope
from streams.casework.issuing import DEFAULT_TERM, LONGEST_TERM, IdentityOff, TokenAsked, issue, key_to_sign_with
from streams.casework.jws import SigningKey
from streams.casework.signing_keys import NO_IDENTITIES, Identities, fold_identities

ROLES: Final = click.Choice([role.value for role in Role])
SCOPES: Final = click.Choice([scope.value for scope in Scope])
TERM: Final = click.IntRange(1, LONGEST_TERM)
SOON: Final = "Casework follows within two seconds."
BY: Final[Callable[[Any], Any]] = click.option(
    "--by", default=getpass.getuser, help="Who does it (default: your user name)."
)


class NothingToDo(HitlError):
    """It is so already; `hitl identity show` tells how things stand."""


class KeyNeeded(HitlError):
    """Without this key answers would be refused, or need no token any more."""


@click.group(cls=CommandGroup)
def identity() -> None:
    """Have people prove who they are: keys, tokens, and whether answers need one."""


@identity.command(name="show")
@json_option
def show_identity(as_json: bool) -> None:
    """Show whether answers need a token, and every signing key."""
    settings = load_settings()
    with opened(settings) as (log, codec):
        shown = shown_of(identities_of(log, codec), key_here(settings), settings.identity_key_file, now=_now())
    show(shown, as_json=as_json, text=lambda: identity_text(shown))


@identity.command(name="enable")
@BY
@json_option
def enable_identity(by: str, as_json: bool) -> None:
    """Turn identity on: make the signing key of this machine, if there is none in force, and publish its public half.

    From then on every answer and command must carry a token of its person. The gateway needs the private key in the
    file of HITL_IDENTITY_KEY_FILE; on this machine it finds it by itself.
    """
    settings = load_settings()
    with opened(settings) as (log, codec):
        identities, key = identities_of(log, codec), key_here(settings)
        if key is not None and key.key_id in in_force(identities, now=_now()):
            raise NothingToDo(f"identity is on, and the key {key.key_id} of this machine is in force.")
        if key is None or key.key_id in identities:
            key = new_key(settings)
        publish(log, codec, [IDENTITIES.message(key_published(key, by=by, now=_now()))])
    told(settings, key, f"identity is on. {SOON}", as_json=as_json)


@identity.command(name="rotate")
@BY
@json_option
def rotate_key(by: str, as_json: bool) -> None:
    """Sign with a new key from now on; tokens of the former one stay good until it is retired.

    The public half is published a second before, so that no token is ever of a key that nobody knows.
    """
    settings = load_settings()
    with opened(settings) as (log, codec):
        if not in_force(identities_of(log, codec), now=_now()):
            raise IdentityOff()
        private = private_key()
        key = SigningKey(private)
        publish(log, codec, [IDENTITIES.message(key_published(key, by=by, now=_now()))])
        time.sleep(IN_FORCE_AFTER)
        with writing(settings.identity_key_file):
            put_identity_key(settings, private)
    hours = LONGEST_TERM // 3_600
    then = f"Give every gateway the new file; {hours} hours later `hitl identity retire` can end the former key."
    told(settings, key, f"tokens are signed with a new key. {then}", as_json=as_json)


@identity.command(name="retire")
@click.argument("key_id")
@BY
@json_option
def retire_key(key_id: str, by: str, as_json: bool) -> None:
    """Let the tokens of KEY_ID count no longer; for good."""
    settings = load_settings()
    with opened(settings) as (log, codec):
        standing, here = in_force(identities_of(log, codec), now=_now()), key_here(settings)
        if key_id not in standing:
            raise NothingToDo(f"no key {key_id} is in force. {NothingToDo.__doc__}")
        if standing == [key_id]:
            raise KeyNeeded("this is the last key, and without it nobody would need a token: `hitl identity rotate` "
                            "first, or turn identity off with `hitl identity disable`.")  # fmt: skip
        if here is not None and here.key_id == key_id:
            raise KeyNeeded("this machine signs with this key: `hitl identity rotate` first.")
        publish(log, codec, [IDENTITIES.message(key_retired(key_id, by=by, now=_now()))])
    show({"retired": [key_id]}, as_json=as_json, text=f"{key_id} is retired: its tokens are refused. {SOON}")


@identity.command(name="revoke")
@click.argument("token")
@BY
@json_option
def revoke_token(token: str, by: str, as_json: bool) -> None:
    """Let one TOKEN count no longer, given whole or by its id; answers it came with before stay."""
    token_id = token_id_in(token)
    with opened() as (log, codec):
        standing = in_force(identities_of(log, codec), now=_now())
        if not standing:
            raise IdentityOff()
        # An id does not tell which key signed it, and it is random: no other token has it.
        events = [token_revoked(key_id, token_id, by=by, now=_now()) for key_id in standing]
        publish(log, codec, map(IDENTITIES.message, events))
    show({"revoked": token_id, "keys": standing}, as_json=as_json, text=f"{token_id} is revoked. {SOON}")


@identity.command(name="disable")
@BY
@json_option
def disable_identity(by: str, as_json: bool) -> None:
    """Turn identity off by retiring every key: reviewer ids are then taken as they stand."""
    with opened() as (log, codec):
        standing = in_force(identities_of(log, codec), now=_now())
        if not standing:
            raise NothingToDo("identity is off already.")
        publish(log, codec, [IDENTITIES.message(key_retired(key_id, by=by, now=_now())) for key_id in standing])
    show({"retired": standing}, as_json=as_json, text=f"identity is off: answers need no token. {SOON}")


@identity.command(name="issue")
@click.argument("reviewer_id")
@click.option("--role", "roles", multiple=True, type=ROLES, help="What the person may be; repeatable (reviewer).")
@click.option("--skill", "skills", multiple=True, help="What the person knows, as workflows name it; repeatable.")
@click.option("--scope", "scopes", multiple=True, type=SCOPES, help="What its app may do; repeatable (all).")
@click.option("--read-only", is_flag=True, help="Its app may look, and do nothing about cases.")
@click.option("--workflow", "workflows", multiple=True, help="It counts in this workflow only; repeatable (all).")
@click.option("--seconds", type=TERM, default=DEFAULT_TERM, show_default=True, help="How long it holds.")
@json_option
def issue_token(
    reviewer_id: str, roles: Sequence[str], skills: Sequence[str], scopes: Sequence[str], read_only: bool,
    workflows: Sequence[str], seconds: int, as_json: bool,
) -> None:
    """Print a token for REVIEWER_ID, signed with the key of this machine; apps get theirs from the gateway."""
    settings, now = load_settings(), _now()
    if read_only and scopes:
        raise click.BadParameter("--read-only gives no --scope; leave one of them out.")
    limits = {"scopes": list(scopes)} if scopes or read_only else {}
    asked = asked_for(reviewer_id, roles, skills, seconds, workflows=list(workflows), **limits)
    with opened(settings) as (log, codec):
        key = key_to_sign_with(identity_key(settings), identities_of(log, codec), now=now)
    issued = issue(
        asked, key, app="hitl identity issue", topic_prefix=settings.topic_prefix, now=now, token_id=uuid.uuid4().hex
    )
    show(issued, as_json=as_json, text=issued.token)


def asked_for(
    reviewer_id: str, roles: Sequence[str], skills: Sequence[str], seconds: int, **limits: list[str]
) -> TokenAsked:
    """What a command asks for, with the limits of who asks over HTTP. Raises `click.BadParameter`."""
    plain = {"reviewer_id": reviewer_id, "skills": list(skills), "seconds": seconds, **limits}
    try:
        return msgspec.convert(plain | ({"roles": list(roles)} if roles else {}), TokenAsked)
    except msgspec.ValidationError as error:
        raise click.BadParameter(f"{error}; correct that.") from error


def identities_of(log: Log, codec: Codec) -> Identities:
    """The keys as of now."""
    identities = NO_IDENTITIES
    for entry in scan(log, codec, [IDENTITIES.name]):
        if entry.event is not None:
            identities = fold_identities(identities, entry.event)
    return identities


def key_here(settings: Settings) -> SigningKey | None:
    """The key that this machine signs with."""
    private = identity_key(settings)
    return None if private is None else SigningKey(private)


def new_key(settings: Settings) -> SigningKey:
    """A key of its own for this machine, in the place of one that is retired."""
    private = private_key()
    with writing(settings.identity_key_file):
        put_identity_key(settings, private)
    return SigningKey(private)


def private_key() -> bytes:
    """A new private key, with a name that no command takes for an option."""
    while True:
        private = secrets.token_bytes(IDENTITY_KEY_BYTES)
        if not SigningKey(private).key_id.startswith("-"):
            return private


def told(settings: Settings, key: SigningKey, sentence: str, *, as_json: bool) -> None:
    """Say which key signs now, and where it lies."""
    file = settings.identity_key_file
    where = f"The key is {key.key_id}; its private half, which only the gateway needs, is in {file}."
    show({"key_id": key.key_id, "key_file": file}, as_json=as_json, text=f"{sentence}\n{where}")


def _now() -> int:
    return time.time_ns() // 1_000_000
