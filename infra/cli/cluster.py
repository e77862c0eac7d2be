"""The log as a command opens it: for seconds only, and when nothing answers it says whether anything runs here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from infra.kafka.client import KafkaLog, connect
from infra.kafka.client_errors import LogUnavailable
from infra.kafka.id_space import bound_codec
from infra.settings import BOOTSTRAP_FILE, Settings, load_settings
from schemas.codec import Codec

IN_FORCE_AFTER: Final = 1.0  # seconds; services look for a new configuration five times a second
PATIENCE_SECONDS: Final = 5.0  # for an answer: somebody waits for it; services wait longer, brokers come back


class NothingRuns(LogUnavailable):
    """Nothing runs here; start Kafka and the services with `hitl up`, or name your brokers (HITL_BOOTSTRAP_SERVERS)."""


@contextmanager
def connected(settings: Settings | None = None) -> Iterator[KafkaLog]:
    """The log that the settings name (default: those of this process). Raises as `hinting` does."""
    settings = load_settings() if settings is None else settings
    log = connect(settings, request_timeout_seconds=PATIENCE_SECONDS)
    try:
        with hinting(settings):
            yield log
    finally:
        log.close()


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[tuple[KafkaLog, Codec]]:
    """The same with the codec over the ids of that cluster. Raises as `connected` and `bound_codec` do."""
    settings = load_settings() if settings is None else settings
    with connected(settings) as log:
        yield log, bound_codec(log, settings)


@contextmanager
def hinting(settings: Settings) -> Iterator[None]:
    """Raises `NothingRuns` for `LogUnavailable` where the settings mean a local stack and none is up."""
    try:
        yield
    except LogUnavailable as error:
        if not settings.is_local or (settings.data_dir / BOOTSTRAP_FILE).is_file():
            raise
        raise NothingRuns(f"no Kafka answers at {settings.bootstrap_servers}. {NothingRuns.__doc__}") from error
