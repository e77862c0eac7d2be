"""Runs feedback on a cluster."""

from consumers.feedback.stage import FeedbackStage
from infra.kafka.running import run_stage
from infra.settings import Settings
from schemas.codec import Codec


def run(settings: Settings) -> None:
    """Count answers and ask for fits until told to stop."""
    run_stage(FeedbackStage(), settings, codec=Codec.of_repository())
