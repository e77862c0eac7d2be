"""Who answers: whether a signed token vouches for the reviewer id of a record, by the keys on the topic `identities`.

A pure verdict: token, keys and the record's time in, an identity or a refusal out; no clock, so that it replays. While
no key is in force identity is off, and a reviewer id is taken as it stands.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from streams.casework.jws import ALGORITHM, Jws, is_signed, read
from streams.casework.refusal import quote
from streams.casework.signing_keys import Identities, is_identity_on

LONGEST_TOKEN: Final = 4_096  # characters; a decision carries one, and it stays in the log for ever
LEEWAY: Final = 60_000  # milliseconds by which the issuer's clock may be ahead of the brokers'
REMEMBERED: Final = 4_096  # tokens: a check of Ed25519 costs 0.1 ms, and a person sends the same token for an hour
LAST_SECOND: Final = 253_402_300_799  # of the year 9999
Seconds = Annotated[int, Meta(ge=0, le=LAST_SECOND)]  # since the epoch (NumericDate of RFC 7519)
Name = Annotated[str, Meta(min_length=1)]


class Role(StrEnum):
    """What a person may be to a case."""

    REVIEWER = "reviewer"
    EXPERT = "expert"
    LEAD = "lead"


class Scope(StrEnum):
    """What a token lets its app do about cases. Looking needs none; no scope gives more than the person may."""

    WORK = "work"  # take a case, keep it, set it aside, give it back, note something
    DECIDE = "decide"


class NotVouched(StrEnum):
    """Every reason for which a reviewer id is not believed."""

    MISSING_TOKEN = "missing_token"
    TOO_LONG = "token_too_long"
    MALFORMED = "malformed_token"
    WRONG_ALGORITHM = "wrong_algorithm"
    UNKNOWN_KEY = "unknown_key"
    RETIRED_KEY = "retired_key"
    BAD_SIGNATURE = "bad_signature"
    OTHER_INSTALLATION = "other_installation"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired_token"
    REVOKED = "revoked_token"
    WRONG_PERSON = "wrong_person"


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token says (RFC 7519): of whom, from when until when, and `app`, which app or service asked for it.

    `scopes` None: all; `workflows` empty: all.
    """

    iss: str
    sub: Name
    iat: Seconds
    exp: Seconds
    jti: Name
    app: str = ""
    roles: tuple[Role, ...] = ()
    skills: tuple[str, ...] = ()
    scopes: tuple[Scope, ...] | None = None
    workflows: tuple[str, ...] = ()
    nbf: Seconds | None = None


class Identity(NamedTuple):
    """A person as far as it is known: `claims` when a token vouches, None while identity is off."""

    reviewer_id: str
    claims: Claims | None = None

    def may_act_as(self, role: Role) -> bool:
        """Whether nothing forbids the role: while identity is off, nobody says what a person may be."""
        return self.claims is None or role in self.claims.roles


class Refused(NamedTuple):
    """A refusal: the reason for machines, a sentence for people."""

    reason: NotVouched
    detail: str


def issuer(topic_prefix: str) -> str:
    """The `iss` of an installation's tokens: the topic on which its public keys are found.

    >>> issuer("hitl.")
    'hitl.identities'
    """
    return f"{topic_prefix}identities"


def identify(
    token: str | None, reviewer_id: str, identities: Identities, *, at: int, installation: str
) -> Identity | Refused:
    """Who wrote a record with this reviewer id and token, or why that is not believed.

    `at` is the record's append time in milliseconds, by which every term is judged; `installation` is `issuer(prefix)`.
    The same arguments give the same verdict for ever.
    """
    if not is_identity_on(identities, at=at):
        return Identity(reviewer_id)
    claims = _claims(token or "", identities, at=at)
    if isinstance(claims, Refused):
        return claims
    refused = _not_in_term(claims, at) or _not_for(claims, reviewer_id, installation)
    return refused or Identity(reviewer_id, claims)


