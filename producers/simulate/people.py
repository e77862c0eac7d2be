"""Simulated reviewers and experts: what each announcement is answered, decided by hash and never by chance. Pure."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Protocol

from msgspec import Meta

from schemas.events import ExpertReviewRequested, ReviewDecided, ReviewRequested
from schemas.ids import derive_id
from schemas.values import Coordinates

REVIEWER: Final = "simulated-reviewer"  # nobody must ever take their answers for a person's
EXPERT: Final = "simulated-expert"
ESCALATE: Final = "escalate"
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]
Announcement = ReviewRequested | ExpertReviewRequested


class Panel(StrEnum):
    """How many people's answers go into one."""

    ONE = "one"
    THREE = "three"
    ALL = "all"


class Votes(Protocol):
    """Recorded answers of people."""

    def answer(self, request_id: str, panel: Panel, *, seed: int, turn: int = 0) -> str | None:
        """`approve` or `reject`, or None for a request that nobody ever answered; each `turn` is another person's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How the simulated people behave; shares between 0 and 1, times in seconds."""

    seed: int = 1
    reviewers: Count = 5
    experts: Count = 2
    escalate_share: Share = 0.03
    error_rate: Share = 0.0  # of all answers, turned round on top of what was recorded
    loan_error_rate: Share = 0.05  # of one person about a loan; assumed, for only the outcomes of loans are recorded
    think_seconds: Seconds = 0.0  # mean time from reading an announcement to answering it
    confidence: Share = 0.9  # what they say of themselves; nothing is known about the recorded people's


def draw(crowd: Crowd, purpose: str, announcement: Announcement) -> float:
    """A number in [0, 1) that depends on the seed, the purpose, the request and its revision, and nothing else."""
    cause = "\x1f".join((str(crowd.seed), purpose, announcement.request_id, str(announcement.revision)))
    return int.from_bytes(hashlib.sha256(cause.encode(errors="surrogatepass")).digest()[:7], "big") / (1 << 56)


def answer(
    announcement: Announcement, review: Coordinates, votes: Votes, crowd: Crowd, *, turn: int = 0
) -> ReviewDecided | None:
    """What the simulated people answer to the announcement at `review`; None when nobody ever answered that request.

    An ordinary review gets one recorded vote, a blind one (it shows no recommendation) the majority of three, an
    expert's the majority of all; a share of the reviews is passed on to the experts. Where several people are asked,
    each `turn` is another one.
    """
    action = votes.answer(announcement.request_id, panel_of(announcement), seed=crowd.seed, turn=turn)
    if action is None:
        return None
    is_expert = isinstance(announcement, ExpertReviewRequested)
    if not is_expert and draw(crowd, _of_turn("escalate", turn), announcement) < crowd.escalate_share:
        action = ESCALATE
    elif draw(crowd, _of_turn("error", turn), announcement) < crowd.error_rate:
        action = "reject" if action == "approve" else "approve"
    name, count = (EXPERT, crowd.experts) if is_expert else (REVIEWER, crowd.reviewers)
    person = f"{name}-{1 + _person(announcement, crowd, turn) % count}"
    if isinstance(announcement, ExpertReviewRequested) and person in _before(announcement):
        person = f"{name}-{count + 1}"  # whoever took part may not judge it anew: another one does
    return ReviewDecided(
        decision_id=derive_id("simulated", announcement.request_id, announcement.revision, turn),
        request_id=announcement.request_id,
        review=review,
        reviewer_id=person,
        action=action,
        confidence=crowd.confidence,
        feedback="simulated from what was recorded",
    )


def _of_turn(purpose: str, turn: int) -> str:
    return f"{purpose}-{turn}" if turn else purpose


def _person(announcement: Announcement, crowd: Crowd, turn: int) -> int:
    """Another one each turn and each revision: whoever took part does not answer again."""
    cause = f"{crowd.seed}\x1fperson\x1f{announcement.request_id}".encode(errors="surrogatepass")
    first = int.from_bytes(hashlib.sha256(cause).digest()[:7], "big")
    return first + announcement.revision + turn


def _before(announcement: ExpertReviewRequested) -> set[str | None]:
    standing = announcement.standing
    return {answer.reviewer_id for answer in announcement.answers} | {standing.reviewer_id if standing else None}


def panel_of(announcement: Announcement) -> Panel:
    """Whose answers make this one."""
    if isinstance(announcement, ExpertReviewRequested):
        return Panel.ALL
    return Panel.THREE if announcement.recommendation is None else Panel.ONE


def thinking_time(announcement: Announcement, crowd: Crowd) -> float:
    """Seconds between half and one and a half times the mean."""
    return crowd.think_seconds * (0.5 + draw(crowd, "think", announcement))
