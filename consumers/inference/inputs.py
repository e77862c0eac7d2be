"""What a model reads of a request: its text, or its features."""

import numpy as np
from numpy.typing import NDArray

from schemas.events import DecisionRequested
from streams.workflow.types import WorkflowType, request_fields

FLOAT_BYTES = 4


def content(
    request: DecisionRequested, workflow_type: WorkflowType, featurizer_name: str
) -> str | NDArray[np.float32] | None:
    """The text in the workflow's text field, or the features as `[D]`; None when the request has none to read."""
    if featurizer_name == "vector":
        return _features(request.features)
    text = request_fields(request).get(workflow_type.text_field)
    return text if isinstance(text, str) and text.strip() else None


def _features(features: bytes | None) -> NDArray[np.float32] | None:
    if not features or len(features) % FLOAT_BYTES:
        return None
    return np.frombuffer(features, "<f4").astype(np.float32, copy=False)