def _claims(token: str, identities: Identities, *, at: int) -> Claims | Refused:
    """What a token says, when it is signed by a key in force and not revoked."""
    if not token:
        return _refused(NotVouched.MISSING_TOKEN)
    if len(token) > LONGEST_TOKEN:
        return Refused(NotVouched.TOO_LONG, f"the token has {len(token):,} characters of {LONGEST_TOKEN:,}: {GET_NEW}")
    jws = _read(token)
    if jws is None:
        return _refused(NotVouched.MALFORMED)
    if jws.header.alg != ALGORITHM:
        said = f"the token is signed by {quote(jws.header.alg)}, and only {ALGORITHM} (Ed25519) counts: {GET_NEW}"
        return Refused(NotVouched.WRONG_ALGORITHM, said)
    key = identities.get(jws.header.kid)
    if key is None or key.since > at + LEEWAY:
        return Refused(NotVouched.UNKNOWN_KEY, f"no key {quote(jws.header.kid)} is published here: {GET_NEW}")
    if key.is_retired(at):
        return Refused(NotVouched.RETIRED_KEY, f"the key {quote(jws.header.kid)} is retired: {GET_NEW}")
    claims = _vouched(jws, key.public_key)
    if isinstance(claims, Claims) and (revoked := key.revoked.get(claims.jti)) is not None and revoked <= at:
        return Refused(NotVouched.REVOKED, f"the token {quote(claims.jti)} is revoked: {GET_NEW}")
    return _refused(claims) if isinstance(claims, NotVouched) else claims


def _not_in_term(claims: Claims, at: int) -> Refused | None:
    begins = max(claims.iat, claims.nbf or 0)
    if at < begins * 1_000 - LEEWAY:
        said = f"the token is good from {_moment(begins)} on, and the record is of {_moment(at // 1_000)}"
        return Refused(NotVouched.NOT_YET_VALID, f"{said}: set the clock of whoever issued it, then get a new one")
    if at >= claims.exp * 1_000:
        return Refused(NotVouched.EXPIRED, f"the token was good until {_moment(claims.exp)}: {GET_NEW}")
    return None


def _not_for(claims: Claims, reviewer_id: str, installation: str) -> Refused | None:
    if claims.iss != installation:
        said = f"the token is for {quote(claims.iss)}, and this is {installation}: {GET_NEW}"
        return Refused(NotVouched.OTHER_INSTALLATION, said)
    if claims.sub != reviewer_id:
        said = f"the token is {quote(claims.sub)}'s, and the record names {quote(reviewer_id)}"
        return Refused(NotVouched.WRONG_PERSON, f"{said}: send the token of whoever answers")
    return None


@lru_cache(maxsize=REMEMBERED)
def _read(token: str) -> Jws | None:
    return read(token)


@lru_cache(maxsize=REMEMBERED)
def _vouched(jws: Jws, public_key: bytes) -> Claims | NotVouched:
    if not is_signed(jws, public_key):
        return NotVouched.BAD_SIGNATURE
    try:
        return msgspec.json.decode(jws.payload, type=Claims)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NotVouched.MALFORMED


GET_NEW: Final = "get a new one from the gateway of this installation (POST /v1/reviewer-tokens)"
_SENTENCES: Final[Mapping[NotVouched, str]] = {
    NotVouched.MISSING_TOKEN: "identity is on here, and the record carries no token: get one for its person from the "
    "gateway (POST /v1/reviewer-tokens) and send it in the field `token`",
    NotVouched.MALFORMED: "the token is no JWT as the gateway issues them: send it whole and unchanged, as it came",
    NotVouched.BAD_SIGNATURE: "the signature of the token is not of the key that it names: send it whole and "
    "unchanged, as the gateway issued it",
}


def _refused(reason: NotVouched) -> Refused:
    return Refused(reason, _SENTENCES[reason])


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
