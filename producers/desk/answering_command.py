"""`hitl cases decide` and `escalate`: an answer to one case, and what casework makes of it."""

import time
from collections.abc import Sequence
from typing import Final

import click

from infra.cli.cluster import opened
from infra.cli.output import show
from infra.cli.ranges import FiniteRange
from infra.kafka.log import Log
from infra.kafka.running import wall
from producers.desk.asking import opened_door
from producers.desk.caller import Caller, as_caller, new_id
from producers.desk.deciding import decide
from producers.desk.finding import NoOpenCase, open_case
from producers.desk.shown import judgement_text
from schemas.codec import Codec
from schemas.events import CaseSnapshot, ReviewDecided
from streams.casework.answer import APPROVE, LABEL, LONGEST_GRACE, REJECT
from streams.casework.feedback import ESCALATE, MARK_WRONG

ACTIONS: Final = (APPROVE, REJECT, ESCALATE, MARK_WRONG)
ANNOUNCED_WITHIN: Final = 5.0  # seconds; a revision that is on its way is announced within one
LOOK_AGAIN: Final = 0.2  # seconds
LEASE = click.option("--lease", type=int, help="The lease under which you answer (default: yours, if you have one).")


@click.command(name="decide")
@click.argument("request_id")
@click.argument("answer", metavar="approve|reject|escalate|mark_wrong|CLASS")
@click.option("--label", help="The class chosen, where rejecting could mean more than one.")
@click.option("--confidence", type=FiniteRange(0, 1), default=1.0, show_default=True, help="How sure you are.")
@click.option("--feedback", default="", help="Anything you want to say about it.")
@click.option(
    "--grace", type=FiniteRange(0, LONGEST_GRACE), default=0.0, show_default=True, metavar="SECONDS",
    help="How long `hitl cases undo` can take it back before the outcome leaves.",
)  # fmt: skip
@LEASE
@as_caller
def decide_case(
    request_id: str, answer: str, label: str | None, confidence: float, feedback: str, grace: float,
    lease: int | None, caller: Caller,
) -> int:  # fmt: skip
    """Answer one open case, also with a class by its name, and wait for the judgement; exit 1 when it is refused."""
    return _answer(
        caller, request_id, answer, label=label, confidence=confidence, feedback=feedback, grace=grace, lease=lease
    )


@click.command(name="escalate")
@click.argument("request_id")
@click.option("--note", default="", help="Why; the expert reads it.")
@LEASE
@as_caller
def escalate_case(request_id: str, note: str, lease: int | None, caller: Caller) -> int:
    """Pass a case on to an expert; exit 1 when it is refused."""
    return _answer(caller, request_id, "escalate", feedback=note, lease=lease)


ANSWERING: Sequence[click.Command] = (decide_case, escalate_case)


def _answer(
    caller: Caller,
    request_id: str,
    answer: str,
    *,
    label: str | None = None,
    confidence: float = 1.0,
    feedback: str = "",
    grace: float = 0.0,
    lease: int | None = None,
) -> int:
    """Write the answer and show what became of it; the exit status."""
    with opened() as (log, codec), opened_door(log, codec) as door:
        case = answerable(log, codec, request_id)
        assert case.review is not None
        action, label = meant(answer, label, case.classes)
        decision = ReviewDecided(
            decision_id=new_id(),
            request_id=request_id,
            review=case.review,
            reviewer_id=caller.reviewer_id,
            action=action,
            label=label,
            confidence=confidence,
            feedback=feedback,
            decided_at=wall(),
            lease=own_lease(case, caller.reviewer_id) if lease is None else lease,
            token=caller.token,
            grace_seconds=grace,
        )
        judgement = decide(door, decision)
    show(judgement, as_json=caller.as_json, text=lambda: judgement_text(judgement))
    return 0 if judgement.accepted else 1


def meant(answer: str, label: str | None, classes: Sequence[str]) -> tuple[str, str | None]:
    """Action and label of an answer that is an action or names a class. Raises `UsageError` for anything else."""
    if answer in ACTIONS:
        return answer, label
    if answer in classes and label in (None, answer):
        return LABEL, answer
    known = ", ".join(dict.fromkeys((*ACTIONS, *classes)))
    raise click.UsageError(f"{answer!r} is no answer to this case; say one of {known}.")


def answerable(log: Log, codec: Codec, request_id: str) -> CaseSnapshot:
    """The open case, once its newest revision is announced. Raises `NoOpenCase`."""
    deadline = time.monotonic() + ANNOUNCED_WITHIN
    while (case := open_case(log, codec, request_id)).review is None:
        if time.monotonic() > deadline:
            raise NoOpenCase(f"the case {request_id} is on its way to other people; try again in a second.")
        time.sleep(LOOK_AGAIN)
    return case


def own_lease(case: CaseSnapshot, reviewer_id: str) -> int | None:
    """The token of this person's lease, if they have the case."""
    return case.lease.token if case.lease is not None and case.lease.reviewer_id == reviewer_id else None
