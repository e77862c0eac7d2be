"""What a model reads of a request: its text, its features, or its named columns."""

import numpy as np
from numpy.typing import NDArray

from consumers.inference.scoring import NO_INPUT, Content, Failed
from infra.models.bags import Row
from infra.models.tabular import missing_columns
from schemas.events import DecisionRequested
from streams.workflow.types import WorkflowType, request_fields

FLOAT_BYTES = 4


def content(request: DecisionRequested, workflow_type: WorkflowType, featurizer_name: str) -> Content | Failed:
    """The text in the workflow's text field, the features as `[D]`, or the fields with the workflow's columns.

    `NO_INPUT` when the request has nothing of it to read; a column that is required and lacks is named.
    """
    if featurizer_name == "vector":
        return _features(request.features)
    fields = request_fields(request)
    if featurizer_name == "tabular":
        return _row(fields, workflow_type)
    text = fields.get(workflow_type.text_field)
    return text if isinstance(text, str) and text.strip() else NO_INPUT


def _row(fields: Row, workflow_type: WorkflowType) -> Row | Failed:
    """Columns that are neither required nor all of them are missing values, which the model knows how to take."""
    columns = workflow_type.columns
    if columns is None:  # the policy reads something else by now; the model itself refuses rows without its columns
        return fields or NO_INPUT
    missing = missing_columns(fields, numeric=columns.numeric, categorical=columns.categorical)
    if len(missing) == len(columns.names):
        return NO_INPUT
    lacking = [name for name in columns.required if name in missing]
    return Failed(f"missing_columns: {', '.join(lacking)}") if lacking else fields


def _features(features: bytes | None) -> NDArray[np.float32] | Failed:
    if not features or len(features) % FLOAT_BYTES:
        return NO_INPUT
    return np.frombuffer(features, "<f4").astype(np.float32, copy=False)
