"""A fit that a person asks for: labels of a file into the log, a model from the log, and its promotion or refusal."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from consumers.training.dataset import label_counts
from consumers.training.events import outcome_of
from consumers.training.fit import FEWEST_PER_CLASS
from consumers.training.imports import LabelsRefused
from consumers.training.labels import Labels, dataset
from consumers.training.refit import Candidate, Champion, ModelFiles, NoCandidate, RefitJob, refit
from consumers.training.stage import TrainingConfig, fold_training
from infra.errors import HitlError
from infra.kafka.errors import TransactionError
from infra.kafka.log import Log, TopicPartition
from infra.kafka.scan import scan
from schemas.codec import Codec
from schemas.events import FeedbackRecorded, ModelPromoted, ModelRefused
from schemas.topics import FEEDBACK, MODELS, POLICIES, Outgoing
from streams.workflow.policies import policy_of
from streams.workflow.types import WorkflowType


class NotPublished(HitlError):
    """The log did not take the records, and none of them is in it; see `hitl status`, then try again."""


class NotFitted(HitlError):
    """No model could be fitted; the labels are in the log and count as soon as there are enough."""


class Standing(NamedTuple):
    """How a workflow is decided, and by which model."""

    workflow_type: WorkflowType
    champion: Champion | None


def standing(log: Log, codec: Codec, workflow: str) -> Standing:
    """The workflow as the log has it now. Raises `WorkflowUnknown`."""
    config = TrainingConfig()
    for entry in scan(log, codec, [POLICIES.name, MODELS.name]):
        if entry.event is not None:
            config = fold_training(config, entry.event)
    policy = policy_of(config.policies, workflow)
    return Standing(policy.workflow_type, config.champions.get(workflow))


def end_of_feedback(log: Log) -> int:
    """The offset before which every answer of now lies."""
    return log.watermark(TopicPartition(FEEDBACK.name, 0))


def check_enough(
    known: Iterable[FeedbackRecorded], new: Iterable[FeedbackRecorded], workflow_type: WorkflowType, codec: Codec
) -> None:
    """Raises `LabelsRefused` when both together cannot train a model: better now than with half of it done."""
    data = dataset(chain(known, new), workflow_type, codec)
    counts = label_counts((*data.fitting, *data.calibration), workflow_type.classes)
    if sum(count >= FEWEST_PER_CLASS for count in counts.values()) < 2:
        found = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise LabelsRefused(
            f"two classes need {FEWEST_PER_CLASS} labels or more, with those in the log there are {found}; "
            "add lines of the missing class."
        )


def publish_together(log: Log, codec: Codec, workflow: str, records: Sequence[Outgoing]) -> None:
    """All of these in one transaction, or none. Of two commands at a time for a workflow, the earlier is fenced.

    Raises `NotPublished`.
    """
    producer = log.producer(transactional_id=f"model-command-{workflow}")
    try:
        producer.begin()
        for out in records:
            producer.send(out.topic, out.key, None if out.event is None else codec.encode(out.event), out.partition)
        producer.commit()
    except TransactionError as error:
        raise NotPublished(f"{error!r}. {NotPublished.__doc__}") from error
    finally:
        producer.close()


def train(
    log: Log, codec: Codec, labels: Labels, files: ModelFiles, workflow: str, *, at: int, promote: bool
) -> tuple[Candidate, ModelPromoted | ModelRefused]:
    """Fit on everything in `feedback`, and publish what came of it. `promote` overrules the gate, on record.

    Raises `NotFitted`; `at` in milliseconds.
    """
    now = standing(log, codec, workflow)
    job = RefitJob(workflow_type=now.workflow_type, feedback_end_offset=end_of_feedback(log), champion=now.champion)
    found = refit(job, labels, files, codec)
    if isinstance(found, NoCandidate):
        raise NotFitted(f"no model could be fitted: {found.reason}. {NotFitted.__doc__}")
    forced = f"promoted by hand, although: {found.verdict.reason}" if promote else None
    events, _ = outcome_of(found, job, cause=None, at=at, forced_reason=forced)
    publish_together(log, codec, workflow, [MODELS.message(event) for event in events])
    verdict = events[-1]
    assert isinstance(verdict, ModelPromoted | ModelRefused)
    return found, verdict
