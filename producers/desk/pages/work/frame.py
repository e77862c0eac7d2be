"""What stands around a case: which answers there are, each with its key, and what the script must know of it. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from producers.desk.presenting import CaseShown
from schemas.values import CaseStage

GRACE_SECONDS: Final = 10.0  # for which an answer can be taken back
MOST_KEYS: Final = 9  # labels that have a digit
WORDS: Final[Mapping[str, str]] = {
    "approve": "Approve", "reject": "Reject", "escalate": "Send to an expert", "mark_wrong": "Recommendation is wrong",
}  # fmt: skip
DONE: Final[Mapping[str, str]] = {
    "approve": "Approved", "reject": "Rejected", "escalate": "Sent to an expert",
    "mark_wrong": "Marked the recommendation as wrong",
}  # fmt: skip
TONES: Final[Mapping[str, str]] = {"approve": "good", "reject": "bad"}


class Choice(NamedTuple):
    """One answer: what is posted, the name of its key, what stands on its button, and what is told when it is given."""

    action: str
    label: str | None
    key: str | None
    text: str
    detail: str
    said: str
    tone: str


class Frame(NamedTuple):
    """All that the page needs of a case beside its content. Times in milliseconds since the epoch."""

    request_id: str
    review: str  # as JSON
    lease: int | None
    until: int | None
    is_expert: bool
    answers: tuple[Choice, ...]
    passing: tuple[Choice, ...]  # answers that leave it to others


def frame_of(case: CaseShown) -> Frame:
    """Nothing but what the person may know: cases look alike, whyever people are asked."""
    return Frame(
        request_id=case.request_id,
        review=msgspec.json.encode(case.review).decode(),
        lease=case.lease,
        until=case.until,
        is_expert=case.stage is CaseStage.EXPERT,
        answers=tuple(_answers(case)),
        passing=tuple(_named(action) for action in ("escalate", "mark_wrong") if action in case.actions),
    )


def _answers(case: CaseShown) -> Iterator[Choice]:
    """Approve and reject of two classes; of more, each class by its name, with digits for keys."""
    if "label" in case.actions:
        for number, label in enumerate(case.classes, start=1):
            key = f"label_{number}" if number <= MOST_KEYS else None
            detail = "approves" if label == case.approving_class else ""
            yield Choice("label", label, key, label, detail, f"Answered “{label}”", "")
        return
    for action in ("approve", "reject"):
        approves = action == "approve"
        means = next((each for each in case.classes if (each == case.approving_class) is approves), "")
        yield _named(action, detail="" if means == action else means)


def _named(action: str, *, detail: str = "") -> Choice:
    return Choice(action, None, action, WORDS[action], detail, DONE[action], TONES.get(action, ""))
