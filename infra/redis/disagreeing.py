"""What the record of a finished request tells of people who disagree. Pure.

Nothing is told while anything about a request is open: an audit must not be known as one. A question whose answer is
known is nobody's decision, and never among them.
"""

from collections.abc import Iterator

from infra.redis.members import DisagreementRow, Over
from infra.redis.records import Decided, RequestRecord
from infra.redis.said import Said, Voice, in_time
from schemas.values import DecidedBy


def disagreement(request_id: str, record: RequestRecord) -> DisagreementRow | None:
    """What a finished request tells of people who disagree; None when they do not."""
    if record.decided is None or record.finished_at is None:
        return None
    answers = answers_in(record)
    over = tuple(_over(record, answers))
    if not over:
        return None
    labels = {each.label for each in answers}
    people = {each.reviewer_id for each in answers if each.reviewer_id is not None}
    return DisagreementRow(request_id=request_id, over=over, labels=tuple(sorted(labels)), people=tuple(sorted(people)))


def answers_in(record: RequestRecord) -> tuple[Said, ...]:
    """Everything that was answered, the model's own answer and the decisions included, in the order of time."""
    said = list(record.said)
    known = {(each.reviewer_id, each.label) for each in said if each.reviewer_id is not None}
    decided, amended = record.decided, record.amended
    if decided is not None and decided.by is not DecidedBy.AUTOMATION and _voice_of(decided) not in known:
        said.append(Said(voice=Voice.DECISION, at=decided.at, label=decided.label, reviewer_id=decided.reviewer_id))
    if amended is not None:
        said.append(Said(voice=Voice.AMENDED, at=amended.at, label=amended.label, reviewer_id=amended.reviewer_id))
    return tuple(sorted(said, key=in_time))


def _over(record: RequestRecord, answers: tuple[Said, ...]) -> Iterator[Over]:
    """In which ways they disagreed."""
    models = [each.label for each in answers if each.voice is Voice.MODEL]
    several = {each.label for each in answers if each.voice is Voice.ONE_OF_SEVERAL}
    if len(several) > 1:
        yield Over.SEVERAL
    if models and any(each.label != models[0] for each in answers if each.reviewer_id is not None):
        yield Over.MODEL
    if any(each.voice is Voice.VALIDATION for each in answers):
        yield Over.VALIDATION
    if record.amended is not None:
        yield Over.AMENDED
    elif any(each.voice is Voice.UPHELD for each in answers):
        yield Over.UPHELD


def _voice_of(decided: Decided) -> tuple[str | None, str]:
    return decided.reviewer_id, decided.label
