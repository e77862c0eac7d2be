"""`hitl cases`: what waits for people, one case at a time, and everything that a person does about it."""

import click

from infra.cli.commands import borrowed
from infra.cli.groups import CommandGroup
from producers.desk.acting_command import ACTING
from producers.desk.answering_command import ANSWERING
from producers.desk.looking_command import LOOKING
from producers.desk.next_command import next_case
from producers.desk.watching_command import watch_cases


@click.group(cls=CommandGroup)
def cases() -> None:
    """List the cases that wait for people, take one, decide it, and whatever else a reviewer does about a case."""


for member in (next_case, *LOOKING, *ANSWERING, *ACTING, borrowed("appeal"), watch_cases):
    cases.add_command(member)
