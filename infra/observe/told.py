"""What single events say in metrics: those that are rare and whose fields say more than a count of records."""

from collections.abc import Callable
from typing import Final

from infra.observe import metrics as m
from infra.observe.instruments import Instruments
from schemas.events import (
    AppealRefused,
    CaseEscalated,
    CommandRefused,
    DeadLettered,
    DecisionRefused,
    Event,
    ModelEvaluated,
    ModelPromoted,
    ModelRefused,
    ModelTrained,
    RetrainingRequested,
)
from schemas.values import Trigger

_TOLD: Final[tuple[type[Event], ...]] = (
    AppealRefused, CaseEscalated, CommandRefused, DeadLettered, DecisionRefused, RetrainingRequested, ModelEvaluated,
    ModelPromoted, ModelRefused, ModelTrained,
)  # fmt: skip
TOLD: Final = frozenset(_TOLD)


def begin(show: Instruments, stage: str, workflow: str) -> None:
    """From 0 on, what may happen to a workflow that was published: so the rise to the first one is seen, too."""
    if stage == "feedback":
        for trigger in Trigger:
            show.add(m.RETRAININGS, workflow, trigger, count=0)
    if stage == "training":
        for became in ("trained", "promoted", "refused"):
            show.add(m.MODELS, workflow, became, count=0)


def tell(show: Instruments, stage: str, event: Event, bounded: Callable[[str], str]) -> None:
    """One committed event; `bounded` makes a workflow's name one of few."""
    match event:
        case DeadLettered():
            show.add(m.DEAD_LETTERS, stage, event.origin.topic, event.reason)
        case DecisionRefused():
            show.add(m.REFUSALS, "answer", event.reason)
        case CommandRefused():
            show.add(m.REFUSALS, "command", event.reason)
        case AppealRefused():
            show.add(m.REFUSALS, "appeal", event.reason)
        case CaseEscalated():
            show.add(m.ESCALATIONS, event.escalated_by)
        case RetrainingRequested():
            show.add(m.RETRAININGS, bounded(event.workflow), event.trigger)
        case ModelTrained():
            show.add(m.MODELS, bounded(event.workflow), "trained")
        case ModelPromoted():
            show.add(m.MODELS, bounded(event.workflow), "promoted")
        case ModelRefused():
            show.add(m.MODELS, bounded(event.workflow), "refused")
        case ModelEvaluated():
            _tell_gate(show, bounded(event.workflow), event)
        case _:
            pass


def _tell_gate(show: Instruments, workflow: str, event: ModelEvaluated) -> None:
    for name, metric in (("improvement", m.GATE_IMPROVEMENT), ("lower_bound", m.GATE_LOWER_BOUND)):
        if name in event.figures:
            show.set(metric, workflow, value=event.figures[name])
