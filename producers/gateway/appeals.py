"""An appeal against a decision: with the stored request and decision into the log, and what casework says to it."""

import time
from typing import Final, NamedTuple

import msgspec

from infra.errors import HitlError
from infra.kafka.log import Log, TopicPartition
from infra.kafka.partitioner import partition_of
from infra.kafka.publisher import publish
from infra.kafka.scan import Entry, decoded, ends_of, scan
from schemas.codec import Codec
from schemas.events import AppealFiled, AppealNoted, AppealRefused, CaseReopened, DecisionMade, DecisionRequested
from schemas.topics import APPEALS, ASSIGNMENTS, OUTCOMES, REQUESTS

READ_TIMEOUT: Final = 0.2  # seconds


class NotDecided(HitlError):
    """There is no outcome to appeal; `hitl audit show ID` says where the request stands."""


class NotAsked(NotDecided):
    """No request of this id is in the log; correct the id."""


class NotRuled(HitlError):
    """The appeal is in the log, but casework has not taken it on yet; see whether it runs (`hitl status`)."""


class Statement(NamedTuple):
    """What is filed: an id of the sender's choosing, the words, who says them, when (milliseconds)."""

    appeal_id: str
    text: str
    filed_by: str
    filed_at: int


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an appeal: `reopened` with an expert, `waits` for the end of an open review, or `refused`."""

    request_id: str
    appeal_id: str
    became: str
    reason: str = ""
    detail: str = ""


def appeal_against(request: Entry, outcome: Entry, statement: Statement, codec: Codec) -> AppealFiled:
    """The event; `request` and `outcome` are the records as they lie in the log."""
    made = outcome.event
    assert isinstance(made, DecisionMade) and request.value is not None and outcome.value is not None
    request_body, request_fingerprint = codec.body(request.value)
    decision_body, decision_fingerprint = codec.body(outcome.value)
    return AppealFiled(
        appeal_id=statement.appeal_id,
        request_id=made.request_id,
        workflow=made.workflow,
        request=made.request,
        request_body=request_body,
        request_fingerprint=request_fingerprint,
        requested_at=made.requested_at,
        decision=outcome.coordinates,
        decision_body=decision_body,
        decision_fingerprint=decision_fingerprint,
        statement=statement.text,
        filed_by=statement.filed_by,
        filed_at=statement.filed_at,
    )


def decided(log: Log, codec: Codec, request_id: str) -> tuple[Entry, Entry]:
    """The stored request and its first outcome, from the request's own partition. Raises `NotAsked`, `NotDecided`."""
    key = request_id.encode()
    places = [_place(log, topic.name, key) for topic in (OUTCOMES, REQUESTS)]
    known = ends_of(log, [OUTCOMES.name, REQUESTS.name])
    entries = list(
        scan(log, codec, [], ends={place: known[place] for place in places}, wanted=lambda record: record.key == key)
    )
    made = next((entry for entry in entries if isinstance(entry.event, DecisionMade)), None)
    if not entries:
        raise NotAsked(f"neither the request {request_id!r} nor an outcome of it is in the log; correct the id.")
    if made is None or not isinstance(made.event, DecisionMade):
        raise NotDecided(f"no outcome of the request {request_id!r} is in the log. {NotDecided.__doc__}")
    asked = next(
        (e for e in entries if isinstance(e.event, DecisionRequested) and e.coordinates == made.event.request), None
    )
    if asked is None:
        raise NotDecided(f"the record of the request {request_id!r} is no longer in the log: it cannot be judged anew.")
    return asked, made


def file_appeal(log: Log, codec: Codec, filed: AppealFiled, *, patience_seconds: float = 15.0) -> Ruling:
    """Publish an appeal and wait until it was taken on or refused. Raises `NotRuled`, `PublishFailed`."""
    places = [_place(log, topic.name, filed.request_id.encode()) for topic in (APPEALS, ASSIGNMENTS)]
    reader = log.reader({place: log.watermark(place) for place in places})
    try:
        publish(log, codec, [APPEALS.message(filed)])
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            for record in reader.read(1_000, READ_TIMEOUT):
                if (ruling := ruled(decoded(record, codec), filed)) is not None:
                    return ruling
    finally:
        reader.close()
    raise NotRuled()


def ruled(entry: Entry, filed: AppealFiled) -> Ruling | None:
    """What casework said about this appeal; None when it is about something else."""
    names = {"request_id": filed.request_id, "appeal_id": filed.appeal_id}
    match entry.event:
        case AppealRefused(appeal_id=filed.appeal_id, reason=reason, detail=detail):
            return Ruling(**names, became="refused", reason=reason, detail=detail)
        case AppealNoted(appeal=appeal) if appeal.appeal_id == filed.appeal_id:
            return Ruling(**names, became="waits")
        case CaseReopened(appeal=appeal) if appeal is not None and appeal.appeal_id == filed.appeal_id:
            return Ruling(**names, became="reopened")
    return None


def _place(log: Log, topic: str, key: bytes) -> TopicPartition:
    return TopicPartition(topic, partition_of(key, log.partitions(topic)))
