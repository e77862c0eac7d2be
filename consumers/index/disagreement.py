"""On which finished requests people disagreed: with each other, with the model, or with what had been decided.

Nothing is told of a request while anything about it is open: an audit must not be known as one. A question whose answer
is known is nobody's decision, and never among them.
"""

from collections.abc import Iterator
from typing import Final

from consumers.index.keeping import changed
from infra.kafka.stage import Message
from infra.redis.connection import Command
from infra.redis.disagreeing import disagreement
from infra.redis.keys import Keys
from infra.redis.members import DisagreementRow, encode_row
from infra.redis.records import RequestRecord
from infra.redis.said import Said, Voice, in_time
from schemas.events import AuditAnswered, DecisionValidated, OutcomeUpheld, OverlapAnswered, PredictionMade
from schemas.values import ReopenedBy

MOST: Final = 10_000  # requests of a workflow that are told of, the newest
CONTESTED: Final = (ReopenedBy.APPEAL, ReopenedBy.AUDIT)  # who validates and agrees has contradicted nobody


def with_said(record: RequestRecord, said: Said) -> tuple[Said, ...]:
    """What was said of the request, with this; each once, in an order that does not depend on when it was read."""
    return record.said if said in record.said else tuple(sorted((*record.said, said), key=in_time))


def predicted(record: RequestRecord, event: PredictionMade) -> tuple[Said, ...]:
    """What the model said, where it said anything."""
    if event.label is None:
        return record.said
    return with_said(record, Said(voice=Voice.MODEL, at=event.predicted_at, label=event.label))


def overlapped(record: RequestRecord, event: OverlapAnswered, _: Message) -> RequestRecord:
    """One of several people's answers to the same case."""
    return _heard(record, Voice.ONE_OF_SEVERAL, event.answered_at, event.label, event.reviewer_id)


def audited(record: RequestRecord, event: AuditAnswered, _: Message) -> RequestRecord:
    """What a person said who did not see what the model had said."""
    return _heard(record, Voice.BLIND, event.answered_at, event.label, event.reviewer_id)


def validated(record: RequestRecord, event: DecisionValidated, _: Message) -> RequestRecord:
    """What an expert said of a finished decision, where they contradicted it."""
    if event.agrees:
        return record
    return _heard(record, Voice.VALIDATION, event.validated_at, event.label, event.expert_id)


def upheld(record: RequestRecord, event: OutcomeUpheld, _: Message) -> RequestRecord:
    """What an expert said of a decision that somebody contested, where they confirmed it."""
    if event.cause_of_review not in CONTESTED:
        return record
    return _heard(record, Voice.UPHELD, event.decided_at, event.label, event.reviewer_id)


def rows(keys: Keys, request_id: str, old: RequestRecord | None, new: RequestRecord) -> Iterator[Command]:
    """The commands that lead from what the old record tells to what the new one does."""
    before, after = _placed(request_id, old), _placed(request_id, new)
    if before == after:
        return
    if before:
        yield ("ZREM", keys.disagreements(before[0]), encode_row(before[2]))
    if after:
        workflow, at, row = after
        yield ("ZADD", keys.disagreements(workflow), str(at), encode_row(row))
        yield ("ZREMRANGEBYRANK", keys.disagreements(workflow), "0", str(-MOST - 1))


def forgotten(keys: Keys, request_id: str, record: RequestRecord | None) -> Iterator[Command]:
    """The commands that leave a request out of it."""
    if (placed := _placed(request_id, record)) is not None:
        yield ("ZREM", keys.disagreements(placed[0]), encode_row(placed[2]))


def _placed(request_id: str, record: RequestRecord | None) -> tuple[str, int, DisagreementRow] | None:
    row = None if record is None else disagreement(request_id, record)
    if row is None or record is None or record.origin is None or record.finished_at is None:
        return None
    return record.origin.workflow, record.finished_at, row


def _heard(record: RequestRecord, voice: Voice, at: int, label: str, reviewer_id: str) -> RequestRecord:
    said = Said(voice=voice, at=at, label=label, reviewer_id=reviewer_id)
    return changed(record, said=with_said(record, said), updated_at=at)
