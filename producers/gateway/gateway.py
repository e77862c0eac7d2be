"""What the endpoints do, apart from how HTTP asks for it. Made and used on the event loop."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from infra.errors import HitlError
from infra.http.beside import Beside
from infra.http.bodies import Unreadable
from infra.http.problems import Problem, ProblemBody
from infra.kafka.client import KafkaLog
from infra.kafka.log import TopicPartition
from infra.kafka.scan import Entry, about
from infra.redis.records import RequestRecord
from infra.tracing import Tracing, Untraced
from producers.gateway.accepting import Accepting, Checked
from producers.gateway.appeals import (
    NotAsked,
    NotDecided,
    NotRuled,
    Ruling,
    Statement,
    appeal_against,
    decided,
    file_appeal,
)
from producers.gateway.bodies import Appealed, Asked, asked_in, batch_in, request_of
from producers.gateway.following import Following
from producers.gateway.issuing import Issuing
from producers.gateway.lookup import Lookup, NotKnowing
from producers.gateway.standing import (
    FIRST_TOPICS,
    LAST_TOPICS,
    Standing,
    is_asked_upstream,
    of_entries,
    of_record,
)
from schemas.codec import Codec
from schemas.topics import POLICIES
from streams.casework.issuing import TokenIssued
from streams.workflow.policies import WorkflowUnknown, policy_of
from streams.workflow.submitted import RequestRefused, checked

RETRY: Final = 2.0  # seconds
LOOK_AGAIN: Final = 1.0  # seconds for which an answer about readiness counts


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one request of a batch, by its place there."""

    index: int
    request_id: str | None
    accepted: bool
    problem: ProblemBody | None = None


class Taken(StrEnum):
    """Whether casework has ruled on an appeal. That it waits would tell that an audit is open: see `standing`."""

    FILED = "filed"
    TAKEN_ON = "taken_on"


class AppealTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an appeal that was not refused; an expert's answer comes on `outcomes`."""

    request_id: str
    appeal_id: str
    became: Taken


