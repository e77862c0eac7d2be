"""The models of every workflow: each fit, what became of it and why, and which one runs. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from infra.cli.moments import iso, moment
from infra.kafka.scan import Entry
from producers.desk.pages.audit.facts import Fact, at_text
from producers.desk.pages.audit.listing import Cell
from schemas.events import ModelEvaluated, ModelPromoted, ModelRefused, ModelTrained, RetrainingRequested
from schemas.values import Coordinates
from streams.workflow.models import ModelRecord, Status, fold_history

SHORT: Final = 12  # characters of a digest that tell models apart
TONES: Final = {Status.RUNNING: "good", Status.REFUSED: "bad", Status.NOT_FITTED: "warn"}
ModelEvent = ModelTrained | ModelEvaluated | ModelPromoted | ModelRefused


class ModelShown(NamedTuple):
    """One fit of a workflow's model."""

    digest: str
    short: str
    status: Cell
    version: str
    labels: str
    profile: str
    at: str
    reason: str
    figures: Sequence[Fact]
    gate: Sequence[Fact]


class Happened(NamedTuple):
    """A step in the life of a model; times as text, UTC."""

    at: str
    iso: str
    what: Cell
    digest: str
    short: str
    why: str
    trigger: str
    data: str
    figures: Sequence[Fact]
    lies_at: str


class WorkflowModels(NamedTuple):
    """The models of a workflow; the last that happened first."""

    workflow: str
    running: ModelShown | None
    models: Sequence[ModelShown]
    history: Sequence[Happened]


def models_shown(entries: Sequence[Entry]) -> list[WorkflowModels]:
    """By workflow, from the records of `models` and `retraining`."""
    history = _without_repeats(entries)
    records = fold_history(entry.event for entry in history if entry.event is not None)
    triggers = {e.coordinates: e.event for e in entries if isinstance(e.event, RetrainingRequested)}
    return [
        _of_workflow(
            name, [record for record in records if record.workflow == name],
            [entry for entry in history if getattr(entry.event, "workflow", None) == name], triggers,
        )
        for name in sorted({record.workflow for record in records})
    ]  # fmt: skip


def figure(value: float) -> str:
    """A measured figure, with four digits that count.

    >>> figure(0.123456), figure(1523.0)
    ('0.1235', '1,523')
    """
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 1 else f"{value:.4g}"


def _of_workflow(
    name: str, records: Sequence[ModelRecord], history: Sequence[Entry],
    triggers: Mapping[Coordinates, RetrainingRequested],
) -> WorkflowModels:  # fmt: skip
    models = [_model(record) for record in sorted(records, key=lambda record: record.at, reverse=True)]
    running = next((_model(record) for record in records if record.status is Status.RUNNING), None)
    promoted: set[str] = set()
    happened = []
    for entry in history:
        event = entry.event
        assert isinstance(event, ModelEvent)
        happened.append(_happened(entry, event, triggers, again=event.model_digest in promoted))
        if isinstance(event, ModelPromoted):
            promoted.add(event.model_digest)
    return WorkflowModels(name, running, models, happened[::-1])


def _model(record: ModelRecord) -> ModelShown:
    return ModelShown(
        digest=record.digest,
        short=record.digest[:SHORT] or "–",
        status=Cell(record.status.value, TONES.get(record.status, "")),
        version="–" if record.version is None else str(record.version),
        labels="–" if record.labels is None else f"{record.labels:,}",
        profile=record.profile or "–",
        at=moment(record.at),
        reason=record.reason,
        figures=_figures(record.figures),
        gate=_figures(record.gate_figures),
    )


def _happened(
    entry: Entry, event: ModelEvent, triggers: Mapping[Coordinates, RetrainingRequested], *, again: bool
) -> Happened:
    at, what = _what(event, again)
    end = getattr(event, "feedback_end_offset", None)
    return Happened(
        at=moment(at),
        iso=iso(at),
        what=what,
        digest=event.model_digest,
        short=event.model_digest[:SHORT] or "–",
        why=getattr(event, "reason", ""),
        trigger=_trigger(event.cause, triggers),
        data="" if end is None else f"feedback before offset {end:,}",
        figures=_figures(event.figures),
        lies_at=at_text(entry.coordinates),
    )


def _what(event: ModelEvent, again: bool) -> tuple[int, Cell]:
    match event:
        case ModelTrained():
            return event.trained_at, Cell("trained")
        case ModelEvaluated():
            return event.evaluated_at, Cell("evaluated")
        case ModelPromoted() if again:
            return event.promoted_at, Cell("rolled back to", "warn")
        case ModelPromoted():
            return event.promoted_at, Cell("promoted", "good")
        case ModelRefused():
            return event.refused_at, Cell("refused", "bad")


def _trigger(cause: Coordinates | None, triggers: Mapping[Coordinates, RetrainingRequested]) -> str:
    if cause is None:
        return "by hand, with `hitl model`"
    asked = triggers.get(cause)
    if asked is None:
        return f"asked for at {at_text(cause)}"
    word = {"count": "enough labels", "correction_rate": "rate of corrections", "manual": "by hand"}[asked.trigger]
    return f"{word}: {asked.reason}"


def _figures(figures: Mapping[str, float]) -> list[Fact]:
    return [Fact(name.replace("_", " "), figure(value)) for name, value in figures.items()]


def _without_repeats(entries: Iterable[Entry]) -> list[Entry]:
    known: dict[str, Entry] = {}
    for entry in entries:
        if isinstance(entry.event, ModelEvent):
            known.setdefault(f"{type(entry.event).__name__} {entry.event.event_id}", entry)
    return list(known.values())
