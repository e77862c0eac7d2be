"""What comes at the pipeline from outside: requests of every kind, and people's answers with every mistake.

All of it is a function of seeds and names, so that a run can be repeated.
"""

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from infra.kafka.partitioner import partition_of
from schemas.codec import Codec
from schemas.events import DecisionRequested, ExpertReviewRequested, FeedbackRecorded, ReviewDecided, ReviewRequested
from schemas.topics import REQUESTS, REVIEW_DECISIONS
from schemas.values import Coordinates, FeedbackKind, FeedbackType, Payload, Split

CODEC = Codec.of_repository()
WORKFLOW = "posts"
GOOD = ("garden", "holiday", "music", "recipe", "sunset", "thanks")
BAD = ("awful", "fraud", "hate", "insult", "spam", "threat")
Announcement = ReviewRequested | ExpertReviewRequested


class Send(NamedTuple):
    """One record on its way into the log; without a partition, the partitioner of the key chooses."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None


def request(request_id: str, text: str, *, workflow: str = WORKFLOW, amount: float = 5.0) -> DecisionRequested:
    """A request about a text."""
    body = json.dumps({"text": text}).encode()
    return DecisionRequested(
        request_id=request_id, workflow=workflow, payload=Payload(body=body), attributes={"amount": amount}
    )


def asked(event: DecisionRequested) -> Send:
    """A request as a well-behaved sender writes it."""
    return Send(REQUESTS.name, event.request_id.encode(), CODEC.encode(event))


def text(random: Random, *, good: float) -> str:
    """Six words, each a good one with this probability."""
    return " ".join(random.choice(GOOD if random.random() < good else BAD) for _ in range(6))


def requests(seed: int, count: int, *, partitions: int, name: str = "r") -> Iterator[Send]:
    """`count` requests; some come twice, in conflict, in the wrong place, as poison, or for nobody's workflow."""
    random = Random(seed)
    for number in range(count):
        request_id = f"{name}{number}"
        said = text(random, good=random.choice((0, 0, 0.5, 1, 1)))
        event = request(request_id, said, amount=random.choice((5, 5, 20_000)))
        send = asked(event)
        yield send
        draw = random.random()
        if draw < 0.03:
            yield send
        elif draw < 0.05:
            yield asked(request(request_id, "other content"))
        elif draw < 0.06:
            yield Send(REQUESTS.name, request_id.encode(), b"\x00poison")
        elif draw < 0.07:
            right = partition_of(request_id.encode(), partitions)
            yield send._replace(partition=(right + 1) % partitions)
        elif draw < 0.08:
            yield asked(request(f"{request_id}-nobody", "?", workflow="nobody"))


def labels(count: int) -> Iterator[FeedbackRecorded]:
    """Imported answers that a first model can be fitted from."""
    random = Random(count)
    for number in range(count):
        label = ("reject", "approve")[number % 2]
        event = request(f"seed{number}", text(random, good=float(label == "approve")))
        body, fingerprint = CODEC.body(CODEC.encode(event))
        yield FeedbackRecorded(
            event_id=f"imported:{number}", request_id=event.request_id, workflow=WORKFLOW, kind=FeedbackKind.IMPORTED,
            type=FeedbackType.NONE, label=label, split=Split.TRAIN, reviewer_id="import", reviewer_confidence=1.0,
            weight=1.0, request_body=body, request_fingerprint=fingerprint, decided_at=0,
        )  # fmt: skip


def decision(
    request_id: str, review: Coordinates, action: str, *, name: str = "d", confidence: float = 0.9, note: str = "",
    who: str = "anna",
) -> Send:  # fmt: skip
    """An answer as a well-behaved app writes it."""
    event = ReviewDecided(
        decision_id=f"{name}:{request_id}"[:256], request_id=request_id, review=review, reviewer_id=who,
        action=action, confidence=confidence, feedback=note,
    )  # fmt: skip
    return Send(REVIEW_DECISIONS.name, request_id.encode(), CODEC.encode(event))


def answers(case: Announcement, review: Coordinates, *, partitions: int) -> Sequence[Send]:
    """What people write about one announcement: mostly one good answer, sometimes none, two, or a wrong one first."""
    random, name = Random(f"{case.request_id}/{case.revision}"), case.request_id
    if (draw := random.random()) < 0.05:
        return ()
    anew = isinstance(case, ExpertReviewRequested) and case.reopened_by is not None
    who = "boris" if anew else "anna"  # nobody judges their own decision
    good = decision(name, review, _opinion(case, random), name=f"good{case.revision}", who=who)
    if draw < 0.09:
        return good, good
    if draw < 0.12:
        return decision(name, review, "perhaps"), good
    if draw < 0.14:
        return good._replace(partition=(review.partition + 1) % partitions), good
    if draw < 0.16:
        far = Coordinates(topic=review.topic, partition=review.partition, offset=review.offset + 1_000_000)
        return decision(name, far, "approve"), good
    if draw < 0.18:
        return good._replace(value=b"\x00junk"), good
    return (good,)


def _opinion(case: Announcement, random: Random) -> str:
    if isinstance(case, ReviewRequested) and random.random() < 0.05:
        return "escalate"
    return "reject" if any(word.encode() in case.request_body for word in BAD) else "approve"
