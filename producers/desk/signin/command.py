"""`hitl desk`: let somebody in who sits at this machine, and out who must not go on."""

import getpass
from typing import Final

import click

from infra.cli.cluster import opened
from infra.cli.files import writing
from infra.cli.groups import CommandGroup
from infra.cli.output import json_option, note, show
from infra.errors import HitlError
from infra.kafka.publisher import publish
from infra.redis.connection import connect
from infra.redis.keeping import RedisKeeping
from infra.settings import DESK_FILE, Settings, load_settings
from producers.desk.access.command import list_access
from producers.desk.access.keeping import new_access_id
from producers.desk.access.recording import sessions_ended
from producers.desk.signin.links import TERM, folder_of, local_person, put_link
from producers.desk.signin.opening import wall
from producers.desk.signin.origin import Origin
from producers.desk.signin.person import is_reviewer_id
from producers.desk.signin.roles import Role
from producers.desk.signin.secret import new_secret
from producers.desk.signin.sessions import Sessions
from schemas.events import SessionsEnded
from schemas.topics import ACCESS

MINUTES: Final = TERM // 60_000


class DeskNotHere(HitlError):
    """Links count at a desk on this machine: start one with `hitl up` or `hitl run desk`."""


@click.group(cls=CommandGroup)
def desk() -> None:
    """Let people in at the desk of this machine by a link, and end the sessions of who must not go on."""


@desk.command()
@click.option("--reviewer", default=getpass.getuser, help="Who you are there (default: your user name).")
@click.option(
    "--role", "roles", multiple=True, type=click.Choice([role.value for role in Role]),
    help="What you are there; may be repeated. Default: everything.",
)
@json_option
def link(reviewer: str, roles: tuple[str, ...], as_json: bool) -> None:
    """Print a link that opens the desk for you once; good for five minutes, on this machine only."""
    if not is_reviewer_id(reviewer):
        raise click.BadParameter("use 1 to 200 printable characters, none of them blank at an end.")
    settings = load_settings()
    origin, secret = origin_here(settings), new_secret()
    person = local_person(reviewer, [Role(role) for role in roles] or tuple(Role))
    with writing(folder_of(settings)):
        made = put_link(folder_of(settings), person, secret=secret, now=wall())
    address = f"{origin}/sign-in/link?token={secret}"
    text = (
        f"{address}\nGood once, for {MINUTES} minutes, in a browser on this machine; "
        f"you are {reviewer} there: {', '.join(person.roles)}."
    )
    values = {"link": address, "reviewer": reviewer, "roles": person.roles, "ends_at": made.ends_at}
    show(values, as_json=as_json, text=text)


@desk.command(name="end-sessions")
@click.argument("reviewer")
@click.option("--by", default=getpass.getuser, help="Who does it (default: your user name).")
@json_option
def end_sessions(reviewer: str, by: str, as_json: bool) -> None:
    """End every session of REVIEWER at the desk at once; take the role away at the identity provider first."""
    settings = load_settings()
    if settings.desk_sessions == "memory":
        raise DeskNotHere("the desk keeps sessions in its memory (HITL_DESK_SESSIONS): an admin ends them at the desk.")
    keeping = RedisKeeping(connect(settings), settings.topic_prefix)
    Sessions(keeping, wall=wall, new_secret=new_secret).end_all(reviewer)
    unwritten = _written(settings, sessions_ended(reviewer, by=by, event_id=new_access_id(), now=wall()))
    if unwritten is not None:
        note(f"They have ended, but that is not on record: {unwritten}", as_json=as_json)
    said = {"ended": reviewer, "on_record": unwritten is None}
    show(said, as_json=as_json, text=f"Every session of {reviewer} has ended.")


desk.add_command(list_access)


def _written(settings: Settings, event: SessionsEnded) -> HitlError | None:
    """None when it is in the log; else why not: what it tells of has been done all the same."""
    try:
        with opened(settings) as (log, codec):
            publish(log, codec, [ACCESS.message(event)])
    except HitlError as error:
        return error
    return None


def origin_here(settings: Settings) -> Origin:
    """Where the desk of this machine is reached. Raises `DeskNotHere`."""
    try:
        url = settings.desk_url or f"http://{(settings.data_dir / DESK_FILE).read_text().strip()}"
    except FileNotFoundError as error:
        raise DeskNotHere(f"no desk runs here. {DeskNotHere.__doc__}") from error
    origin = Origin.of(url)
    if not origin.is_here:
        said = f"people reach the desk at {origin} and sign in by the identity provider"
        raise DeskNotHere(f"{said}. {DeskNotHere.__doc__}")
    return origin
