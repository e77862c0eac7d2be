"""The Faust app: one agent reads every topic of the view, one task applies what came."""

import asyncio
import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

import faust
from yarl import URL

from infra.settings import Settings
from streams.insights.exact import ExactApp, Run
from streams.insights.fold import FOLDED
from streams.insights.following import Following, give_up
from streams.insights.login import credentials_of

NAME: Final = "insights"
MOST_WAITING: Final = 16  # runs in Faust's buffer, and as many between it and the view: 64,000 records, some seconds
MOST_AT_ONCE: Final = 2_000  # records in one transaction; a run is not cut
MOST_FETCHED: Final = 2_000  # records in one fetch, so that a run is short
LAST_MOMENTS: Final = 8.0  # seconds in which Faust may stop in order
GLANCE: Final = 0.25  # seconds to wait for a run
LOST_AFTER: Final = 30.0  # seconds after which what was fetched and is not applied is lost; see MOST_WAITING

logger = logging.getLogger(__name__)


class InsightsApp(ExactApp):
    """Each process is a consumer group of its own: it reads everything, and nothing is ever handed over."""

    def __init__(self, settings: Settings, following: Following) -> None:
        self.following = following
        self.position = following.position
        super().__init__(
            f"{settings.topic_prefix}{NAME}.{settings.slot}-{uuid.uuid4().hex[:8]}",
            broker=[URL(f"kafka://{server.strip()}") for server in settings.bootstrap_servers.split(",")],
            broker_credentials=credentials_of(settings.kafka),
            broker_session_timeout=6.0,
            broker_heartbeat_interval=1.0,
            broker_max_poll_records=MOST_FETCHED,
            consumer_auto_offset_reset="earliest",
            datadir=settings.data_dir / NAME / settings.slot / "faust",
            store="memory://",
            topic_allow_declare=False,
            topic_disable_leader=True,
            stream_buffer_maxsize=MOST_WAITING,
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            web_enabled=False,
            worker_redirect_stdouts=False,
        )
        self._waiting: asyncio.Queue[Run] | None = None
        names = [settings.topic_prefix + name for name in FOLDED]
        source = self.topic(*names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        self.agent(source, name="read")(self._read)
        self.task(self._apply)

    async def _read(self, stream: Any) -> None:
        async for run in stream:
            await self._queue().put(run)

    async def _apply(self) -> None:
        """Runs in the order in which Faust hands them over, as many as wait."""
        late_since: dict[tuple[str, int, int], float] = {}
        while not self.should_stop:
            runs = await self._next_runs()
            if runs and (gap := self.following.take(runs)) is not None:
                give_up(f"Records were lost between offsets {gap.position} and {gap.after} of {gap[:2]}")
            complete = self.consumer.complete_at  # first: whatever was fetched by then is among what is asked about
            late, now = self._unapplied(), time.monotonic()
            if not late and complete:
                self.following.complete_at = max(self.following.complete_at or 0.0, complete)
            self.following.turned()
            late_since = {each: late_since.get(each, now) for each in late}
            if any(now - since > LOST_AFTER for since in late_since.values()):
                give_up(f"Records were fetched and never arrived: {sorted(late_since)[:3]}")

    def _queue(self) -> "asyncio.Queue[Run]":
        if self._waiting is None:
            self._waiting = asyncio.Queue(MOST_WAITING)
        return self._waiting

    async def _next_runs(self) -> list[Run]:
        queue = self._queue()
        try:
            runs = [await asyncio.wait_for(queue.get(), GLANCE)]
        except TimeoutError:
            return []
        count = len(runs[0].records)
        while count < MOST_AT_ONCE and not queue.empty():
            runs.append(queue.get_nowait())
            count += len(runs[-1].records)
        return runs

    def _unapplied(self) -> set[tuple[str, int, int]]:
        """What was fetched and is not in the view: topic, partition, last offset."""
        fetched = dict(self.consumer.fetched)
        return {(*place, last) for place, last in fetched.items() if last > self.position(*place)}


class Worker(faust.Worker):
    """Runs the app until SIGTERM; logging is the project's own.

    A signal that comes before all has started is kept until then: Faust would stop what is not there yet, and go on.
    """

    def __init__(self, app: InsightsApp, told: Callable[[], bool]) -> None:
        super().__init__(app, override_logging=False, redirect_stdouts=False, quiet=True)
        self.spinner = None  # it would write escape codes into the log
        self._told = told

    def install_signal_handlers(self) -> None:
        """Not yet: until everything has started, `told` listens."""

    async def on_started(self) -> None:
        """Everything has started; returns when it is stopped."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(number, self._end)
        if self._told():
            self._end()
        await super().on_started()

    def _end(self) -> None:
        """Stop in order, but not for ever: the view is whole at every moment, so an end by force loses nothing."""
        timer = threading.Timer(LAST_MOMENTS, os._exit, (0,))
        timer.daemon = True
        timer.start()
        self._on_sigterm()