class Gateway:
    """Everything behind the endpoints."""

    def __init__(
        self, questions: KafkaLog, codec: Codec, lookup: Lookup, following: Following, accepting: Accepting,
        issuing: Issuing,
    ) -> None:  # fmt: skip
        """`questions`: a connection that gives up after a few seconds, for those who wait for an answer."""
        self._questions, self._codec = questions, codec
        self._lookup, self._following, self.accepting, self._issuing = lookup, following, accepting, issuing
        self._reading = Beside("reading the log", threads=2, line=8, patience_seconds=30)
        self._appealing = Beside("appealing", threads=8, line=0, patience_seconds=90)
        self._asking = Beside("asking the brokers", threads=1, line=100, patience_seconds=10)
        self._tracing = Tracing(questions, codec, lookup)
        self._ready_until = float("-inf")

    async def ask(self, body: bytes, *, source: str, wait_seconds: float) -> Standing:
        """One request. Raises `Problem`."""
        self._require_policies()
        return await self.accepting.accept(self._checked(body, source), wait_seconds=wait_seconds)

    def bodies(self, body: bytes) -> list[msgspec.Raw]:
        """The single bodies of a batch. Raises `Problem`."""
        self._require_policies()
        try:
            return batch_in(body)
        except RequestRefused as error:
            raise Problem(422, f"Nothing was sent: {error}.", reason="invalid") from error
        except Unreadable as error:
            raise Problem(400, f"Nothing was sent: {error}.", reason="unreadable") from error

    async def ask_all(self, bodies: Sequence[msgspec.Raw], *, source: str) -> list[Item]:
        """A batch: all are sent, then all acknowledgements are waited for."""
        return list(await asyncio.gather(*(self._item(at, body, source) for at, body in enumerate(bodies))))

    async def standing(self, request_id: str) -> Standing:
        """Where a request stands, by the read model. Raises `Problem`."""
        try:
            record = await self.accepting.looking.call(lambda: self._lookup.record(request_id))
        except NotKnowing as error:
            detail = f"It cannot be looked up: {error}. Ask again later, or with ?timeline=true, which reads the log."
            raise Problem(503, detail, reason="read_model", retry_seconds=RETRY) from error
        if record is None or record.origin is None or not await self._is_asked(request_id, record):
            if (known := self.accepting.lately(request_id)) is not None:
                return known
            detail = (
                f"No request {request_id!r} is known here. Correct the id; if it was finished long ago, "
                "?timeline=true reads it from the log."
            )
            raise Problem(404, detail, reason="unknown_request")
        return await self._with_queue(of_record(request_id, record))

    async def story(self, request_id: str) -> Standing:
        """Where a request stands and what happened when, by the log. Raises `Problem`."""
        try:
            told = await self._reading.call(lambda: self._story(request_id))
        except HitlError as error:
            raise Problem(
                503, f"The log cannot be read: {error}", reason="log_unavailable", retry_seconds=RETRY
            ) from error
        if told is None:
            raise Problem(404, f"No request {request_id!r} is in the log; correct the id.", reason="unknown_request")
        return await self._with_queue(told)

    async def appeal(self, request_id: str, said: Appealed, *, by: str, wait_seconds: float) -> AppealTaken:
        """File an appeal; what casework says of it, if it says so in time. Raises `Problem`."""
        appeal_id = said.appeal_id or f"gateway:{uuid.uuid4()}"
        statement = Statement(appeal_id, said.statement, said.filed_by or by, time.time_ns() // 1_000_000)
        try:
            ruling = await self._appealing.call(lambda: self._appeal(request_id, statement, wait_seconds))
        except NotAsked as error:
            raise Problem(404, str(error), reason="unknown_request") from error
        except NotDecided as error:
            detail = f"There is no outcome of {request_id!r} to appeal yet; wait for it, then appeal."
            raise Problem(409, detail, reason="not_decided") from error
        except HitlError as error:
            detail = f"The appeal may not be in the log: {error} It may be repeated under the same appeal_id."
            raise Problem(503, detail, reason="log_unavailable", retry_seconds=RETRY) from error
        if ruling.became == "refused":
            raise Problem(409, f"The appeal is refused: {ruling.detail}", reason=ruling.reason)
        became = Taken.FILED if ruling.became == Taken.FILED else Taken.TAKEN_ON
        return AppealTaken(request_id=request_id, appeal_id=appeal_id, became=became)

    def issue(self, body: bytes, *, app: str) -> TokenIssued:
        """A person's token for an app. Raises `Problem`."""
        self._require_policies()
        return self._issuing.issue(body, app=app)

    async def require_ready(self) -> None:
        """Raises a 503 `Problem` unless the brokers answer and the policies are read."""
        self._require_policies()
        if time.monotonic() < self._ready_until:
            return
        try:
            await self._asking.call(lambda: self._questions.watermark(TopicPartition(POLICIES.name, 0)))
        except HitlError as error:
            raise Problem(503, str(error), reason="log_unavailable", retry_seconds=RETRY) from error
        self._ready_until = time.monotonic() + LOOK_AGAIN

    async def close(self) -> None:
        """Finish what is under way."""
        for beside in (self._reading, self._appealing, self._asking):
            beside.close()
        self._tracing.close()
        await self.accepting.close()

    def _require_policies(self) -> None:
        if not self._following.caught_up:
            detail = "The policies and keys are not read yet; ask again in a moment."
            raise Problem(503, detail, reason="starting", retry_seconds=RETRY)

    def _checked(self, body: bytes | msgspec.Raw, source: str) -> Checked:
        try:
            return self._request(asked_in(body), source)
        except RequestRefused as error:
            raise Problem(422, f"Nothing was sent: {error}.", reason="invalid") from error
        except WorkflowUnknown as error:
            raise Problem(422, f"Nothing was sent: {error}", reason="unknown_workflow") from error
        except Unreadable as error:
            raise Problem(400, f"Nothing was sent: {error}.", reason="unreadable") from error

    def _request(self, asked: Asked, source: str) -> Checked:
        workflow_type = policy_of(self._following.policies, asked.workflow).workflow_type
        request = request_of(asked, workflow_type, source=source)
        return Checked(request, checked(request, self._codec))

    async def _item(self, index: int, body: msgspec.Raw, source: str) -> Item:
        request_id = None
        try:
            made = self._checked(body, source)
            request_id = made.request.request_id
            await self.accepting.publish(made)
        except Problem as problem:
            return Item(index=index, request_id=request_id, accepted=False, problem=problem.body())
        return Item(index=index, request_id=request_id, accepted=True)

    async def _is_asked(self, request_id: str, record: RequestRecord) -> bool:
        """Whether upstream asked it; the log tells where the read model knows of people who were asked, but not why."""
        if is_asked_upstream(record):
            return True
        try:
            await self.story(request_id)
        except Problem as problem:
            if problem.status == 404:
                return False
            raise
        return True

    async def _with_queue(self, standing: Standing) -> Standing:
        """With its place in the queue while people are to decide it; afterwards a case may be open for an audit."""
        if standing.outcome is not None or standing.status is None:
            return standing
        now = time.time_ns() // 1_000_000
        try:
            queue = await self.accepting.looking.call(lambda: self._lookup.queue(standing.request_id, now=now))
        except NotKnowing as error:
            return msgspec.structs.replace(standing, why_not=f"queue: {error}")
        return msgspec.structs.replace(standing, queue=queue)

    def _story(self, request_id: str) -> Standing | None:
        return of_entries([*self._about(request_id, FIRST_TOPICS), *self._about(request_id, LAST_TOPICS)])

    def _about(self, request_id: str, topics: Sequence[str]) -> list[Entry]:
        """By the read model, as of now, too; where it cannot tell, by reading these topics from their beginning."""
        try:
            found = self._tracing.trace(request_id, topics)
        except NotKnowing:
            found = Untraced.UNKNOWN
        if isinstance(found, Untraced):
            return about(self._questions, self._codec, request_id, topics)
        return found

    def _appeal(self, request_id: str, statement: Statement, wait_seconds: float) -> Ruling:
        filed = appeal_against(*decided(self._questions, self._codec, request_id), statement, self._codec)
        try:
            return file_appeal(self._questions, self._codec, filed, patience_seconds=wait_seconds)
        except NotRuled:
            return Ruling(request_id=request_id, appeal_id=statement.appeal_id, became=Taken.FILED)
