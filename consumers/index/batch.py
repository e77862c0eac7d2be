"""A batch of events as commands to Redis: each request is read once, changed by all its events, written once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import msgspec
from msgspec.structs import replace

from consumers.index.changes import changes, reviewers_pruned, seen
from consumers.index.facts import UNKNOWN, with_event
from consumers.index.keeping import place_of
from consumers.index.placing import about, placed
from consumers.index.standing import settled
from infra.kafka.stage import Message
from infra.redis.cached_case import CachedCase
from infra.redis.connection import Command
from infra.redis.keys import Keys
from infra.redis.records import RequestRecord
from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AnswerWithdrawn,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseNoted,
    CaseReprioritised,
    CaseReturned,
    CommandRefused,
    DecisionRefused,
    ExpertReviewRequested,
    HoldEnded,
    LeaseEnded,
    LeaseExtended,
    LeaseGranted,
    ReviewRequested,
)
from schemas.values import CaseStage, EndedBy

DEEDS: Final = (  # what people do with cases, beside what ends one
    DecisionRefused, CommandRefused, LeaseGranted, LeaseExtended, LeaseEnded, CaseHeld, HoldEnded, CaseNoted,
    CaseReprioritised, CaseReturned, AnswerReceived, AnswerWithdrawn, AnswerCounted,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """What is kept of open cases for pages, and for how long."""

    keep_ms: int
    inline_bytes: int  # largest request body that is kept; others are fetched from the log by coordinates


def by_request(messages: Iterable[Message], partitions: int) -> dict[str, list[Message]]:
    """The events about requests, by request id, in the order read."""
    grouped: dict[str, list[Message]] = {}
    for message in messages:
        if (request_id := about(message, partitions)) is not None:
            grouped.setdefault(request_id, []).append(message)
    return grouped


def folded(record: RequestRecord | None, messages: Sequence[Message]) -> RequestRecord | None:
    """The record after these events; the very same value when they add nothing. Nothing follows from places alone."""
    before = facts = record or UNKNOWN
    for message in messages:
        facts = with_event(facts, message)
    places = placed(facts.places, messages)
    if facts is before and places is before.places:
        return record
    return replace(facts if facts is before else settled(facts), places=places)


def commands_of(
    grouped: Mapping[str, Sequence[Message]],
    records: Mapping[str, RequestRecord | None],
    *,
    keys: Keys,
    cache: CachePolicy,
    now: int,
) -> Iterator[Command]:
    """What Redis is told of these events, `records` being what it knows of their requests; `now` in milliseconds."""
    for request_id, messages in grouped.items():
        old = records[request_id]
        new = folded(old, messages)
        if new is None or new is old:
            continue
        yield from _cached(keys, request_id, old, new, messages, cache)
        yield from changes(keys, request_id, old, new, now=now)


def activity(messages: Iterable[Message], *, keys: Keys, now: int) -> Iterator[Command]:
    """What Redis is told of the people behind these events, also of those whose answers were refused."""
    last: dict[str, int] = {}
    for message in messages:
        if (who := _who(message)) is not None:
            last[who[0]] = max(who[1], last.get(who[0], 0))
    if not last:
        return iter(())
    return chain((seen(keys, reviewer, at) for reviewer, at in last.items()), (reviewers_pruned(keys, now),))


def _who(message: Message) -> tuple[str, int] | None:
    """Who did something, and when; what ends by itself was done by nobody."""
    match message.event:
        case CaseClosed(reviewer_id=str(reviewer), occurred_at=at):
            return reviewer, at
        case CaseEscalated(answer=answer, occurred_at=at) if answer is not None:
            return answer.reviewer_id, at
        case LeaseEnded(ended_by=EndedBy.EXPIRED) | HoldEnded(ended_by=EndedBy.EXPIRED):
            return None
        case LeaseGranted(handed_over_by=str(reviewer), occurred_at=at):
            return reviewer, at
        case event if isinstance(event, DEEDS):
            return event.reviewer_id, event.occurred_at
    return None


def _cached(
    keys: Keys, request_id: str, old: RequestRecord | None, new: RequestRecord, messages: Sequence[Message],
    cache: CachePolicy,
) -> Iterator[Command]:  # fmt: skip
    """The announcement that counts, as long as nothing has ended what it asks for."""
    if _is_over(new):
        if old is None or not _is_over(old):
            yield ("UNLINK", keys.case(request_id))
        return
    for message in messages:
        event = message.event
        if isinstance(event, ReviewRequested | ExpertReviewRequested) and new.announced is not None:
            review = place_of(message.coordinates)
            if review == new.announced.review:
                value = msgspec.msgpack.encode(cached_case(event, message, cache.inline_bytes))
                yield ("SET", keys.case(request_id), value, "PX", str(cache.keep_ms))
                return


def _is_over(record: RequestRecord) -> bool:
    closed, announced = record.closed, record.announced
    return closed is not None and (announced is None or announced.revision <= closed.revision)


def cached_case(event: ReviewRequested | ExpertReviewRequested, message: Message, inline_bytes: int) -> CachedCase:
    """What a page shows of an announcement."""
    expert = event if isinstance(event, ExpertReviewRequested) else None
    return CachedCase(
        workflow=event.workflow,
        revision=event.revision,
        stage=CaseStage.EXPERT if expert else CaseStage.HUMAN,
        priority=event.priority,
        reason=event.reason,
        classes=event.classes,
        approving_class=event.approving_class,
        recommendation=event.recommendation,
        rule_hits=event.rule_hits,
        risk_flags=event.risk_flags,
        high_risk=event.high_risk,
        compliance=event.compliance,
        policy_version=event.policy_version,
        created_at=event.created_at,
        requested_at=event.requested_at,
        due_at=event.due_at,
        request=place_of(event.request),
        review=place_of(message.coordinates),
        request_body=event.request_body if len(event.request_body) <= inline_bytes else None,
        request_fingerprint=event.request_fingerprint,
        escalated_by=expert.escalated_by if expert else None,
        answers=event.answers,
        skills=event.skills,
        tags=event.tags,
        reopened_by=expert.reopened_by if expert else None,
        appeal=expert.appeal if expert else None,
        standing=expert.standing if expert else None,
    )
