"""What the log tells of people: answers to gold questions, overlapping answers, and draws that tell of nobody."""

from collections.abc import Iterable
from typing import Final

from infra.kafka.stage import Message
from schemas.events import AuditDrawn, Event, GoldAnswered, OverlapAnswered
from schemas.topics import AUDITS
from schemas.values import Coordinates, SampleKind, Split
from tests.support.learning import NOW, message

CAUSE: Final = Coordinates(topic="review-decisions", partition=1, offset=7)
POSTS: Final = "posts"


def gold(number: int, label: str = "approve", *, who: str = "anna", question: str | None = None) -> GoldAnswered:
    """An answer to a question whose right answer is `approve`."""
    return GoldAnswered(
        event_id=f"gold-answered:{number}", request_id=f"r{number}", workflow=POSTS, reviewer_id=who,
        gold_id=question or f"g{number}", label=label, right_label="approve", agrees=label == "approve",
        confidence=1.0, cause=CAUSE, answered_at=NOW,
    )  # fmt: skip


def overlap(
    request_id: str, who: str, label: str = "approve", *, resolved: str | None = "approve", position: int = 1
) -> OverlapAnswered:
    """One of several answers to the same request."""
    return OverlapAnswered(
        event_id=f"overlap-answered:{request_id}:0:{position}", request_id=request_id, workflow=POSTS, reviewer_id=who,
        label=label, position=position, resolved_label=resolved, blind=True, cause=CAUSE, answered_at=NOW,
    )  # fmt: skip


def drawn() -> AuditDrawn:
    """Chance drew an audit."""
    return AuditDrawn(
        event_id="audit", request_id="r", workflow=POSTS, kind=SampleKind.AUDIT, inclusion_probability=0.1,
        split=Split.TRAIN, request=CAUSE, policy_version=1, cause=CAUSE, drawn_at=NOW,
    )  # fmt: skip


def log_of(events: Iterable[Event]) -> list[Message]:
    """The events as they lie in `audits`."""
    return [message(AUDITS.name, event, offset=n, timestamp=NOW + n) for n, event in enumerate(events)]
