"""How much waits, for how long, and where one case stands: the read model's answer for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from infra.redis.cached_case import CachedCase
from infra.redis.reading import QueuePosition
from infra.redis.records import RequestRecord
from schemas.values import CaseStage, Priority


class Looking(Protocol):
    """What is asked of the read model: `infra.redis.reading.ReadModel`, which also says what it raises."""

    def is_rebuilding(self) -> bool: ...
    def status(self, request_id: str) -> RequestRecord | None: ...
    def status_and_case(self, request_id: str) -> tuple[RequestRecord | None, CachedCase | None]: ...
    def workflows(self) -> list[str]: ...
    def in_hand(self, reviewer_id: str) -> dict[str, int]: ...
    def in_hand_at(self, reviewer_id: str) -> tuple[set[str], Mapping[str, int]]: ...
    def queue_sizes(self, workflow: str, stage: CaseStage | None = None) -> dict[Priority, int]: ...
    def oldest_age(self, workflow: str, *, now: int) -> int | None: ...
    def queue_position(self, request_id: str) -> QueuePosition | None: ...
    def estimated_wait(self, request_id: str, *, now: int) -> int | None: ...


class WorkflowQueue(msgspec.Struct, frozen=True, kw_only=True):
    """Open cases of a workflow by stage and priority; the age of the oldest in milliseconds, none without one."""

    workflow: str
    human: dict[Priority, int]
    expert: dict[Priority, int]
    oldest_age_ms: int | None


class PlaceInQueue(msgspec.Struct, frozen=True, kw_only=True):
    """Where an open case stands: `position` within its priority, `ahead` of all, and the wait at today's pace."""

    request_id: str
    position: int
    ahead: int
    estimated_wait_ms: int | None


class InHand(msgspec.Struct, frozen=True, kw_only=True):
    """A case that whoever asks has or has set aside, until then (milliseconds since the epoch)."""

    request_id: str
    expires_at: int


class QueueShown(msgspec.Struct, frozen=True, kw_only=True):
    """What waits, what whoever asks has, and where the case stands that was asked for."""

    workflows: tuple[WorkflowQueue, ...]
    in_hand: tuple[InHand, ...]
    case: PlaceInQueue | None = None


def queue_of(
    model: Looking, reviewer_id: str, *, workflows: Sequence[str], request_id: str | None, now: int
) -> QueueShown:
    """As of a second ago; of these workflows, or of all."""
    held = sorted(model.in_hand(reviewer_id).items())
    return QueueShown(
        workflows=tuple(_sizes(model, workflows or model.workflows(), now)),
        in_hand=tuple(InHand(request_id=name, expires_at=at) for name, at in held),
        case=None if request_id is None else _place(model, request_id, now),
    )


def _sizes(model: Looking, workflows: Iterable[str], now: int) -> Iterable[WorkflowQueue]:
    for name in workflows:
        yield WorkflowQueue(
            workflow=name,
            human=model.queue_sizes(name, CaseStage.HUMAN),
            expert=model.queue_sizes(name, CaseStage.EXPERT),
            oldest_age_ms=model.oldest_age(name, now=now),
        )


def _place(model: Looking, request_id: str, now: int) -> PlaceInQueue | None:
    found = model.queue_position(request_id)
    if found is None:
        return None
    wait = model.estimated_wait(request_id, now=now)
    return PlaceInQueue(
        request_id=request_id, position=found.position, ahead=found.ahead, estimated_wait_ms=wait
    )
