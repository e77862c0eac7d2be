"""`hitl reviewers`: how far people agree, and how reliable each of them is, from the log."""

from collections.abc import Mapping, Sequence

import click

from infra.cli.cluster import opened
from infra.cli.groups import CommandGroup
from infra.cli.output import json_option, show
from infra.cli.progress import progress_bar
from infra.cli.tables import rendered, table
from infra.errors import HitlError
from infra.kafka.scan import scan
from schemas.events import ReviewerAssessed, ReviewerEnrolled
from streams.assurance.account import ACCOUNT_TOPICS, Account, Person, account_of
from streams.assurance.agreement import Agreement
from streams.assurance.enrolling_command import enrol, enrolled_text


class ReviewerUnknown(HitlError):
    """Neither enrolled nor assessed, and no case of theirs was answered by others, too: `hitl reviewers list`."""


@click.group(cls=CommandGroup)
def reviewers() -> None:
    """Enrol people, and show how reliable they are and how far they agree."""


@reviewers.command(name="list")
@click.option("--workflow", help="Only this workflow.")
@json_option
def list_reviewers(workflow: str | None, as_json: bool) -> None:
    """Show who is enrolled, and the last assessments: right answers with bounds, consistency, suspicion, rights."""
    account = _account(as_json=as_json)
    found, enrolled = account.listed(workflow), sorted(account.enrolments.values(), key=lambda each: each.reviewer_id)
    shown = {"enrolled": enrolled, "reviewers": found}
    show(shown, as_json=as_json, text=lambda: rendered(*_enrolled(enrolled), list_text(found)))


@reviewers.command(name="show")
@click.argument("reviewer_id")
@json_option
def show_reviewer(reviewer_id: str, as_json: bool) -> None:
    """Show one person: enrolment, the assessments with their reasons, and the agreement with each other person."""
    found = _account(as_json=as_json).person(reviewer_id)
    if found.enrolment is None and not found.assessments and not found.together:
        raise ReviewerUnknown(f"nothing is known of {reviewer_id!r}. {ReviewerUnknown.__doc__}")
    show(found, as_json=as_json, text=lambda: person_text(found))


@reviewers.command(name="agreement")
@json_option
def show_agreement(as_json: bool) -> None:
    """Show for each workflow how far two people agree who answer the same case, by four coefficients."""
    found = _account(as_json=as_json).agreements()
    show(found, as_json=as_json, text=lambda: agreement_text(found))


reviewers.add_command(enrol)


def _account(*, as_json: bool) -> Account:
    with opened() as (log, codec), progress_bar("reading answers", as_json=as_json) as progress:
        return account_of(scan(log, codec, ACCOUNT_TOPICS, progress=progress))


def list_text(found: Sequence[ReviewerAssessed]) -> str:
    """A table of people."""
    if not found:
        return "nobody was assessed yet: it takes ten answers to gold questions or to cases that others answer, too"
    titles = ("reviewer", "workflow", "right on gold", "estimated", "repeats", "agreed", "")
    return rendered(table(titles, [_row(said) for said in found]))


def _row(said: ReviewerAssessed) -> tuple[str, ...]:
    bounds = "" if said.accuracy is None else f" ({_share(said.accuracy_lower)}–{_share(said.accuracy_upper)})"
    remark = "suspect" if said.suspect else "" if said.may_adjudicate else "restricted"
    return (
        said.reviewer_id, said.workflow, f"{said.gold_right:,}/{said.gold_answers:,}{bounds}",
        _share(said.estimated_accuracy), _share(said.consistency), f"{said.overlap_agreed:,}/{said.overlap_answers:,}",
        remark,
    )  # fmt: skip


def person_text(found: Person) -> str:
    """One person's enrolment, assessments, reasons and company."""
    reasons = [f"{said.workflow}: {said.reason}." for said in found.assessments]
    titles = ("with", "workflow", "cases", "alike", "Cohen's kappa")
    rows = [(each.other, each.workflow, each.cases, each.alike, str(each.cohen_kappa)) for each in found.together]
    company = [table(titles, rows)] if rows else []
    enrolled = [] if found.enrolment is None else [found.enrolment]
    return rendered(*_enrolled(enrolled), list_text(found.assessments), *reasons, *company)


def _enrolled(found: Sequence[ReviewerEnrolled]) -> Sequence[str]:
    return [enrolled_text(found)] if found else []


def agreement_text(found: Mapping[str, Agreement]) -> str:
    """A table of workflows."""
    if not found:
        return "no case was answered by two people yet: a policy asks for it with `overlap = 2` under [review]"
    titles = ("workflow", "cases", "pairwise", "Krippendorff's alpha", "Gwet's AC1", "Fleiss' kappa")
    rows = [
        (name, of.units, str(of.pairwise), str(of.krippendorff_alpha), str(of.gwet_ac1), str(of.fleiss_kappa))
        for name, of in found.items()
    ]
    return rendered(table(titles, rows))


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
