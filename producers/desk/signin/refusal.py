"""Why nobody was signed in, or why something is not done for whoever is."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from infra.http.problems import Problem


class Reason(StrEnum):
    """Every reason, for machines: in the problem, in the log, in the metrics."""

    BAD_LINK = "bad_link"  # unknown, used, or too old
    NOT_LOCAL = "not_local"  # a link counts on this machine only
    FOREIGN_STATE = "foreign_state"  # an answer to a sign-in that this browser did not begin, or that was answered
    PROVIDER_REFUSED = "provider_refused"
    PROVIDER_AWAY = "provider_away"
    BAD_CODE = "bad_code"  # the provider does not take the code: used before, too old, not ours
    BAD_TOKEN = "bad_token"  # signature, algorithm or form of the id token
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WRONG_NONCE = "wrong_nonce"
    BAD_CLAIMS = "bad_claims"
    MISSING_ROLE = "missing_role"
    TOO_OFTEN = "too_often"
    NO_SESSION = "no_session"
    FOREIGN_ORIGIN = "foreign_origin"
    BAD_CSRF = "bad_csrf"
    WRONG_HOST = "wrong_host"
    SESSIONS_AWAY = "sessions_away"  # nobody can say who is signed in


STATUS: Final[Mapping[Reason, int]] = {
    Reason.PROVIDER_AWAY: 503,
    Reason.SESSIONS_AWAY: 503,
    Reason.TOO_OFTEN: 429,
    Reason.WRONG_HOST: 421,
    Reason.NO_SESSION: 401,
    Reason.MISSING_ROLE: 403,
    Reason.NOT_LOCAL: 403,
    Reason.FOREIGN_ORIGIN: 403,
    Reason.BAD_CSRF: 403,
}  # of all others 400: the browser brought something that cannot be used


class SignInRefused(Problem):
    """Told as a page to people and as a problem to machines; `detail` says what to do."""

    def __init__(
        self, why: Reason, detail: str, *, retry_seconds: float | None = None, reviewer_id: str = ""
    ) -> None:
        """`reviewer_id`: whom it concerns, where the provider has vouched for that."""
        sentence = detail[0].upper() + detail[1:] + ("" if detail.endswith(".") else ".")
        super().__init__(STATUS.get(why, 400), sentence, reason=why.value, retry_seconds=retry_seconds)
        self.why, self.reviewer_id = why, reviewer_id
