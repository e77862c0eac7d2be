"""`hitl cases next`: the next case for a person, theirs as soon as it is shown."""


import click

from infra.cli.cluster import opened
from infra.cli.output import show
from infra.kafka.running import wall
from infra.kafka.scan import scan
from infra.settings import load_settings
from producers.desk.caller import Caller, as_caller
from producers.desk.cases import request_in
from producers.desk.finding import open_case
from producers.desk.next import SERVED, NothingToDo
from producers.desk.opening import opened_next
from producers.desk.person import config_of, narrowed, open_workflows, person, wip_limit
from producers.desk.shown import case_for_machines, case_text
from schemas.topics import POLICIES, REVIEWERS
from streams.casework.identity import Role


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
        able = person(caller.reviewer_id, caller.token, config)
        open_to = workflows or open_workflows(caller.reviewer_id, config)
        reviewer = narrowed(able, workflows=open_to, skills=skills, roles=roles)
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
