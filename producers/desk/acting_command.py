"""`hitl cases claim` and what else people do about a case beside answering it; each waits for what casework says."""

from collections.abc import Sequence
from contextlib import closing, suppress

import click

from infra.cli.cluster import opened
from infra.cli.output import show
from infra.cli.times import Instant, Span
from infra.kafka.running import wall
from infra.redis.connection import connect
from infra.redis.errors import RedisRefused, RedisUnavailable
from infra.redis.keys import Keys
from infra.redis.reserving import Reservations
from infra.settings import load_settings
from producers.desk.asking import opened_door
from producers.desk.caller import Caller, as_caller, new_id
from producers.desk.commanding import carry_out
from producers.desk.shown import PRIORITIES, carried_text
from schemas.events import CaseActionRequested

REQUEST_ID = click.argument("request_id")
LEASE = click.option("--lease", type=int, help="Only while this lease is in force (the number that claiming gave you).")


@click.command()
@REQUEST_ID
@as_caller
def claim(request_id: str, caller: Caller) -> int:
    """Take a case for yourself until its lease expires; exit 1 when somebody else has it, or you may not."""
    return _ask(caller, request_id, "claim")


@click.command()
@REQUEST_ID
@LEASE
@as_caller
def renew(request_id: str, lease: int | None, caller: Caller) -> int:
    """Keep a case that you have for another term; exit 1 when it is yours no more."""
    return _ask(caller, request_id, "renew", lease=lease)


@click.command()
@REQUEST_ID
@LEASE
@as_caller
def release(request_id: str, lease: int | None, caller: Caller) -> int:
    """Give a case back, or end its hold; a lead may do so for others. Exit 1 when it is refused."""
    return _give_back(caller, request_id, "release", lease=lease)


@click.command()
@REQUEST_ID
@click.option("--until", type=Instant(), help="When it comes back: 2026-12-01T09:00, in UTC unless a zone is named.")
@click.option("--for", "span", type=Span(), help="After what time it comes back: 30m, 2h, 3d.")
@click.option("--note", default="", help="Why, for whoever takes it then.")
@LEASE
@as_caller
def hold(
    request_id: str, until: int | None, span: float | None, note: str, lease: int | None, caller: Caller
) -> int:
    """Set a case aside until a time; nobody else is given it meanwhile. Exit 1 when it is refused."""
    if (until is None) == (span is None):
        raise click.UsageError("say when the case comes back: --until TIME or --for SPAN, one of them.")
    resumes_at = until if span is None else wall() + round(span * 1_000)
    return _ask(caller, request_id, "hold", lease=lease, resumes_at=resumes_at, note=note)


@click.command()
@REQUEST_ID
@click.argument("text")
@as_caller
def note(request_id: str, text: str, caller: Caller) -> int:
    """Write a note beside a case, for whoever looks at it; exit 1 when it is refused."""
    return _ask(caller, request_id, "note", note=text)


@click.command(name="hand-over")
@REQUEST_ID
@click.option("--to", "to_reviewer", required=True, help="Who takes over.")
@LEASE
@as_caller
def hand_over(request_id: str, to_reviewer: str, lease: int | None, caller: Caller) -> int:
    """Give a case that you have to somebody else; a lead may do so for others. Exit 1 when it is refused."""
    return _ask(caller, request_id, "hand_over", lease=lease, to_reviewer=to_reviewer)


@click.command(name="return")
@REQUEST_ID
@click.option("--note", required=True, help="What reviewers should look at.")
@LEASE
@as_caller
def give_back(request_id: str, note: str, lease: int | None, caller: Caller) -> int:
    """As an expert, give a case back to reviewers, saying why; exit 1 when it is refused."""
    return _give_back(caller, request_id, "return", lease=lease, note=note)


@click.command()
@REQUEST_ID
@click.argument("priority", type=PRIORITIES)
@click.option("--note", default="", help="Why.")
@as_caller
def reprioritise(request_id: str, priority: str, note: str, caller: Caller) -> int:
    """As a lead, give a case another priority; exit 1 when it is refused."""
    return _ask(caller, request_id, "reprioritise", priority=priority, note=note)


@click.command()
@REQUEST_ID
@as_caller
def undo(request_id: str, caller: Caller) -> int:
    """Take your answer back within its grace period, and have the case again; exit 1 when it is too late."""
    return _ask(caller, request_id, "undo")


ACTING: Sequence[click.Command] = (claim, renew, release, hold, note, hand_over, give_back, reprioritise, undo)


def offer(reviewer_id: str, request_id: str, *, again: bool) -> None:
    """Whether a case is offered to them next: not when they give it back. Without Redis nothing is lost but that."""
    settings = load_settings()
    with suppress(RedisUnavailable, RedisRefused), closing(connect(settings)) as redis:
        reservations = Reservations(redis, Keys(settings.topic_prefix))
        if again:
            reservations.offer_again(reviewer_id, request_id)
        else:
            reservations.pass_over(reviewer_id, request_id, now=wall())


def _give_back(caller: Caller, request_id: str, action: str, *, lease: int | None, note: str = "") -> int:
    offer(caller.reviewer_id, request_id, again=False)  # before casework frees it: they may ask at once
    status = _ask(caller, request_id, action, lease=lease, note=note)
    if status != 0:
        offer(caller.reviewer_id, request_id, again=True)
    return status


def _ask(
    caller: Caller,
    request_id: str,
    action: str,
    *,
    lease: int | None = None,
    resumes_at: int | None = None,
    note: str = "",
    to_reviewer: str | None = None,
    priority: str | None = None,
) -> int:
    """Write the command and show what became of it; the exit status."""
    command = CaseActionRequested(
        command_id=new_id(),
        request_id=request_id,
        reviewer_id=caller.reviewer_id,
        action=action,
        lease=lease,
        resumes_at=resumes_at,
        note=note,
        to_reviewer=to_reviewer,
        priority=priority,
        requested_at=wall(),
        token=caller.token,
    )
    with opened() as (log, codec), opened_door(log, codec) as door:
        made = carry_out(door, command)
    show(made, as_json=caller.as_json, text=lambda: carried_text(made))
    return 0 if made.accepted else 1
