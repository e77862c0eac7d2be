"""Keeps the view of the figures and serves it. Nothing waits for it: what it missed is in the log."""

import asyncio
import gc
import logging
import signal
import time
from types import FrameType

from infra.kafka.client import KafkaLog, connect
from infra.kafka.client_log import Rarely
from infra.kafka.id_space import bound_codec
from infra.kafka.running import COLLECT_AFTER
from infra.observe.serving import observed
from infra.settings import Settings
from streams.insights.answers import Source
from streams.insights.app import InsightsApp, Worker
from streams.insights.following import Following
from streams.insights.login import credentials_of
from streams.insights.serving import Serving, build
from streams.insights.store import ViewWriter, folder_of
from streams.insights.watching import ViewWatch

logger = logging.getLogger(__name__)
CHATTY = (
    "faust",
    "mode",
    "aiokafka",
    "streams.insights.app",
    "streams.insights.exact",
    "uvicorn",
)  # loggers that tell of every step


class Told:
    """Whether it was told to stop before Faust listens for that itself."""

    def __init__(self) -> None:
        self.stop = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)

    def __call__(self) -> bool:
        return self.stop

    def _hear(self, signum: int, frame: FrameType | None) -> None:
        self.stop = True


def run(settings: Settings, app: type[InsightsApp] = InsightsApp) -> None:
    """Serve until told to stop: first in bulk up to the log's end, then behind Faust.

    Raises `ViewTaken`, `SettingsInvalid` and what the log raises.
    """
    credentials_of(settings.kafka)  # before anything is read: what Faust cannot log in with is refused at once
    told = Told()
    with observed("insights", settings) as watch:
        log = connect(settings)
        codec = bound_codec(log, settings)
        origin = f"{log.cluster_id()} {settings.topic_prefix}"
        view = ViewWriter(folder_of(settings.data_dir, settings.slot), origin=origin)
        following = Following(view, codec, prefix=settings.topic_prefix)
        following.turned = ViewWatch(watch, following).turned
        source = Source(bootstrap_servers=settings.bootstrap_servers, topic_prefix=settings.topic_prefix)
        serving = Serving(settings, build(view.path, source, lambda: following.complete_at))
        serving.start()
        try:
            _keep(settings, log, following, told, app)
        finally:
            serving.stop()
            view.close()


def _keep(settings: Settings, log: KafkaLog, following: Following, told: Told, app: type[InsightsApp]) -> None:
    began = time.monotonic()
    count = following.catch_up(log, told)
    log.close()
    logger.info(
        "The view has read %d records in %.1f s.", count, time.monotonic() - began,
        extra={"action": "insights_caught_up"},
    )  # fmt: skip
    if not told():
        asyncio.set_event_loop(asyncio.new_event_loop())
        _follow(app(settings, following), told)


def _follow(app: InsightsApp, told: Told) -> None:
    """Faust until SIGTERM. Raises SystemExit with another status than 0 when it fails."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    _calm_down()
    worker = Worker(app, told)
    logger.info("Insights follows the log.", extra={"action": "insights_started"})
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        if ended.code:
            raise
    logger.info("Insights has stopped.", extra={"action": "insights_stopped"})


def _calm_down() -> None:
    """Faust tells of every step, and aiokafka of every attempt to reach a broker that is away: many a second."""
    rarely, level = Rarely(), max(logging.WARNING, logging.getLogger().level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(level)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(CHATTY):
            logging.getLogger(name).addFilter(rarely)
