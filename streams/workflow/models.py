"""What `models` says about every model, folded for people: fitted when and on what, promoted or refused and why."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec
from msgspec import field

from schemas.events import Event, ModelEvaluated, ModelPromoted, ModelRefused, ModelTrained


class Status(StrEnum):
    """What a model does."""

    RUNNING = "running"
    REPLACED = "replaced"
    REFUSED = "refused"
    NOT_FITTED = "not fitted"
    FITTED = "fitted"


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One fit of a workflow's model; `digest` is empty when nothing could be fitted. Times in milliseconds."""

    workflow: str
    digest: str
    status: Status
    uri: str = ""
    version: int | None = None
    labels: int | None = None
    profile: str | None = None
    reason: str = ""
    champion_digest: str | None = None
    feedback_end_offset: int | None = None
    at: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    gate_figures: dict[str, float] = field(default_factory=dict)


def fold_history(events: Iterable[Event]) -> list[ModelRecord]:
    """Every fit, in the order in which it was decided; a repeated event changes nothing."""
    records: dict[tuple[str, str], ModelRecord] = {}
    for event in events:
        match event:
            case ModelTrained():
                records.setdefault((event.workflow, event.model_digest), _fitted(event))
            case ModelEvaluated():
                _change(records, event.workflow, event.model_digest, gate_figures=event.figures, at=event.evaluated_at)
            case ModelPromoted():
                _replace_running(records, event.workflow)
                _change(
                    records, event.workflow, event.model_digest, status=Status.RUNNING, version=event.version,
                    uri=event.uri, reason=event.reason, champion_digest=event.previous_digest, at=event.promoted_at,
                )  # fmt: skip
            case ModelRefused(model_digest=""):
                records[(event.workflow, event.event_id)] = ModelRecord(
                    workflow=event.workflow, digest="", status=Status.NOT_FITTED, reason=event.reason,
                    champion_digest=event.champion_digest, at=event.refused_at,
                )  # fmt: skip
            case ModelRefused():
                known = records.get((event.workflow, event.model_digest))
                kept = known is not None and known.status is Status.RUNNING  # refused against itself: it runs on
                _change(
                    records, event.workflow, event.model_digest, status=Status.RUNNING if kept else Status.REFUSED,
                    reason=event.reason, champion_digest=event.champion_digest, at=event.refused_at,
                )  # fmt: skip
            case _:
                pass
    return list(records.values())


def _fitted(event: ModelTrained) -> ModelRecord:
    return ModelRecord(
        workflow=event.workflow,
        digest=event.model_digest,
        status=Status.FITTED,
        uri=event.uri,
        labels=event.labels,
        profile=event.profile,
        feedback_end_offset=event.feedback_end_offset,
        at=event.trained_at,
        figures=event.figures,
    )


def _change(records: dict[tuple[str, str], ModelRecord], workflow: str, digest: str, **changes: object) -> None:
    known = records.get((workflow, digest)) or ModelRecord(workflow=workflow, digest=digest, status=Status.FITTED)
    records[(workflow, digest)] = msgspec.structs.replace(known, **changes)


def _replace_running(records: dict[tuple[str, str], ModelRecord], workflow: str) -> None:
    for place, record in records.items():
        if record.workflow == workflow and record.status is Status.RUNNING:
            records[place] = msgspec.structs.replace(record, status=Status.REPLACED)
