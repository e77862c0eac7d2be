"""What the pages for auditors ask of the read model and of the log, beside the event loop."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeVar

from infra.errors import HitlError
from infra.http.beside import Beside
from infra.kafka.scan import Entry
from infra.redis.browsing import Answered, Page
from infra.redis.errors import RecordUnreadable, RedisRefused, RedisUnavailable
from infra.tracing import Tracing, Untraced
from producers.desk.lookup import served
from producers.desk.pages.audit.archive import Archive
from producers.desk.pages.audit.asked import Search
from producers.desk.pages.audit.policies import costs_in
from producers.desk.pages.audit.readings import HowFar, Period, Readings
from producers.desk.pages.audit.telling import StoryShown, policy_version, shown
from producers.desk.pages.behind import Behind
from schemas.topics import MODELS, POLICIES, RETRAINING

T = TypeVar("T")
ROWS = 50  # on a page
ANSWERS = 200  # of a reviewer
PATIENCE = 15.0  # seconds
PENDING = 0.05  # seconds for an open transaction: who looks again sees what it wrote


class Missing(StrEnum):
    """Why the log must be read for a request."""

    UNKNOWN = "unknown"
    REBUILDING = "rebuilding"
    TOO_MANY = "too_many"
    NO_BEGINNING = "no_beginning"
    NO_INDEX = "no_index"  # Redis cannot be used


class Overview(NamedTuple):
    """What a search found, of how many, in which workflows, and whether the read model knows everything."""

    page: Page
    size: int
    workflows: Sequence[str]
    is_rebuilding: bool


class Asking:
    """Each question raises `Problem`."""

    def __init__(self, behind: Behind) -> None:
        self._model, self._log, self._codec = behind.model, behind.log, behind.codec
        self._tracing: Tracing | None = None
        self._archive = Archive(behind.log, behind.codec)
        self._readings = Readings(behind.log, behind.codec)
        self._beside = Beside("looking at requests", threads=8, line=200, patience_seconds=PATIENCE)

    async def overview(self, search: Search) -> Overview:
        """A page of requests."""

        def look() -> Overview:
            model = self._model()
            found = model.browsing.page(
                search.what, count=ROWS, wanted=search.wants, workflow=search.workflow or None, since=search.since,
                before=search.before, behind=search.behind,
            )  # fmt: skip
            size = model.browsing.size(search.what, search.workflow or None)
            return Overview(found, size, model.workflows(), model.is_rebuilding())

        return await self._ask(look)

    async def answers(self, reviewer_id: str) -> Sequence[Answered]:
        """The last answers of a reviewer."""
        return await self._ask(lambda: self._model().browsing.answers(reviewer_id, count=ANSWERS))

    async def workflows(self) -> Sequence[str]:
        """Every workflow that ever had a case."""
        return await self._ask(lambda: self._model().workflows())

    async def entries(self, request_id: str) -> Sequence[Entry] | Missing:
        """Every event about a request, or why the log must be read for them."""

        def trace() -> Sequence[Entry] | Missing:
            if self._tracing is None:
                self._tracing = Tracing(self._log, self._codec, self._model())
            try:
                found = self._tracing.trace(request_id, pending_seconds=PENDING)
            except (RedisUnavailable, RedisRefused, RecordUnreadable):
                return Missing.NO_INDEX
            return Missing(found.value) if isinstance(found, Untraced) else found

        return await self._ask(trace)

    async def reading(self, request_id: str, period: Period) -> HowFar:
        """How far a reading of the log is; it begins with the first question."""
        return await self._ask(lambda: self._readings.look(request_id, period))

    async def story(self, entries: Sequence[Entry]) -> StoryShown | None:
        """What these events tell, with what it cost."""
        return await self._ask(lambda: self._story(entries))

    async def models(self) -> Sequence[Entry]:
        """The records about models, and of what led to them."""
        return await self._ask(lambda: self._archive.entries(MODELS.name, RETRAINING.name))

    async def policies(self) -> Sequence[Entry]:
        """The records about policies."""
        return await self._ask(lambda: self._archive.entries(POLICIES.name))

    def close(self) -> None:
        """Take no more."""
        self._beside.close()
        self._readings.close()
        if self._tracing is not None:
            self._tracing.close()

    def _story(self, entries: Sequence[Entry]) -> StoryShown | None:
        version = policy_version(entries)
        workflow = next((name for e in entries if isinstance(name := getattr(e.event, "workflow", None), str)), None)
        costs = None
        if version is not None and workflow is not None:
            try:
                costs = costs_in(self._archive.entries(POLICIES.name), workflow, version)
            except HitlError:  # what a decision costs is the least of it
                costs = None
        return shown(entries, costs=costs)

    async def _ask(self, question: Callable[[], T]) -> T:
        return await served(self._beside.call(question))
