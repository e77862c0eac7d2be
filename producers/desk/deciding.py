"""An answer into the log, and waiting for what casework says to it."""

import time
from typing import Final, NamedTuple

import msgspec

from infra.errors import HitlError
from infra.kafka.log import Log, TopicPartition
from infra.kafka.partitioner import partition_of
from infra.kafka.publisher import publish
from infra.kafka.scan import Entry, decoded
from schemas.codec import Codec
from schemas.events import CaseClosed, CaseEscalated, DecisionRefused, ReviewDecided
from schemas.topics import ASSIGNMENTS, REVIEW_DECISIONS
from schemas.values import Coordinates

READ_TIMEOUT: Final = 0.2  # seconds


class NotJudged(HitlError):
    """The answer is in the log, but casework has not judged it yet; see whether it runs (`hitl status`)."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an answer; `label` when it decided the case."""

    request_id: str
    decision_id: str
    accepted: bool
    became: str  # closed, escalated or refused
    reason: str = ""
    detail: str = ""
    label: str | None = None


class _Awaited(NamedTuple):
    """The answer as it was sent, and where it lies once that is known."""

    decision: ReviewDecided
    at: Coordinates | None = None

    def seen(self, entry: Entry) -> "_Awaited":
        """Learn where the answer lies."""
        event = entry.event
        if isinstance(event, ReviewDecided) and event.decision_id == self.decision.decision_id:
            return _Awaited(self.decision, entry.coordinates)
        return self


def decide(log: Log, codec: Codec, decision: ReviewDecided, *, patience_seconds: float = 15.0) -> Judgement:
    """Publish an answer and wait until it was accepted or refused. Raises `NotJudged`, `PublishFailed`."""
    key = decision.request_id.encode()
    places = [
        TopicPartition(topic.name, partition_of(key, log.partitions(topic.name)))
        for topic in (REVIEW_DECISIONS, ASSIGNMENTS)
    ]
    starts = {place: log.watermark(place) for place in places}
    publish(log, codec, [REVIEW_DECISIONS.message(decision)])
    reader = log.reader(starts)
    deadline, awaited, changes = time.monotonic() + patience_seconds, _Awaited(decision), list[Entry]()
    try:
        while time.monotonic() < deadline:
            for record in reader.read(1_000, READ_TIMEOUT):
                entry = decoded(record, codec)
                awaited = awaited.seen(entry)
                changes.append(entry)
            if found := next(filter(None, (judged(entry, awaited.decision, awaited.at) for entry in changes)), None):
                return found
    finally:
        reader.close()
    raise NotJudged()


def judged(entry: Entry, decision: ReviewDecided, at: Coordinates | None) -> Judgement | None:
    """What a change of a case says about this answer, which lies `at`; None when it is about something else."""
    match entry.event:
        case DecisionRefused(decision_id=decision.decision_id, reason=reason, detail=detail):
            return _judgement(decision, "refused", reason=reason, detail=detail)
        case CaseClosed(cause=cause, label=label) if cause == at:
            return _judgement(decision, "closed", label=label)
        case CaseEscalated(cause=cause) if cause == at:
            return _judgement(decision, "escalated")
    return None


def _judgement(
    decision: ReviewDecided, became: str, *, reason: str = "", detail: str = "", label: str | None = None
) -> Judgement:
    return Judgement(
        request_id=decision.request_id,
        decision_id=decision.decision_id,
        accepted=became != "refused",
        became=became,
        reason=reason,
        detail=detail,
        label=label,
    )
