"""From the answers in `feedback` to a dataset: the newest answer per request, with what the person had read."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from consumers.training.dataset import Content, Labelled, blind_rows, fitting_rows
from infra.models.bags import Featurizer, Row
from infra.models.tabular import TabularFeaturizer, missing_columns
from infra.models.text import TextFeaturizer
from infra.models.vector import FLOAT_BYTES, InvalidVector, VectorFeaturizer, decode_vector
from schemas.codec import Codec, Undecodable
from schemas.events import DecisionRequested, FeedbackRecorded
from schemas.values import Split
from streams.casework.feedback import WEIGHTS
from streams.workflow.types import Columns, WorkflowType, request_fields

HEAVIEST: Final = max(WEIGHTS.values())  # an answer of a reviewer without any doubt
RECENT: Final = 100  # answers that say how many features a request holds now


class Labels(Protocol):
    """Where people's answers are kept."""

    def read(self, workflow: str, end_offset: int) -> Iterable[FeedbackRecorded]:
        """Every answer of a workflow in `feedback` before an offset, oldest first."""
        ...


class Dataset(NamedTuple):
    """A workflow's answers by what they may be used for; no answer is in two of them."""

    fitting: tuple[Labelled, ...]  # the weights
    calibration: tuple[Labelled, ...]  # blind, train split: held out from the weights
    gate: tuple[Labelled, ...]  # blind, gate split: seen by no model


def dataset(feedback: Iterable[FeedbackRecorded], workflow_type: WorkflowType, codec: Codec) -> Dataset:
    """Fold answers, oldest first.

    The newest answer to a request counts, and a blind one stands against later ones that are not blind. Left out:
    requests whose counted answer has no label (marked wrong) or one that is no class of the workflow any more, whose
    weight or inclusion probability is impossible, and those without content to read (encrypted, without a required
    column, or features that are no finite numbers). Certificate answers are for nobody here.
    """
    newest: dict[str, FeedbackRecorded] = {}
    for one in feedback:
        before = newest.get(one.request_id)
        if before is not None and before.blind and not one.blind:
            continue  # an expert who saw the outcome: taken instead, it would clear the blind answers of their errors
        newest.pop(one.request_id, None)
        newest[one.request_id] = one
    rows = [row for row in (_row(one, workflow_type, codec) for one in newest.values()) if row is not None]
    if workflow_type.featurizer == "vector":
        rows = _of_one_length(rows)
    train = [row for row in rows if row.split is Split.TRAIN]
    return Dataset(fitting_rows(train), blind_rows(train, Split.TRAIN), blind_rows(rows, Split.GATE))


def featurizer_for(workflow_type: WorkflowType, rows: Iterable[Labelled]) -> Featurizer:
    """The featurizer that the workflow names, for its columns, or as wide as the first row's features."""
    if workflow_type.columns is not None:
        return TabularFeaturizer(workflow_type.columns.numeric, workflow_type.columns.categorical)
    if workflow_type.featurizer != "vector":
        return TextFeaturizer()
    first = next((row.content for row in rows if isinstance(row.content, bytes)), b"")
    return VectorFeaturizer(len(first) // FLOAT_BYTES)


def _row(feedback: FeedbackRecorded, workflow_type: WorkflowType, codec: Codec) -> Labelled | None:
    if feedback.label not in workflow_type.classes or not _can_count(feedback):
        return None
    content = _content(feedback, workflow_type, codec)
    if not content:
        return None
    return Labelled(
        request_id=feedback.request_id,
        content=content,
        label=feedback.label,
        weight=feedback.weight,
        blind=feedback.blind,
        split=feedback.split,
        inclusion_probability=feedback.inclusion_probability,
    )


def _can_count(feedback: FeedbackRecorded) -> bool:
    """One row not drawn with 0 < π ≤ 1, or that weighs what no answer can, would spoil every figure and every fit."""
    drawn = feedback.inclusion_probability
    return 0 <= feedback.weight <= HEAVIEST and 0 < drawn <= 1 and math.isfinite(1 / drawn)


def _content(feedback: FeedbackRecorded, workflow_type: WorkflowType, codec: Codec) -> Content | None:
    try:
        request = codec.decode_body(feedback.request_body, feedback.request_fingerprint)
    except Undecodable:
        return None
    if not isinstance(request, DecisionRequested):
        return None
    if workflow_type.featurizer == "vector":
        return request.features if _is_vector(request.features) else None
    fields = request_fields(request)
    if workflow_type.columns is not None:
        return _row_of(fields, workflow_type.columns)
    text = fields.get(workflow_type.text_field)
    return text if isinstance(text, str) and text.strip() else None


def _row_of(fields: Row, columns: Columns) -> Row | None:
    """All fields, so that a model that reads other columns can be compared with; None where inference would not ask a
    model either."""
    missing = missing_columns(fields, numeric=columns.numeric, categorical=columns.categorical)
    return fields if len(missing) < len(columns.names) and set(missing).isdisjoint(columns.required) else None


def _is_vector(features: bytes | None) -> bool:
    try:
        return features is not None and decode_vector(features, len(features) // FLOAT_BYTES).size > 0
    except InvalidVector:
        return False


def _of_one_length(rows: list[Labelled]) -> list[Labelled]:
    """A model reads one length: that of most of the newest rows, of the newest one in a tie.

    A stray row changes nothing, and a workflow that changes its features need not outweigh its whole past.
    """
    lengths = Counter(len(row.content) for row in reversed(rows[-RECENT:]))  # of equals the first counted wins
    kept = lengths.most_common(1)
    return [row for row in rows if len(row.content) == kept[0][0]]
