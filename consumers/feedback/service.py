"""Runs feedback on a cluster."""

from consumers.feedback.stage import FeedbackStage
from infra.kafka.running import run_stage
from infra.settings import Settings


def run(settings: Settings) -> None:
    """Count answers and ask for fits until told to stop."""
    run_stage(FeedbackStage(), settings)
