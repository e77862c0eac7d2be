"""Runs inference on a cluster, with the models of the store."""

from consumers.inference.loading import Models
from consumers.inference.measuring import MeasuredScorers, ModelsLook
from consumers.inference.stage import InferenceStage
from infra.kafka.running import run_stage
from infra.models.classifier import Classifier
from infra.models.store import ModelNotFound, load
from infra.observe.serving import observed
from infra.observe.stage import StageObserver
from infra.registry.ids import codec_of
from infra.settings import Settings

THREADS = 1  # of torch: featurising, not arithmetic, takes the time, and replicas share the cores


class StoredScorers:
    """Models of a content-addressed store, checked byte by byte and warmed up."""

    def __init__(self, store: str) -> None:
        self._store = store

    def load(self, uri: str, digest: str) -> Classifier:
        """From this process's own store, else from where the event says. Raises `ModelError`."""
        try:
            model = load(self._store, digest)
        except ModelNotFound:
            model = load(uri.removesuffix(f"/{digest}"), digest)
        classifier = Classifier.load(model, threads=THREADS)
        classifier.warm_up()
        return classifier


def run(settings: Settings) -> None:
    """Score requests until told to stop."""
    with observed(InferenceStage.name, settings) as watch:
        codec = codec_of(settings)
        models = Models(MeasuredScorers(StoredScorers(settings.model_store), watch.instruments))
        stage = InferenceStage(codec, models)
        observer = StageObserver(stage.name, watch, look=ModelsLook(models))
        run_stage(stage, settings, codec=codec, observer=observer)
