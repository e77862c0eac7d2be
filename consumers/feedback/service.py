"""Runs feedback on a cluster."""

from consumers.feedback.stage import FeedbackStage
from infra.kafka.running import run_stage
from infra.observe.serving import observed
from infra.observe.stage import StageObserver
from infra.settings import Settings


def run(settings: Settings) -> None:
    """Count answers and ask for fits until told to stop."""
    stage = FeedbackStage()
    with observed(stage.name, settings) as watch:
        observer = StageObserver(stage.name, watch)
        run_stage(stage, settings, observer=observer)
