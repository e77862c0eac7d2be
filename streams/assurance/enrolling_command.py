"""`hitl reviewers enrol`: say what a person may be and knows."""

import getpass
import time
from collections.abc import Sequence

import click

from infra.cli.cluster import IN_FORCE_AFTER, opened
from infra.cli.output import json_option, show
from infra.cli.tables import rendered, table
from infra.kafka.publisher import publish
from infra.kafka.scan import scan
from schemas.events import ReviewerEnrolled
from schemas.topics import REVIEWERS
from streams.assurance.enrolling import enrolment, newest_enrolments
from streams.casework.identity import Role


@click.command()
@click.argument("reviewer_id", metavar="NAME")
@click.option(
    "--role", "roles", multiple=True, type=click.Choice([role.value for role in Role]),
    help="What they may be, in place of the roles they had; repeatable.",
)
@click.option("--skill", "skills", multiple=True, help="What they know, in place of what they knew; repeatable.")
@click.option("--no-skills", is_flag=True, help="They know nothing special any more.")
@click.option("--wip", "wip_limit", type=click.IntRange(min=1), help="How many cases they may have at once.")
@click.option("--active/--inactive", default=None, help="Whether they may work; an inactive person's work is refused.")
@click.option("--by", default=getpass.getuser, help="Who enrols them (default: your user name).")
@json_option
def enrol(
    reviewer_id: str, roles: Sequence[str], skills: Sequence[str], no_skills: bool, wip_limit: int | None,
    active: bool | None, by: str, as_json: bool,
) -> None:  # fmt: skip
    """Enrol a person, or change what is enrolled: what is not said stays as it was.

    A new person is a reviewer without special skills. From the first enrolment on, a person may be what their roles
    say and nothing else.
    """
    if skills and no_skills:
        raise click.UsageError("--skill and --no-skills exclude each other.")
    if not reviewer_id.strip():
        raise click.UsageError("NAME is empty: give the reviewer id under which the person answers.")
    with opened() as (log, codec):
        before = newest_enrolments(scan(log, codec, [REVIEWERS.name])).get(reviewer_id)
        made = enrolment(
            reviewer_id, before, roles=tuple(roles), skills=tuple(skills) if skills or no_skills else None,
            wip_limit=wip_limit, active=active, by=by, now=time.time_ns() // 1_000_000,
        )  # fmt: skip
        publish(log, codec, [REVIEWERS.message(made)])
        time.sleep(IN_FORCE_AFTER)
    show(made, as_json=as_json, text=lambda: enrolled_text([made]))


def enrolled_text(found: Sequence[ReviewerEnrolled]) -> str:
    """A table of people as they are enrolled."""
    titles = ("reviewer", "roles", "skills", "at once", "", "enrolled by")
    return rendered(table(titles, [_row(each) for each in found]))


def _row(each: ReviewerEnrolled) -> tuple[str, ...]:
    return (
        each.reviewer_id, ", ".join(each.roles), ", ".join(each.skills),
        "–" if each.wip_limit is None else str(each.wip_limit), "" if each.active else "inactive", each.enrolled_by,
    )  # fmt: skip
