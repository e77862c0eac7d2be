"""`hitl demo`: the whole pipeline on this machine, on real posts and loan applications, watched live."""

import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any

import click
from rich.console import Console

from infra.cli.output import json_option
from infra.errors import HitlError
from infra.local.demo_desk import invitation_page
from infra.local.demo_end import end_page, how_to_go_on
from infra.local.demo_folder import demo_settings, forget_settings, only_demo
from infra.local.demo_report import check_writable, write_report
from infra.local.demo_run import Demo, Plan
from infra.local.demo_workflows import MOST_APPLICATIONS, demo_workflows
from infra.local.stack import Stack
from infra.settings import load_settings

LEAST_POSTS = 100
LEAST_APPLICATIONS = 20


class NotReconciled(HitlError):
    """The log does not add up; see what `hitl audit reconcile` names."""


@click.command()
@click.option("--headless", is_flag=True, help="End everything afterwards and delete its data; no live screen.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as JSON to this file."
)
@click.option(
    "--posts", default=6_000, show_default=True, type=click.IntRange(LEAST_POSTS, 24_000), help="Posts to be decided."
)
@click.option(
    "--applications",
    default=MOST_APPLICATIONS,
    show_default=True,
    type=click.IntRange(LEAST_APPLICATIONS, MOST_APPLICATIONS),
    help="Loan applications to be decided, at the same time.",
)
@click.option(
    "--rate",
    default=150.0,
    show_default=True,
    type=click.FloatRange(min=1),
    help="Posts published a second; the applications take as long.",
)
@click.option("--secure", is_flag=True, help="With TLS, passwords, and a principal of its own for each service.")
@click.option("--open", "opens", is_flag=True, help="Open the desk in a browser at the end.")
@json_option
def demo(
    headless: bool,
    report: Path | None,
    posts: int,
    applications: int,
    rate: float,
    secure: bool,
    opens: bool,
    as_json: bool,
) -> None:
    """Show everything from nothing: real Kafka, all services, posts and loans; exit 1 if it is not right.

    Two workflows run at once, on real data; people are simulated and answer by what was recorded. How often one of them
    errs about a loan is assumed: HITL_PEOPLE_LOAN_ERROR_RATE, 0.05 by default; experts do not.

    The stack stays up afterwards, with cases for you at the desk and a link that opens it, unless --headless is given.
    A new demo deletes the data of the former one.
    """
    if report:
        check_writable(report.absolute())
    workflows = demo_workflows(posts=posts, applications=applications, rate=rate)
    plan = Plan(workflows=workflows, headless=headless, opens=opens, report=report.absolute() if report else None)
    given: dict[str, Any] = {"security": "on"} if secure else {}
    settings = demo_settings(load_settings(**given), headless=headless)
    forget_settings(os.environ)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    console = Console(stderr=True)
    stack = Stack(settings)
    with only_demo(settings.data_dir):
        account = Demo(plan, stack, console).run()
    try:
        if plan.report:
            write_report(plan.report, account.report)
    finally:  # what was run is shown even where it cannot be kept
        click.echo(account.report if as_json else end_page(account), nl=not as_json)
        if not headless:
            going_on = how_to_go_on(settings.data_dir, account.story_id)
            console.print(going_on, highlight=False, markup=False, soft_wrap=True)
        if account.invitation:
            console.print()
            console.print(invitation_page(account.invitation), highlight=False, markup=False, soft_wrap=True)
    if not account.adds_up:
        raise NotReconciled(f"the log does not add up; see above, and the logs: {stack.folders.log('*')}")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
