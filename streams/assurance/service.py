"""Runs assurance on a cluster."""

from infra.kafka.running import run_stage
from infra.observe.serving import observed
from infra.observe.stage import StageObserver
from infra.settings import Settings
from streams.assurance.stage import AssuranceStage


def run(settings: Settings) -> None:
    """Say how reliable people are until told to stop."""
    stage = AssuranceStage()
    with observed(stage.name, settings) as watch:
        run_stage(stage, settings, observer=StageObserver(stage.name, watch))
