"""Why an answer is not accepted, in a closed set of words and in sentences that say what to do."""

from enum import StrEnum
from typing import Final, NamedTuple

from infra.kafka.partitioner import partition_of
from infra.kafka.stage import Message
from schemas.events import CaseActionRequested, ReviewDecided
from schemas.topics import EXPERT, REVIEW
from schemas.values import CaseStage, CaseStatus, Coordinates
from streams.casework.case import Case

ANNOUNCING: Final = frozenset({EXPERT.name, *(topic.name for topic in REVIEW.values())})
QUOTED: Final = 100  # characters of a foreign text that a detail repeats


class Refusal(StrEnum):
    """Every reason for which an answer or a command can be refused."""

    WRONG_KEY = "wrong_key"
    WRONG_PARTITION = "wrong_partition"
    IMPOSSIBLE_COORDINATES = "impossible_coordinates"
    UNKNOWN_CASE = "unknown_case"
    FINISHED = "finished"
    SUPERSEDED = "superseded"
    OTHER_REVIEW = "other_review"
    BAD_VALUE = "bad_value"
    NO_RECOMMENDATION = "no_recommendation"
    NOT_ALLOWED = "not_allowed"
    SAME_PERSON = "same_person"
    ALREADY_LEASED = "already_leased"
    NOT_OWNER = "not_owner"
    STALE_LEASE = "stale_lease"
    ON_HOLD = "on_hold"
    ANSWER_PENDING = "answer_pending"
    TOO_LATE = "too_late"
    MISSING_SKILL = "missing_skill"
    MISSING_ROLE = "missing_role"
    NOT_ENROLLED = "not_enrolled"
    NOT_ACTIVE = "not_active"
    NOT_QUALIFIED = "not_qualified"
    SELF_APPEAL = "self_appeal"
    OUT_OF_SCOPE = "out_of_scope"


class Refused(NamedTuple):
    """A refusal: the reason for machines (a `Refusal` or `NotVouched`), a sentence for people, the high watermark where
    it is the proof."""

    reason: StrEnum
    detail: str
    watermark: int | None = None


def wrong_key(message: Message, written: ReviewDecided | CaseActionRequested) -> Refused | None:
    """Refuses a record that is not keyed by its request id."""
    if message.key == written.request_id.encode():
        return None
    return Refused(Refusal.WRONG_KEY, f"the record's key is {quote(message.key)}: write it with its request id as key")


def wrong_partition(message: Message, partitions: int) -> Refused | None:
    """Refuses a record that lies where its key does not belong, and so does not meet its case."""
    right = partition_of(message.key, partitions)
    if message.partition == right:
        return None
    return Refused(
        Refusal.WRONG_PARTITION,
        f"written to partition {message.partition}, where the key belongs to {right}: use the partitioner "
        "murmur2_random (the default of Java and kafkajs; librdkafka needs partitioner=murmur2_random)",
    )


def impossible_review(review: Coordinates, partition: int) -> Refused | None:
    """Refuses coordinates at which no announcement to this partition's people can ever lie."""
    if review.topic in ANNOUNCING and review.partition == partition and review.offset >= 0:
        return None
    return Refused(
        Refusal.IMPOSSIBLE_COORDINATES,
        f"{place(review)} is no announcement of this request: name topic, partition and offset of the record "
        "that you answer, as your consumer read it from a review topic or the expert topic",
    )


def beyond_the_log(review: Coordinates, watermark: int) -> Refused:
    """Refuses coordinates that the log has not reached."""
    return Refused(
        Refusal.IMPOSSIBLE_COORDINATES,
        f"{place(review)} is beyond the end of the log ({watermark}): name the coordinates of a record that was read",
        watermark,
    )


def not_open(case: Case | None) -> Refused | None:
    """Refuses whatever concerns a case that is unknown or finished."""
    if case is None:
        return Refused(Refusal.UNKNOWN_CASE, "no case is open for this request: check the request id that you answer")
    if case.status is CaseStatus.CLOSED:
        by = f" by {case.closed_by}" if case.closed_by else ""
        return Refused(Refusal.FINISHED, f"the case was finished{by}: take the next one, this answer is not needed")
    return None


def other_review(case: Case, review: Coordinates) -> Refused | None:
    """Refuses coordinates at which the case is not announced, or no longer."""
    if review == case.review:
        return None
    if case.review is not None and (case.revision == 1 or review.topic == case.review.topic):
        return Refused(
            Refusal.OTHER_REVIEW,
            f"{place(review)} does not announce this case: answer the announcement at {place(case.review)}",
        )
    if case.stage is CaseStage.EXPERT:
        said = f"an expert (revision {case.revision}): an expert answers its announcement on {EXPERT.name}"
    else:
        said = f"{REVIEW[case.priority].name} (revision {case.revision}): answer its announcement there"
    return Refused(Refusal.SUPERSEDED, f"the case went on to {said}")


def place(coordinates: Coordinates) -> str:
    """Coordinates as people read them."""
    return f"{quote(coordinates.topic)}[{coordinates.partition}]@{coordinates.offset}"


def quote(text: str | bytes) -> str:
    """A foreign text, cut and escaped, as far as it helps to find the mistake."""
    shown = text[: QUOTED * 4].decode(errors="replace") if isinstance(text, bytes) else text
    return repr(shown[:QUOTED])
