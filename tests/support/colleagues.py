"""People who work on cases with every command there is: they claim, forget, hand over, hesitate and get it wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from infra.kafka.log import Reader, TopicPartition
from schemas.events import (
    AnswerReceived,
    CaseActionRequested,
    CaseClosed,
    ExpertReviewRequested,
    GoldAdded,
    LeaseGranted,
    ReviewDecided,
    ReviewerEnrolled,
    ReviewRequested,
)
from schemas.topics import ASSIGNMENTS, EXPERT, REVIEW, REVIEW_COMMANDS, REVIEW_DECISIONS
from schemas.values import Coordinates
from tests.support.traffic import CODEC, Send

NAMES: Final = ("clara", "dora", "emil", "fritz")
COMMANDS: Final = (
    "claim", "claim", "claim", "renew", "release", "hold", "note", "hand_over", "return", "reprioritise", "undo",
)  # fmt: skip
SOON: Final = 400  # milliseconds


class Readable(Protocol):
    """A log, simulated or real."""

    def reader(self, starts: Mapping[TopicPartition, int]) -> Reader: ...


@dataclass(slots=True)
class Seen:
    """What they know of a case: where it was announced last, and the last lease they heard of."""

    request_id: str
    review: Coordinates
    classes: tuple[str, ...]
    holder: str = ""
    lease: int | None = None
    answerer: str = ""


class Colleagues:
    """Read announcements and assignments, and act on cases at random, at most `actions` times."""

    def __init__(self, log: Readable, random: Random, *, partitions: int, actions: int) -> None:
        self._random, self._left, self._made = random, actions, 0
        topics = (*(topic.name for topic in REVIEW.values()), EXPERT.name, ASSIGNMENTS.name)
        self._reader = log.reader({TopicPartition(t, p): 0 for t in topics for p in range(partitions)})
        self._seen: dict[str, Seen] = {}

    def act(self, now: int) -> Sequence[Send]:
        """What they write this time; `now` in milliseconds."""
        self._listen()
        if not self._seen or self._left <= 0 or self._random.random() < 0.3:
            return ()
        self._left -= 1
        case = self._random.choice(list(self._seen.values()))
        return self._decide(case) if self._random.random() < 0.45 else self._command(case, now)

    def _listen(self) -> None:
        for record in self._reader.read(200, 0):
            match CODEC.decode(record.value):
                case ReviewRequested() | ExpertReviewRequested() as asked:
                    where = Coordinates(topic=record.topic, partition=record.partition, offset=record.offset)
                    known = self._seen.get(asked.request_id)
                    if known is None:
                        self._seen[asked.request_id] = Seen(asked.request_id, where, asked.classes)
                    else:
                        known.review = where
                case LeaseGranted(request_id=name, reviewer_id=who, lease=lease) if name in self._seen:
                    self._seen[name].holder, self._seen[name].lease = who, lease
                case AnswerReceived(request_id=name, reviewer_id=who) if name in self._seen:
                    self._seen[name].answerer = who
                case CaseClosed(request_id=name) if self._random.random() < 0.8:
                    self._seen.pop(name, None)

    def _decide(self, case: Seen) -> Sequence[Send]:
        random = self._random
        owner = random.random() < 0.7 and bool(case.holder)
        self._made += 1
        action = random.choice(["approve", "reject", "approve", "reject", "escalate"])
        event = ReviewDecided(
            decision_id=f"c{self._made}",
            request_id=case.request_id,
            review=case.review,
            reviewer_id=case.holder if owner else random.choice(NAMES),
            action=action,
            confidence=random.choice([0.5, 0.9]),
            lease=case.lease if owner or random.random() < 0.2 else None,
            grace_seconds=random.choice([0.0, 0.0, 0.05, 0.3, 77.0]),
        )
        return (Send(REVIEW_DECISIONS.name, case.request_id.encode(), CODEC.encode(event)),)

    def _command(self, case: Seen, now: int) -> Sequence[Send]:
        random = self._random
        action = random.choice(COMMANDS) if random.random() < 0.95 else "dance"
        mine = random.random() < 0.7
        who = case.answerer if action == "undo" else "" if action == "claim" else case.holder
        self._made += 1
        event = CaseActionRequested(
            command_id=f"c{self._made}",
            request_id=case.request_id if random.random() < 0.97 else "nobody",
            reviewer_id=who if mine and who else random.choice(NAMES),
            action=action,
            lease=case.lease if action not in ("claim", "undo") and mine else None,
            review=case.review if action == "claim" and random.random() < 0.5 else None,
            resumes_at=now + random.choice([-5, SOON, 50 * SOON]),
            note="see above",
            to_reviewer=random.choice(NAMES),
            priority=random.choice(["urgent", "high", "normal", "low"]),
        )
        sent = Send(REVIEW_COMMANDS.name, event.request_id.encode(), CODEC.encode(event))
        if random.random() < 0.04:
            return sent, sent._replace(value=b"\x00junk")
        return (sent, sent) if random.random() < 0.1 else (sent,)


def enrolments() -> Sequence[tuple[str, bytes, bytes, int | None]]:
    """Three of them are enrolled: one as a reviewer only, one as everything, one set inactive."""
    roles = {"clara": ("reviewer",), "dora": ("reviewer", "expert", "lead"), "fritz": ("reviewer", "expert")}
    return [
        ("reviewers", name.encode(), CODEC.encode(
            ReviewerEnrolled(
                event_id=f"enrolled:{name}", reviewer_id=name, roles=held, active=name != "fritz",
                enrolled_by="simulation", enrolled_at=0,
            )
        ), None)
        for name, held in roles.items()
    ]  # fmt: skip


def gold(workflow: str, body: tuple[bytes, bytes], label: str) -> tuple[str, bytes, bytes, int | None]:
    """A question whose answer is known."""
    event = GoldAdded(
        event_id=f"gold:{workflow}:g1", workflow=workflow, gold_id="g1", request_body=body[0],
        request_fingerprint=body[1], label=label, added_by="simulation", added_at=0,
    )  # fmt: skip
    return "gold", workflow.encode(), CODEC.encode(event), None
