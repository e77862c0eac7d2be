"""A model from a file: the labels are in the log, the model in the store, and what became of it on `models`."""

import pytest

from consumers.training.by_hand import (
    NotFitted,
    NotPublished,
    check_enough,
    end_of_feedback,
    publish_together,
    standing,
    train,
)
from consumers.training.imports import LabelsRefused
from consumers.training.log_labels import LogLabels, StoredModels
from infra.kafka.errors import TransactionAborted
from infra.kafka.scan import scan
from infra.models.store import load
from schemas.events import Event, FeedbackRecorded, ModelPromoted, ModelRefused, PolicyPublished
from schemas.topics import FEEDBACK, MODELS, POLICIES
from schemas.values import Split
from streams.workflow.models import Status, fold_history
from streams.workflow.policies import WorkflowUnknown
from streams.workflow.types import parse_workflow
from tests.support.learning import CODEC, NOW, document, feedback, policy
from tests.support.simlog import SimulatedLog
from tests.support.simstate import Calm
from tests.unit.training_service.test_refit import blind, imported


class RefusesCommits(Calm):
    """A cluster that takes records and then refuses the commit."""

    def commit(self) -> str:
        return "refused"


def log_with(*answers: FeedbackRecorded) -> SimulatedLog:
    log = SimulatedLog(partitions=2, wall=lambda: NOW)
    published = policy(document()).event
    assert isinstance(published, PolicyPublished)
    publish_together(log, CODEC, "setup", [POLICIES.message(published)])
    publish_together(log, CODEC, "setup", [FEEDBACK.message(answer) for answer in answers])
    return log


def events(log: SimulatedLog, topic: str) -> list[Event]:
    return [entry.event for entry in scan(log, CODEC, [topic]) if entry.event is not None]


def trained(log: SimulatedLog, store: StoredModels, *, promote: bool = False) -> ModelPromoted | ModelRefused:
    _, verdict = train(log, CODEC, LogLabels(log, CODEC), store, "posts", at=NOW, promote=promote)
    return verdict


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> StoredModels:
    return StoredModels(str(tmp_path_factory.mktemp("models")))


def test_the_first_model_decides_and_is_in_the_store(store: StoredModels) -> None:
    log = log_with(*imported(40))
    verdict = trained(log, store)
    assert isinstance(verdict, ModelPromoted)
    assert (verdict.version, verdict.reason, verdict.feedback_end_offset) == (1, "first model", end_of_feedback(log))
    folder, _, digest = verdict.uri.rpartition("/")
    assert load(folder, digest).digest == verdict.model_digest
    champion = standing(log, CODEC, "posts").champion
    assert champion is not None
    assert champion.digest == verdict.model_digest


def test_a_second_model_passes_the_gate_or_a_person_insists(store: StoredModels) -> None:
    log = log_with(*imported(40))
    first = trained(log, store)
    refused = trained(log, store)
    assert isinstance(refused, ModelRefused)
    assert "0 blind answers" in refused.reason
    insisted = trained(log, store, promote=True)
    assert isinstance(insisted, ModelPromoted)
    assert (insisted.version, insisted.previous_digest) == (2, first.model_digest)
    assert insisted.reason.startswith("promoted by hand, although: 0 blind answers")
    more = [*imported(400, start=1_000, noise=0.0), *blind(150, Split.GATE, start=3_000)]
    publish_together(log, CODEC, "setup", [FEEDBACK.message(answer) for answer in more])
    third = trained(log, store)
    assert third.figures["gate_labels"] == 150
    statuses = [record.status for record in fold_history(events(log, MODELS.name))]
    assert statuses[-1] is (Status.RUNNING if isinstance(third, ModelPromoted) else Status.REFUSED)


def test_an_unknown_workflow_is_named_with_what_to_do() -> None:
    with pytest.raises(WorkflowUnknown, match=r"'strange' \(published: posts\).*hitl policy publish"):
        standing(log_with(), CODEC, "strange")


def test_labels_of_one_class_are_refused_before_anything_is_published() -> None:
    kind = parse_workflow(document())
    same = [feedback(n, label="approve", text=f"post {n}") for n in range(9)]
    with pytest.raises(LabelsRefused, match="reject 0, approve 9"):
        check_enough([], same, kind, CODEC)
    check_enough([feedback(n, label="reject") for n in (20, 21)], same, kind, CODEC)


def test_what_cannot_be_fitted_publishes_no_model(store: StoredModels) -> None:
    log = log_with(*imported(1))
    with pytest.raises(NotFitted, match="no model could be fitted"):
        trained(log, store)
    assert events(log, MODELS.name) == []


def test_labels_are_published_together_or_not_at_all() -> None:
    log = SimulatedLog(partitions=2, wall=lambda: NOW, interference=RefusesCommits())
    with pytest.raises(NotPublished) as raised:
        publish_together(log, CODEC, "posts", [FEEDBACK.message(answer) for answer in imported(5)])
    assert isinstance(raised.value.__cause__, TransactionAborted)
    assert log.read_all(FEEDBACK.name) == []


def test_labels_of_other_workflows_and_later_ones_are_not_read() -> None:
    log = log_with(feedback(1), feedback(2, workflow="scans"), feedback(3))
    found = [one.request_id for one in LogLabels(log, CODEC).read("posts", 2)]
    assert found == ["r1"]
