"""What casework refuses, and what cannot be asked now, as HTTP says it. Reason and detail stay casework's own."""

from collections.abc import Mapping
from typing import Final

from infra.errors import HitlError
from infra.http.problems import Problem
from infra.kafka.acknowledging import NotAcknowledged, TooMuchUnderWay
from infra.redis.errors import RecordUnreadable, RedisRefused, RedisUnavailable
from producers.desk.asking import NotJudged
from producers.desk.next import NotRuled
from streams.casework.identity import NotVouched
from streams.casework.refusal import Refusal
from streams.workflow.policies import WorkflowUnknown

RETRY: Final = 2.0  # seconds
CHALLENGE: Final = 'Bearer realm="hitl"'
STATUSES: Final[Mapping[str, int]] = {
    **dict.fromkeys(NotVouched, 401),
    Refusal.WRONG_KEY: 422,
    Refusal.WRONG_PARTITION: 422,
    Refusal.IMPOSSIBLE_COORDINATES: 422,
    Refusal.UNKNOWN_CASE: 404,
    Refusal.FINISHED: 409,
    Refusal.SUPERSEDED: 409,
    Refusal.OTHER_REVIEW: 409,
    Refusal.BAD_VALUE: 422,
    Refusal.NO_RECOMMENDATION: 422,
    Refusal.NOT_ALLOWED: 409,
    Refusal.SAME_PERSON: 403,
    Refusal.ALREADY_LEASED: 409,
    Refusal.NOT_OWNER: 409,
    Refusal.STALE_LEASE: 409,
    Refusal.ON_HOLD: 409,
    Refusal.ANSWER_PENDING: 409,
    Refusal.TOO_LATE: 409,
    Refusal.MISSING_SKILL: 403,
    Refusal.MISSING_ROLE: 403,
    Refusal.NOT_ENROLLED: 403,
    Refusal.NOT_ACTIVE: 403,
    Refusal.NOT_QUALIFIED: 403,
    Refusal.SELF_APPEAL: 403,
    Refusal.OUT_OF_SCOPE: 403,
}


def refused(reason: str, detail: str) -> Problem:
    """Casework's refusal. One that is not known here is told as a conflict."""
    status = STATUSES.get(reason, 409)
    challenge = f'{CHALLENGE}, error="invalid_token"' if status == 401 else None
    return Problem(status, detail, reason=reason, challenge=challenge)


def not_served(error: HitlError) -> Problem:
    """What stands in the way now, whether it may be in the log, and that it may be repeated."""
    match error:
        case WorkflowUnknown():
            return Problem(422, str(error), reason="unknown_workflow")
        case NotJudged() | NotRuled():
            detail = (
                "Casework has not answered in time, and it may be in the log: see whether casework runs "
                "(`hitl status`), and ask again under the same id; what you hold is in /v1/queue."
            )
            return Problem(503, detail, reason="not_judged", retry_seconds=RETRY)
        case NotAcknowledged():
            detail = f"The brokers did not acknowledge it, so it may or may not count ({error}) Repeat it, same id."
            return Problem(503, detail, reason="not_acknowledged", retry_seconds=RETRY)
        case TooMuchUnderWay():
            detail = "Nothing was written: the brokers have not acknowledged what came before. Repeat it, same id."
            return Problem(503, detail, reason="too_much_under_way", retry_seconds=RETRY)
        case RedisUnavailable() | RedisRefused() | RecordUnreadable():
            detail = f"The view of the cases cannot be asked now: {error} Nothing is lost; repeat it."
            return Problem(503, detail, reason="read_model", retry_seconds=RETRY)
    return Problem(503, f"The log cannot be used now: {error} Repeat it, same id.", reason="log_unavailable",
                   retry_seconds=RETRY)  # fmt: skip
