"""Keeps the read model in Redis. Nothing waits for it: without Redis it waits, and what it missed is in the log."""

import gc
import logging
import time
import uuid
from collections.abc import Callable
from typing import Final

from consumers.index.batch import CachePolicy
from consumers.index.indexer import Indexer
from consumers.index.watching import IndexWatch
from infra.kafka.client import connect as connect_log
from infra.kafka.id_space import bound_codec
from infra.kafka.intake import Intake
from infra.kafka.running import COLLECT_AFTER, told_to_stop
from infra.observe.serving import observed
from infra.redis.connection import connect as connect_redis
from infra.redis.errors import RedisUnavailable
from infra.redis.keys import Keys
from infra.redis.store import IndexStore
from infra.settings import Settings

logger = logging.getLogger(__name__)
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0  # seconds between attempts while Redis is away
FEW: Final = 100  # records in one step
GATHER: Final = 0.02  # seconds after few, so that what trickles in is written together
NAME: Final = "index"
HOUR: Final = 3_600_000  # milliseconds


def indexer_of(settings: Settings) -> Indexer:
    """The indexer that the settings describe, under a token that no other has."""
    log = connect_log(settings)
    codec = bound_codec(log, settings)
    store = IndexStore(connect_redis(settings), Keys(settings.topic_prefix), uuid.uuid4().hex)
    return Indexer(
        log,
        store,
        Intake(codec, settings.partitions),
        cache=CachePolicy(keep_ms=settings.index_cache_hours * HOUR, inline_bytes=settings.index_inline_bytes),
        keep_ms=settings.index_status_hours * HOUR,
    )


def run(settings: Settings) -> None:
    """Keep the read model until told to stop."""
    stopping = told_to_stop()
    with observed(NAME, settings) as watch:
        _keep(indexer_of(settings), IndexWatch(watch), stopping)


def _keep(indexer: Indexer, watch: IndexWatch, stopping: Callable[[], bool]) -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    wait = FIRST_WAIT
    while not stopping():
        try:
            applied = indexer.step()
            watch.applied(applied, indexer)
            wait = FIRST_WAIT
            if 0 < applied < FEW:
                time.sleep(GATHER)
        except RedisUnavailable as error:
            logger.warning("%s Trying again in %.1f s.", error, wait, extra={"action": "redis_unavailable"})
            indexer.resume()
            watch.unavailable(indexer)
            _sleep(wait, stopping)
            wait = min(LONGEST_WAIT, wait * 2)
    indexer.resume()


def _sleep(seconds: float, stopping: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not stopping():
        time.sleep(0.05)
