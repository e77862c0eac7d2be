"""The history of models, folded from their events; folding it twice changes nothing."""

from consumers.training.events import outcome_of
from consumers.training.refit import Champion, NoCandidate, RefitJob
from schemas.events import Event
from streams.workflow.models import ModelRecord, Status, fold_history
from streams.workflow.types import parse_workflow
from tests.support.learning import NOW, document
from tests.support.standin import stand_in_refit

POSTS = parse_workflow(document())


def told() -> list[Event]:
    """Ten fits of which some are refused, then one that could not be made."""
    found: list[Event] = []
    champion: Champion | None = None
    for end in range(1, 11):
        job = RefitJob(workflow_type=POSTS, feedback_end_offset=end, champion=champion)
        events, promoted = outcome_of(stand_in_refit(job), job, cause=None, at=NOW + end)
        found += events
        champion = promoted or champion
    job = RefitJob(workflow_type=POSTS, feedback_end_offset=11, champion=champion)
    events, _ = outcome_of(NoCandidate("too few labels"), job, cause=None, at=NOW)
    return [*found, *events]


def test_one_model_runs_and_the_others_say_what_became_of_them() -> None:
    records = fold_history(told())
    statuses = [record.status for record in records]
    assert len(records) == 11
    assert statuses.count(Status.RUNNING) == 1
    assert {Status.REPLACED, Status.REFUSED} < set(statuses)
    assert (records[-1].status, records[-1].reason) == (Status.NOT_FITTED, "too few labels")
    running = next(record for record in records if record.status is Status.RUNNING)
    assert running.version == max(record.version or 0 for record in records)
    assert (running.labels, running.profile, running.figures) == (
        running.feedback_end_offset,
        "uniform",
        {"log_loss": 0.5},
    )


def test_repeated_events_change_nothing() -> None:
    def known(records: list[ModelRecord]) -> dict[str, ModelRecord]:
        return {record.digest: record for record in records}

    events = told()
    doubled = [event for pair in zip(events, events, strict=True) for event in pair]
    assert known(fold_history(doubled)) == known(fold_history(events))
