"""What is known of each model of a workflow: a fold of `models`, in its order."""

import msgspec
from msgspec.structs import replace

from schemas.events import ModelEvaluated, ModelPromoted, ModelRefused, ModelTrained

ModelEvent = ModelTrained | ModelEvaluated | ModelPromoted | ModelRefused


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A model; times in milliseconds. `figures` are the last that were measured."""

    labels: int | None = None
    trained_at: int | None = None
    version: int | None = None  # of the promotion
    promoted_at: int | None = None
    refused_at: int | None = None
    reason: str = ""  # of its promotion or refusal
    figures: dict[str, float] = {}


def with_model_event(facts: ModelFacts, event: ModelEvent) -> ModelFacts:
    """The facts after one more event; a model that is promoted again has its last version."""
    figures = event.figures or facts.figures
    match event:
        case ModelTrained():
            return replace(facts, labels=event.labels, trained_at=event.trained_at, figures=figures)
        case ModelEvaluated():
            return replace(facts, figures=figures)
        case ModelPromoted():
            return replace(
                facts, version=event.version, promoted_at=event.promoted_at, reason=event.reason, figures=figures
            )
        case ModelRefused():
            return replace(facts, refused_at=event.refused_at, reason=event.reason, figures=figures)
