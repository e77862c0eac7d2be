"""A stage as a process: build the loop on the cluster, turn until told to stop, then finish what is open."""

import gc
import logging
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

from infra.kafka.client import connect
from infra.kafka.client_config import LINGER_MS
from infra.kafka.id_space import require_bound
from infra.kafka.loop import Loop, LoopPolicy
from infra.kafka.observing import UNOBSERVED, Observer
from infra.kafka.stage import Stage
from infra.registry.ids import codec_of
from infra.settings import Settings
from schemas.codec import Codec

logger = logging.getLogger(__name__)
PROMPT_LINGER = 1  # ms: records are under way while positions are sent, and those of a batch still go together
COLLECT_AFTER = 50_000  # allocations between two collections: records make no cycles, so rare ones save CPU


def wall() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def elapsed() -> int:
    """Milliseconds that never go back."""
    return time.monotonic_ns() // 1_000_000


def loop_policy(settings: Settings) -> LoopPolicy:
    """What the settings say about how a stage runs."""
    return LoopPolicy(
        slot=settings.slot,
        exactly_once=settings.processing == "exactly_once",
        max_batch=settings.max_batch,
        commit_interval=round(settings.commit_interval_ms),
        max_commit_interval=round(settings.max_commit_interval_ms),
        accept_dead_letters=settings.accept_dead_letters or 0,
    )


def told_to_stop() -> Callable[[], bool]:
    """Listen to SIGTERM and SIGINT from here on; the answer is whether one has come."""
    told = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal told
        told = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return lambda: told


def run_stage(
    stage: Stage[Any, Any], settings: Settings, *, codec: Codec | None = None, observer: Observer = UNOBSERVED,
    prompt: bool = False,
) -> None:  # fmt: skip
    """Run a stage until SIGTERM or SIGINT; `prompt` where somebody waits for what it says to each record.

    Raises what ends a stage: see `infra.kafka.errors`.
    """
    stopping = told_to_stop()
    codec = codec or codec_of(settings)
    log = connect(settings, linger_ms=PROMPT_LINGER if prompt else LINGER_MS)
    require_bound(log, codec)
    loop = Loop(
        stage,
        log,
        codec,
        partitions=settings.partitions,
        policy=replace(loop_policy(settings), prompt=prompt),
        wall=wall,
        elapsed=elapsed,
        observer=observer,
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    logger.info("%s runs.", stage.name, extra={"action": "stage_started"})
    restored: set[int] = set()
    while not stopping():
        loop.step()
        if loop.lanes.keys() != restored:
            restored = set(loop.lanes)
            gc.freeze()  # what was restored stays for long: with a million cases, looking through it takes seconds
    loop.close()
    logger.info("%s has stopped.", stage.name, extra={"action": "stage_stopped"})
