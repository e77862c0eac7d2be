"""`hitl cases next`: the next case for a person, theirs as soon as it is shown."""

from collections.abc import Collection, Iterable
from functools import reduce

import click

from infra.cli.cluster import opened
from infra.cli.output import show
from infra.kafka.running import wall
from infra.kafka.scan import Entry, scan
from infra.settings import load_settings
from producers.desk.caller import Caller, as_caller, claims_in
from producers.desk.cases import request_in
from producers.desk.finding import open_case
from producers.desk.next import SERVED, NothingToDo
from producers.desk.opening import opened_next
from producers.desk.shown import case_for_machines, case_text
from schemas.topics import POLICIES, REVIEWERS
from streams.casework.config import Config
from streams.casework.eligibility import Reviewer, reviewer_of
from streams.casework.identity import Identity, Role
from streams.casework.rights import who_is
from streams.workflow.policies import policy_of
from streams.workflow.types import ReviewPolicy


@click.command(name="next")
@click.option("--workflow", "workflows", multiple=True, help="Only this workflow; repeatable.")
@click.option("--skill", "skills", multiple=True, help="Use only this skill of yours; repeatable.")
@click.option(
    "--role", "roles", multiple=True, type=click.Choice([Role.REVIEWER.value, Role.EXPERT.value]),
    help="Work as this only; experts are given reviewers' cases, too. Repeatable.",
)  # fmt: skip
@as_caller
def next_case(workflows: tuple[str, ...], skills: tuple[str, ...], roles: tuple[str, ...], caller: Caller) -> int:
    """Take the next case for yourself, show it, and say why it is this one; exit 1 with the reason when there is none.

    What you may be and know is as you are enrolled, or as your token says.
    """
    settings = load_settings()
    with opened(settings) as (log, codec), opened_next(settings, log, codec) as following:
        config = config_of(scan(log, codec, [POLICIES.name, REVIEWERS.name]))
        open_to = workflows or open_workflows(caller.reviewer_id, config)
        reviewer = narrowed(person(caller, config), workflows=open_to, skills=skills, roles=roles)
        found = following.for_person(reviewer, wip_limit=wip_limit(config, workflows), token=caller.token)
        if isinstance(found, NothingToDo):
            show(found, as_json=caller.as_json, text=f"no case: {found.detail}")
            return 1
        case = open_case(log, codec, found.request_id)
    request = request_in(case, codec)
    rule = SERVED[found.because]
    shown = case_for_machines(case, request) | {"because": found.because, "rule": rule, "refused": found.refused}
    because = f"It is yours. Why this one: {rule}."
    show(shown, as_json=caller.as_json, text=lambda: f"{case_text(case, request, now=wall())}\n{because}")
    return 0


def config_of(entries: Iterable[Entry]) -> Config:
    """What is in force after these records."""
    return reduce(Config.with_event, (entry.event for entry in entries if entry.event is not None), Config())


def person(caller: Caller, config: Config) -> Reviewer:
    """Whoever asks, as casework will take them for."""
    return reviewer_of(who_is(Identity(caller.reviewer_id, claims_in(caller.token)), config.people))


def open_workflows(reviewer_id: str, config: Config) -> tuple[str, ...]:
    """Those that ask for no enrolment, for somebody who is not enrolled; nothing, which means all, for others."""
    if config.people.get(reviewer_id).enrolled:
        return ()
    reviews = {name: policy.workflow_type.review for name, policy in config.policies.items()}
    if not any(review.enrolled_only for review in reviews.values()):
        return ()
    return tuple(name for name, review in reviews.items() if not review.enrolled_only) or ("",)


def narrowed(
    reviewer: Reviewer, *, workflows: Collection[str], skills: Collection[str], roles: Collection[str]
) -> Reviewer:
    """Only what they want of all that they are able to do."""
    able = reviewer.roles
    if able is not None and Role.EXPERT in able:
        able |= {Role.REVIEWER}  # an expert may do what reviewers do
    wanted = able if not roles else frozenset(roles) if able is None else able & frozenset(roles)
    return Reviewer(
        reviewer_id=reviewer.reviewer_id,
        skills=reviewer.skills & frozenset(skills) if skills else reviewer.skills,
        roles=wanted,
        workflows=frozenset(workflows) if workflows else None,
        wip_limit=reviewer.wip_limit,
    )


def wip_limit(config: Config, workflows: Collection[str]) -> int:
    """The least limit of the workflows that they work on. Raises `WorkflowUnknown`."""
    chosen = [policy_of(config.policies, name) for name in workflows or config.policies]
    return min((policy.workflow_type.review.wip_limit for policy in chosen), default=ReviewPolicy().wip_limit)
