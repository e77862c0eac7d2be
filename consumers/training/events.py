"""What a refit led to, as the events of `models`."""

from consumers.training.refit import Candidate, Champion, NoCandidate, Refit, RefitJob
from schemas.events import ModelEvaluated, ModelPromoted, ModelRefused, ModelTrained
from schemas.ids import derive_id
from schemas.values import Coordinates

ModelEvent = ModelTrained | ModelEvaluated | ModelPromoted | ModelRefused


def outcome_of(
    refit: Refit, job: RefitJob, *, cause: Coordinates | None, at: int, forced_reason: str | None = None
) -> tuple[list[ModelEvent], Champion | None]:
    """Trained, evaluated, then promoted or refused; and the new champion, if there is one.

    `at` in milliseconds. `forced_reason` promotes whatever the gate says, under that reason.
    """
    workflow, end = job.workflow_type.name, job.feedback_end_offset
    previous = job.champion.digest if job.champion else None
    if isinstance(refit, NoCandidate):
        return [
            ModelRefused(
                event_id=derive_id("refused-model", workflow, end), workflow=workflow, model_digest="",
                champion_digest=previous, reason=refit.reason, cause=cause, refused_at=at,
            )
        ], None  # fmt: skip
    figures = refit.verdict.figures()
    events: list[ModelEvent] = [_trained(refit, workflow, end, cause, at)]
    events.append(
        ModelEvaluated(
            event_id=derive_id("evaluated", workflow, end), workflow=workflow, model_digest=refit.digest,
            champion_digest=previous, figures=figures, cause=cause, evaluated_at=at,
        )
    )  # fmt: skip
    reason = _reason(refit, job, forced_reason)
    if reason is None:
        events.append(
            ModelRefused(
                event_id=derive_id("refused-model", workflow, end), workflow=workflow, model_digest=refit.digest,
                champion_digest=previous, reason=refit.verdict.reason, figures=figures, cause=cause, refused_at=at,
            )
        )  # fmt: skip
        return events, None
    champion = Champion(digest=refit.digest, uri=refit.uri, version=job.champion.version + 1 if job.champion else 1)
    events.append(
        ModelPromoted(
            event_id=derive_id("promoted", workflow, end), workflow=workflow, model_digest=refit.digest,
            uri=refit.uri, previous_digest=previous, version=champion.version, reason=reason, figures=figures,
            feedback_end_offset=end, cause=cause, promoted_at=at,
        )
    )  # fmt: skip
    return events, champion


def _reason(refit: Candidate, job: RefitJob, forced: str | None) -> str | None:
    """Why the candidate is promoted; None when it is refused."""
    if job.champion is None:
        return "first model"
    if refit.verdict.promote:
        return refit.verdict.reason
    return forced


def _trained(refit: Candidate, workflow: str, end: int, cause: Coordinates | None, at: int) -> ModelTrained:
    return ModelTrained(
        event_id=derive_id("trained", workflow, end),
        workflow=workflow,
        model_digest=refit.digest,
        uri=refit.uri,
        classes=refit.classes,
        feedback_end_offset=end,
        labels=refit.labels,
        profile=refit.profile,
        figures=refit.figures,
        cause=cause,
        trained_at=at,
    )
