"""The router as a process."""

from infra.kafka.running import run_stage
from infra.observe.serving import observed
from infra.observe.stage import StageObserver
from infra.registry.ids import codec_of
from infra.secret_keys import secrets
from infra.settings import Settings
from streams.casework.sealing import Sealer
from streams.routing.stage import RouterStage


def run(settings: Settings) -> None:
    """Route predictions until SIGTERM."""
    with observed(RouterStage.name, settings) as watch:
        keys, codec = secrets(settings), codec_of(settings)
        stage = RouterStage(
            codec=codec,
            sealer=Sealer(keys.seal_key),
            salt=keys.draw_salt,
            window_ms=settings.repeat_window_seconds * 1_000,
        )
        run_stage(stage, settings, codec=codec, observer=StageObserver(stage.name, watch))
