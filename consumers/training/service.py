"""Runs training on a cluster: fits from the log, keeps artefacts in the store."""

from functools import partial

from consumers.training.log_labels import LogLabels, StoredModels
from consumers.training.measuring import measured
from consumers.training.refit import refit
from consumers.training.running import InBackground
from consumers.training.stage import TrainingStage
from infra.kafka.client import connect
from infra.kafka.running import run_stage
from infra.observe.serving import observed
from infra.observe.stage import StageObserver
from infra.registry.ids import codec_of
from infra.settings import Settings


def run(settings: Settings) -> None:
    """Answer requests for fits until told to stop."""
    with observed(TrainingStage.name, settings) as watch:
        codec = codec_of(settings)
        labels = LogLabels(connect(settings), codec)
        work = partial(refit, labels=labels, files=StoredModels(settings.model_store), codec=codec)
        stage = TrainingStage(InBackground(measured(work, watch.instruments)))
        run_stage(stage, settings, codec=codec, observer=StageObserver(stage.name, watch))
