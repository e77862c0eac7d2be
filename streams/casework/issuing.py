"""Tokens for people: what may be asked for, and what is signed. Pure; times in milliseconds unless they say seconds."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from infra.errors import HitlError
from streams.casework.identity import LONGEST_TOKEN, Claims, Role, Scope, issuer
from streams.casework.jws import SigningKey
from streams.casework.signing_keys import Identities, is_identity_on

DEFAULT_TERM: Final = 3_600  # seconds
LONGEST_TERM: Final = 12 * 3_600  # seconds: a shift; who holds a token is that person until it expires
MOST_SKILLS: Final = 64
MOST_WORKFLOWS: Final = 16
Skill = Annotated[str, Meta(min_length=1, max_length=100)]
Workflow = Annotated[str, Meta(min_length=1, max_length=100)]
ReviewerId = Annotated[str, Meta(min_length=1, max_length=200, description="the person, as a pseudonym")]
Term = Annotated[int, Meta(ge=1, le=LONGEST_TERM, description="seconds for which it is good")]


class IdentityOff(HitlError):
    """Identity is off here: answers need no token; `hitl identity enable` turns it on."""


class NoSigningKey(HitlError):
    """Whoever runs this must put the private half of a key in force into the file of HITL_IDENTITY_KEY_FILE."""


class TokenTooLong(HitlError):
    """A token must fit into an answer: name fewer or shorter skills and workflows."""


class TokenAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's token that an app or service asks for, once it has seen for itself who the person is."""

    reviewer_id: ReviewerId
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=len(Role))] = (Role.REVIEWER,)
    skills: Annotated[tuple[Skill, ...], Meta(max_length=MOST_SKILLS, description="as workflows name them")] = ()
    scopes: Annotated[
        tuple[Scope, ...] | None,
        Meta(description="what its app may do about cases; an empty list: look only; null: all that the person may"),
    ] = None
    workflows: Annotated[
        tuple[Workflow, ...], Meta(max_length=MOST_WORKFLOWS, description="it counts in these only; none: in all")
    ] = ()
    seconds: Term = DEFAULT_TERM


class TokenIssued(msgspec.Struct, frozen=True, kw_only=True):
    """A token, for the field `token` of answers; `token_id` names it when it is to be revoked."""

    token: str
    token_id: str
    key_id: str
    reviewer_id: str
    expires_at: int


def issue(
    asked: TokenAsked, key: SigningKey, *, app: str, topic_prefix: str, now: int, token_id: str
) -> TokenIssued:
    """The token that is asked for; `app` is on record in it. Raises `TokenTooLong`."""
    seconds = now // 1_000
    claims = Claims(
        iss=issuer(topic_prefix),
        sub=asked.reviewer_id,
        iat=seconds,
        exp=seconds + asked.seconds,
        jti=token_id,
        app=app,
        roles=tuple(dict.fromkeys(asked.roles)),
        skills=tuple(dict.fromkeys(asked.skills)),
        scopes=None if asked.scopes is None else tuple(dict.fromkeys(asked.scopes)),
        workflows=tuple(dict.fromkeys(asked.workflows)),
    )
    token = key.sign(msgspec.json.encode(claims))
    if len(token) > LONGEST_TOKEN:
        raise TokenTooLong(f"the token has {len(token):,} characters of {LONGEST_TOKEN:,}. {TokenTooLong.__doc__}")
    return TokenIssued(
        token=token,
        token_id=token_id,
        key_id=key.key_id,
        reviewer_id=asked.reviewer_id,
        expires_at=claims.exp * 1_000,
    )


def key_to_sign_with(private: bytes | None, identities: Identities, *, now: int) -> SigningKey:
    """The key of the file, when what it signs is believed. Raises `IdentityOff`, `NoSigningKey`."""
    if not is_identity_on(identities, at=now):
        raise IdentityOff()
    if private is None:
        raise NoSigningKey(f"there is no key to sign with. {NoSigningKey.__doc__}")
    key = SigningKey(private)
    known = identities.get(key.key_id)
    if known is None or known.is_retired(now):
        raise NoSigningKey(f"the key {key.key_id} of the file is not in force. {NoSigningKey.__doc__}")
    return key
