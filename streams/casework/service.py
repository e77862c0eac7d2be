"""Casework as a process."""

from infra.kafka.running import run_stage
from infra.registry.ids import codec_of
from infra.secret_keys import secrets
from infra.settings import Settings
from streams.casework.sealing import Sealer
from streams.casework.stage import CaseworkStage


def run(settings: Settings) -> None:
    """Arbitrate cases until SIGTERM."""
    sealer = Sealer(secrets(settings).seal_key)
    codec = codec_of(settings)
    stage = CaseworkStage(sealer, codec, partitions=settings.partitions, topic_prefix=settings.topic_prefix)
    run_stage(stage, settings, codec=codec)
