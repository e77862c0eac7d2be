"""The same log gives the same artefact; the gate compares on answers that no model saw."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
import pytest

from consumers.training.events import outcome_of
from consumers.training.refit import Candidate, Champion, NoCandidate, RefitJob, refit
from infra.models.artefact import Model
from infra.models.store import ModelNotFound
from infra.models.vector import encode_vector
from schemas.events import (
    DecisionRequested,
    FeedbackRecorded,
    ModelEvaluated,
    ModelPromoted,
    ModelRefused,
    ModelTrained,
)
from schemas.values import FeedbackKind, FeedbackType, Payload, Split
from streams.workflow.types import WorkflowType, parse_workflow
from tests.support.learning import CODEC, NOW, document, feedback

POSTS = parse_workflow(document())
WORDS = {
    "approve": ["thanks", "great", "lovely", "morning", "friends"],
    "reject": ["awful", "stupid", "hateful", "nasty", "trash"],
}
NEUTRAL = ["the", "a", "we", "they", "today", "news", "people", "game", "about", "when"]


@dataclass
class ListedLabels:
    """A log of answers in memory."""

    answers: list[FeedbackRecorded]

    def read(self, workflow: str, end_offset: int) -> Iterable[FeedbackRecorded]:
        return [one for one in self.answers[:end_offset] if one.workflow == workflow]


@dataclass
class Files:
    """A model store in memory."""

    models: dict[str, Model] = field(default_factory=dict)

    def save(self, model: Model) -> str:
        self.models[model.digest] = model
        return f"memory/{model.digest}"

    def load(self, uri: str, digest: str) -> Model:
        try:
            return self.models[digest]
        except KeyError:
            raise ModelNotFound(f"no model {digest}") from None


def answer(number: int, *, noise: float = 0.1, **more: object) -> FeedbackRecorded:
    """An answer whose text gives its label away; `noise` of them are mistaken."""
    chance = random.Random(number)
    label = chance.choice(["approve", "reject"])
    words = chance.choices(WORDS[label], k=2) + chance.choices(NEUTRAL, k=6)
    told = label if chance.random() >= noise else {"approve": "reject", "reject": "approve"}[label]
    return feedback(number, label=told, text=" ".join(words), **more)  # type: ignore[arg-type]


def imported(count: int, *, start: int = 0, noise: float = 0.1) -> list[FeedbackRecorded]:
    kind, type_ = FeedbackKind.IMPORTED, FeedbackType.NONE
    return [answer(n, kind=kind, type=type_, noise=noise) for n in range(start, start + count)]


def blind(count: int, split: Split, *, start: int) -> list[FeedbackRecorded]:
    return [answer(n, blind=True, split=split, probability=0.3) for n in range(start, start + count)]


def job(end: int, champion: Champion | None = None) -> RefitJob:
    return RefitJob(workflow_type=POSTS, feedback_end_offset=end, champion=champion)


def fitted(answers: list[FeedbackRecorded], files: Files, champion: Champion | None = None) -> Candidate:
    found = refit(job(len(answers), champion), ListedLabels(answers), files, CODEC)
    assert isinstance(found, Candidate), found
    return found


def as_champion(candidate: Candidate, version: int = 1) -> Champion:
    return Champion(digest=candidate.digest, uri=candidate.uri, version=version)


FIRST = imported(20, noise=0.4)
MORE = [*FIRST, *imported(300, start=1_000), *blind(80, Split.TRAIN, start=2_000), *blind(150, Split.GATE, start=3_000)]


def test_the_same_log_gives_the_same_artefact_and_figures() -> None:
    files = Files()
    champion = as_champion(fitted(FIRST, files))
    assert fitted(MORE, Files(dict(files.models)), champion) == fitted(MORE, Files(dict(files.models)), champion)


def test_the_dataset_ends_where_the_request_says() -> None:
    files = Files()
    short = refit(job(len(FIRST)), ListedLabels(MORE), files, CODEC)
    assert isinstance(short, Candidate)
    assert short.digest == fitted(FIRST, files).digest
    assert short.labels == len(FIRST)


def test_a_first_model_is_promoted_without_comparison() -> None:
    found = fitted(FIRST, Files())
    events, champion = outcome_of(found, job(len(FIRST)), cause=None, at=NOW)
    assert [type(event) for event in events] == [ModelTrained, ModelEvaluated, ModelPromoted]
    promoted = events[-1]
    assert isinstance(promoted, ModelPromoted)
    assert (promoted.version, promoted.reason, promoted.previous_digest) == (1, "first model", None)
    assert champion == as_champion(found)


def test_a_better_model_is_promoted_as_the_next_version_on_its_figures() -> None:
    files = Files()
    champion = as_champion(fitted(FIRST, files), version=4)
    found = fitted(MORE, files, champion)
    events, new = outcome_of(found, job(len(MORE), champion), cause=None, at=NOW)
    promoted = events[-1]
    assert isinstance(promoted, ModelPromoted)
    assert (promoted.version, promoted.previous_digest) == (5, champion.digest)
    assert promoted.figures["lower_bound"] > 0
    assert promoted.figures["gate_labels"] == 150
    assert promoted.reason.startswith("log-loss falls by ")
    assert new == as_champion(found, 5)


def test_a_worse_model_is_refused_on_its_figures() -> None:
    files = Files()
    champion = as_champion(fitted(MORE, files))
    worse = [*imported(40, noise=0.5), *blind(150, Split.GATE, start=3_000)]
    found = fitted(worse, files, champion)
    events, new = outcome_of(found, job(len(worse), champion), cause=None, at=NOW)
    assert [type(event) for event in events] == [ModelTrained, ModelEvaluated, ModelRefused]
    refused = events[-1]
    assert isinstance(refused, ModelRefused)
    assert refused.figures["lower_bound"] <= 0
    assert (refused.model_digest, refused.champion_digest, new) == (found.digest, champion.digest, None)


def test_too_few_gate_answers_refuse_and_a_person_can_insist() -> None:
    files = Files()
    champion = as_champion(fitted(FIRST, files))
    answers = [*FIRST, *imported(300, start=1_000), *blind(99, Split.GATE, start=3_000)]
    found = fitted(answers, files, champion)
    events, _ = outcome_of(found, job(len(answers), champion), cause=None, at=NOW)
    assert isinstance(events[-1], ModelRefused)
    assert "100 are needed" in events[-1].reason
    forced, new = outcome_of(found, job(len(answers), champion), cause=None, at=NOW, forced_reason="promoted by hand")
    assert isinstance(forced[-1], ModelPromoted)
    assert forced[-1].reason == "promoted by hand"
    assert new == as_champion(found, 2)


def test_gate_and_certificate_answers_do_not_change_the_model() -> None:
    kept = [*MORE, *blind(50, Split.GATE, start=5_000), *blind(50, Split.CERTIFICATE, start=6_000)]
    models = Files(), Files()
    one = refit(job(len(kept)), ListedLabels(MORE), models[0], CODEC)
    other = refit(job(len(kept)), ListedLabels(kept), models[1], CODEC)
    assert isinstance(one, Candidate)
    assert isinstance(other, Candidate)
    assert one.digest == other.digest


def test_many_blind_answers_are_held_out_and_few_are_fitted_too() -> None:
    few = [*FIRST, *blind(49, Split.TRAIN, start=2_000)]
    many = [*FIRST, *blind(50, Split.TRAIN, start=2_000)]
    assert fitted(few, Files()).labels == len(FIRST) + 49
    assert fitted(many, Files()).labels == len(FIRST)
    assert fitted(many, Files()).figures["calibration_answers"] == 50


@pytest.mark.parametrize(
    "answers", [[], imported(1), [feedback(n, label="approve", text=f"post {n}") for n in range(9)]]
)
def test_what_cannot_be_fitted_is_refused_with_the_reason(answers: list[FeedbackRecorded]) -> None:
    found = refit(job(len(answers)), ListedLabels(answers), Files(), CODEC)
    assert isinstance(found, NoCandidate)
    events, champion = outcome_of(found, job(len(answers)), cause=None, at=NOW)
    (refused,) = events
    assert isinstance(refused, ModelRefused)
    assert (refused.reason, refused.model_digest, champion) == (found.reason, "", None)


def test_a_running_model_that_is_lost_is_not_replaced_unseen() -> None:
    lost = Champion(digest="f" * 64, uri="memory/lost", version=3)
    found = refit(job(len(MORE), lost), ListedLabels(MORE), Files(), CODEC)
    assert isinstance(found, NoCandidate)
    assert "the running model cannot be compared with" in found.reason


def test_a_champion_of_other_classes_is_compared_by_name() -> None:
    files = Files()
    turned = parse_workflow(document(classes='["approve", "reject"]'))
    other = RefitJob(workflow_type=turned, feedback_end_offset=len(MORE), champion=None)
    champion = refit(other, ListedLabels(MORE), files, CODEC)
    assert isinstance(champion, Candidate)
    found = fitted(MORE, files, as_champion(champion))
    assert abs(found.verdict.figures()["improvement"]) < 0.01


SCANS = parse_workflow(document(featurizer="vector"))


def scans(numbers: range, *, length: int, split: Split | None = None) -> list[FeedbackRecorded]:
    """Answers about features, the first of which gives the label away."""
    return [
        on_features(feedback(n, label=label, blind=split is not None, split=split or Split.TRAIN), length, place)
        for n in numbers
        for place, label in [(n % 2, ("reject", "approve")[n % 2])]
    ]


def on_features(one: FeedbackRecorded, length: int, first: float) -> FeedbackRecorded:
    chance = random.Random(one.request_id)
    features = encode_vector([first + chance.gauss(0, 0.3), *(chance.random() for _ in range(length - 1))])
    asked = DecisionRequested(request_id=one.request_id, workflow=one.workflow, features=features)
    body, fingerprint = CODEC.body(CODEC.encode(asked))
    return msgspec.structs.replace(one, request_body=body, request_fingerprint=fingerprint)


def of_type(kind: WorkflowType, answers: list[FeedbackRecorded], files: Files, champion: Champion | None) -> Candidate:
    job = RefitJob(workflow_type=kind, feedback_end_offset=len(answers), champion=champion)
    found = refit(job, ListedLabels(answers), files, CODEC)
    assert isinstance(found, Candidate), found
    return found


@pytest.mark.parametrize("before", ["text", "four features"])
def test_a_champion_that_cannot_read_what_requests_hold_now_stays_until_a_person_insists(before: str) -> None:
    files = Files()
    first = fitted(MORE, files) if before == "text" else of_type(SCANS, scans(range(60), length=4), files, None)
    champion = as_champion(first)
    answers = [*scans(range(60), length=6), *scans(range(100, 250), length=6, split=Split.GATE)]
    found = of_type(SCANS, answers, files, champion)
    assert found.verdict.figures() == {"gate_labels": 150}
    assert "nothing was compared" in found.verdict.reason
    now = RefitJob(workflow_type=SCANS, feedback_end_offset=len(answers), champion=champion)
    events, new = outcome_of(found, now, cause=None, at=NOW)
    assert (type(events[-1]), new) == (ModelRefused, None)
    _, new = outcome_of(found, now, cause=None, at=NOW, forced_reason="promoted by hand")
    assert new == as_champion(found, 2)


def test_a_champion_of_features_stays_when_requests_turn_into_text() -> None:
    files = Files()
    champion = as_champion(of_type(SCANS, scans(range(60), length=4), files, None))
    assert not fitted(MORE, files, champion).verdict.promote


def test_a_stray_row_of_another_length_changes_nothing() -> None:
    answers = [*scans(range(60), length=4), *scans(range(100, 250), length=4, split=Split.GATE)]
    stray = [*answers, *scans(range(300, 301), length=5)]
    files = Files()
    champion = as_champion(of_type(SCANS, scans(range(20), length=4), files, None))
    whole = of_type(SCANS, answers, files, champion)
    assert whole.verdict.improvement is not None
    assert of_type(SCANS, stray, files, champion).verdict == whole.verdict


def test_answers_with_impossible_figures_do_not_stop_training() -> None:
    files = Files()
    champion = as_champion(fitted(FIRST, files))
    spoilt = [
        answer(9_000, blind=True, split=Split.GATE, probability=0.0),
        msgspec.structs.replace(answer(9_001), weight=float("nan")),
        msgspec.structs.replace(answer(9_002), weight=-1.0),
        *(msgspec.structs.replace(answer(n), weight=1e308) for n in (9_003, 9_004)),
    ]
    assert fitted([*MORE, *spoilt], files, champion).verdict == fitted(MORE, files, champion).verdict


LOAN_COLUMNS = '[columns]\nnumeric = ["amount"]\ncategorical = ["use"]\n'
LOANS = parse_workflow(document(featurizer="tabular", more=LOAN_COLUMNS))


def loans(numbers: range, *, split: Split | None = None, **names: str) -> list[FeedbackRecorded]:
    """Answers about rows whose use mostly gives the label away; `names` rename the columns."""
    made = []
    for n in numbers:
        chance = random.Random(n)
        label = chance.choice(["approve", "reject"])
        use = {"approve": "car", "reject": "casino"}[label] if chance.random() < 0.8 else "house"
        fields = {names.get("amount", "amount"): chance.randint(1, 9_000), names.get("use", "use"): use}
        asked = DecisionRequested(
            request_id=f"r{n}", workflow="posts", payload=Payload(body=msgspec.json.encode(fields))
        )
        body, fingerprint = CODEC.body(CODEC.encode(asked))
        told = feedback(n, label=label, blind=split is not None, split=split or Split.TRAIN, probability=0.3)
        made.append(msgspec.structs.replace(told, request_body=body, request_fingerprint=fingerprint))
    return made


MORE_LOANS = [
    *loans(range(200)),
    *loans(range(1_000, 1_080), split=Split.TRAIN),
    *loans(range(2_000, 2_150), split=Split.GATE),
]


def test_a_model_of_columns_is_fitted_calibrated_and_passes_the_gate() -> None:
    files = Files()
    champion = as_champion(of_type(LOANS, loans(range(5_000, 5_008)), files, None))
    found = of_type(LOANS, MORE_LOANS, files, champion)
    assert found.verdict.promote, found.verdict.reason
    assert found.figures["calibration_answers"] == 80
    assert found == of_type(LOANS, MORE_LOANS, Files(dict(files.models)), champion)


def test_a_champion_of_other_columns_is_compared_where_it_can_read_and_stays_where_it_cannot() -> None:
    files = Files()
    elsewhere = parse_workflow(document(featurizer="tabular", more=LOAN_COLUMNS.replace("use", "purpose")))
    before = as_champion(of_type(elsewhere, loans(range(300), use="purpose"), files, None))
    assert of_type(LOANS, MORE_LOANS, files, before).verdict.promote  # it reads the amount, and misses the rest
    far = parse_workflow(document(featurizer="tabular", more='[columns]\ncategorical = ["colour"]\n'))
    champion = as_champion(of_type(far, loans(range(300), use="colour"), files, None))
    found = of_type(LOANS, MORE_LOANS, files, champion)
    assert not found.verdict.promote
    assert "nothing was compared" in found.verdict.reason
    assert "holds none of colour" in found.verdict.reason


@pytest.mark.parametrize("kind", ["text", "columns"])
def test_a_champion_of_text_is_not_compared_on_columns_nor_the_other_way_round(kind: str) -> None:
    files = Files()
    if kind == "text":
        found = of_type(LOANS, MORE_LOANS, files, as_champion(fitted(MORE, files)))
    else:
        found = fitted(MORE, files, as_champion(of_type(LOANS, MORE_LOANS, files, None)))
    assert not found.verdict.promote
    assert "nothing was compared" in found.verdict.reason
