"""Casework as a process."""

from infra.kafka.running import run_stage
from infra.observe.serving import observed
from infra.observe.stage import StageObserver
from infra.registry.ids import codec_of
from infra.secret_keys import secrets
from infra.settings import Settings
from streams.casework.queue import show_queue
from streams.casework.sealing import Sealer
from streams.casework.stage import CaseworkStage


def run(settings: Settings) -> None:
    """Arbitrate cases until SIGTERM."""
    with observed(CaseworkStage.name, settings) as watch:
        held, codec = secrets(settings), codec_of(settings)
        stage = CaseworkStage(
            Sealer(held.seal_key), codec,
            partitions=settings.partitions, salt=held.draw_salt, topic_prefix=settings.topic_prefix,
        )  # fmt: skip
        run_stage(stage, settings, codec=codec, observer=StageObserver(stage.name, watch, look=show_queue), prompt=True)
