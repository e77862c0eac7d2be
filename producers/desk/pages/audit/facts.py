"""What an event says of why: versions, grounds, people and what was hidden from whom, as names and values. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from infra.cli.moments import moment
from schemas.events import (
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    DecisionValidated,
    Event,
    FeedbackRecorded,
    GoldAnswered,
    OverlapAnswered,
)
from schemas.values import Appeal, Coordinates, Grounds, Recommendation, StandingDecision

SHOWN_BYTES: Final = 16_384  # of the text of an event on a page; the download has all
SEALED: Final[tuple[type[Event], ...]] = (  # what those who review must not know
    AuditDrawn, AuditAnswered, AuditExpired, FeedbackRecorded, GoldAnswered, OverlapAnswered, DecisionValidated,
)  # fmt: skip
BODIES: Final = ("request_body", "decision_body", "original_value")  # stored records; they have events of their own
WITHHELD: Final = "withheld: whoever has it can act as this person"


class Fact(NamedTuple):
    """Something that an event says; a link where it leads elsewhere in the page."""

    name: str
    value: str


Say = Callable[[Any], str]


def facts_of(event: Event) -> list[Fact]:
    """What an event says of its grounds, in the order in which one asks."""
    plain = msgspec.structs.asdict(event)
    grounds = plain.pop("grounds", None)
    if isinstance(grounds, Grounds):
        plain |= msgspec.structs.asdict(grounds)
    return list(_facts(plain))


def is_sealed(event: Event) -> bool:
    """Whether reviewers must not know of it."""
    return isinstance(event, SEALED)


def who(event: Event) -> str:
    """The person or stage behind an event, as it says itself."""
    for name in ("reviewer_id", "expert_id", "handed_over_by", "filed_by", "stage", "source"):
        value = getattr(event, name, None)
        if isinstance(value, str) and value and not (name == "stage" and hasattr(event, "sequence")):
            return value
    answer = getattr(event, "answer", None)
    return str(getattr(answer, "reviewer_id", "") or "")


def shown_json(event: Event) -> str:
    """The event as people read JSON: bytes as sizes, no proof of who somebody is."""
    text = msgspec.json.format(msgspec.json.encode(readable(event)), indent=2).decode()
    return text if len(text) <= SHOWN_BYTES else text[:SHOWN_BYTES] + "\n… the download has the rest"


def readable(event: Event) -> dict[str, Any]:
    """The event without credentials, and with bytes as text or as their number."""
    return {name: _readable(name, value) for name, value in msgspec.structs.asdict(event).items()}


def without_credentials(plain: dict[str, Any]) -> dict[str, Any]:
    """A record as machines read it, without what proves who somebody is."""
    event = plain.get("event")
    if isinstance(event, dict) and event.get("token"):
        return plain | {"event": event | {"token": WITHHELD}}
    return plain


def at_text(at: Coordinates) -> str:
    """Where a record lies.

    >>> at_text(Coordinates(topic="outcomes", partition=3, offset=17))
    'outcomes[3]@17'
    """
    return f"{at.topic}[{at.partition}]@{at.offset}"


def share(value: float) -> str:
    """A probability with three digits.

    >>> share(0.93241)
    '0.932'
    """
    return f"{value:.3f}"


def _offsets(offsets: Mapping[str, int]) -> str:
    return ", ".join(f"{topic} {offset}" for topic, offset in sorted(offsets.items()))


def _words(words: Sequence[str]) -> str:
    return ", ".join(words)


def _recommended(value: Recommendation) -> str:
    return f"{value.label}, confidence {share(value.confidence)} ({value.level.lower()})"


def _standing(value: StandingDecision) -> str:
    return f"{value.outcome.value} ({value.label}) by {value.reviewer_id or value.decided_by.value}"


def _appeal(value: Appeal) -> str:
    return f"{value.appeal_id}, filed by {value.filed_by or 'somebody'}: {value.statement or 'no statement'}"


def _digest(value: str) -> str:
    return value[:16]


TOLD: Final[Mapping[str, tuple[str, Say]]] = {
    "source": ("Asked by", str),
    "subject_id": ("Subject", str),
    "reason": ("Reason", str),
    "detail": ("Detail", str),
    "label": ("Label", str),
    "previous_label": ("Label before", str),
    "confidence": ("Confidence", share),
    "level": ("Level", str),
    "entropy": ("Entropy", share),
    "margin": ("Margin", share),
    "model_label": ("Model's label", str),
    "model_digest": ("Model", _digest),
    "calibrator": ("Calibrator", str),
    "certificate": ("Certificate", str),
    "policy_version": ("Policy version", str),
    "policy_digest": ("Policy digest", _digest),
    "rule_hits": ("Rules that fired", _words),
    "risk_flags": ("Risk flags", _words),
    "risk_score": ("Risk score", share),
    "high_risk": ("High risk", lambda value: "yes" if value else "no"),
    "compliance": ("Compliance", lambda value: "yes" if value else "no"),
    "recommendation": ("Recommendation shown", _recommended),
    "priority": ("Priority", str),
    "skills": ("Skills asked for", _words),
    "due_at": ("Due", moment),
    "expires_at": ("Lease until", moment),
    "resumes_at": ("Set aside until", moment),
    "leaves_at": ("Can be taken back until", moment),
    "lease": ("Lease", str),
    "feedback": ("Feedback", str),
    "note": ("Note", str),
    "statement": ("Statement", str),
    "filed_by": ("Filed by", str),
    "reason_codes": ("Reason codes", _words),
    "kind": ("Kind of sample", str),
    "inclusion_probability": ("Probability of being drawn", lambda value: f"{value:g}"),
    "split": ("Used for", str),
    "blind": ("Answered blindly", lambda value: "yes" if value else "no"),
    "agrees": ("Agrees", lambda value: "yes" if value else "no"),
    "weight": ("Weight", lambda value: f"{value:g}"),
    "gold_id": ("Known question", str),
    "right_label": ("Right label", str),
    "standing": ("Decision that stands", _standing),
    "appeal": ("Appeal", _appeal),
    "reviewers": ("Answers of", _words),
    "revision": ("Revision", str),
    "sequence": ("Change of the case", str),
    "cause": ("Caused by", at_text),
    "origin": ("Original record", at_text),
    "review": ("Answers the announcement", at_text),
    "decision": ("Against the decision", at_text),
    "config_offsets": ("Configuration read up to", _offsets),
}  # fmt: skip
ALWAYS: Final = frozenset({"agrees"})  # said even when it is no


def _facts(plain: Mapping[str, Any]) -> Iterator[Fact]:
    for name, (title, say) in TOLD.items():
        value = plain.get(name)
        if value or (value is not None and name in ALWAYS):
            yield Fact(title, say(value))


def _readable(name: str, value: object) -> Any:
    if name == "token" and value:
        return WITHHELD
    if isinstance(value, bytes):
        return _bytes(name, value)
    if isinstance(value, msgspec.Struct):
        return {inner: _readable(inner, each) for inner, each in msgspec.structs.asdict(value).items()}
    if isinstance(value, tuple | list):
        return [_readable(name, each) for each in value]
    return value


def _bytes(name: str, value: bytes) -> str:
    if name in BODIES or name == "sealed" or name == "features":
        return f"{len(value):,} bytes"
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex() if len(value) <= 64 else f"{len(value):,} bytes"
    return text if text.isprintable() or name == "body" else value.hex()
