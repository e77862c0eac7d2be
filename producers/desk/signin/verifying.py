"""Whether an id token may be believed (OpenID Connect Core 1.0, 3.1.3.7). Pure; times in seconds since the epoch."""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from authlib.oidc.core import CodeIDToken
from joserfc import errors, jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from producers.desk.signin.refusal import Reason, SignInRefused

LEEWAY: Final = 60  # seconds by which the provider's clock may differ from ours
LONGEST: Final = 32_768  # characters
# Signatures with a public key only: with HMAC whoever knows the client's secret could sign, and `none` is nobody.
ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
_WHAT: Final[Mapping[str, tuple[Reason, str]]] = {
    "iss": (Reason.WRONG_ISSUER, "the id token is of another issuer than HITL_OIDC_ISSUER"),
    "aud": (Reason.WRONG_AUDIENCE, "the id token is for another application than HITL_OIDC_CLIENT_ID"),
    "azp": (Reason.WRONG_AUDIENCE, "the id token was given to another application than HITL_OIDC_CLIENT_ID"),
    "nonce": (Reason.WRONG_NONCE, "the id token belongs to another sign-in"),
    "nbf": (Reason.NOT_YET_VALID, "the id token is not valid yet: the clocks of the provider and of the desk differ"),
    "iat": (Reason.NOT_YET_VALID, "the id token is of the future: the clocks of the provider and of the desk differ"),
}
AGAIN: Final = "sign in again; if that does not help, tell whoever runs the desk"


class KeyUnknown(Exception):
    """No key of this set is the one that the token names; the provider may have a new one."""


class Expected(NamedTuple):
    """What an id token must say to be an answer to our question."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str | None = None  # whose hash the token names, where it does


def verified(
    id_token: str, keys: KeySet, expected: Expected, *, algorithms: Collection[str], now: int
) -> Mapping[str, object]:
    """The claims of a token that is signed by one of the keys, is for us, of now, and answers our question.

    `algorithms`: what the provider says it signs with. Raises `SignInRefused`, `KeyUnknown`.
    """
    token = _signed(id_token, keys, sorted(ALGORITHMS.intersection(algorithms)))
    options = {"iss": {"value": expected.issuer}, "aud": {"value": expected.client_id}}
    params = {"nonce": expected.nonce, "client_id": expected.client_id, "access_token": expected.access_token}
    claims = CodeIDToken(token.claims, token.header, options, params)
    try:
        claims.validate(now=now, leeway=LEEWAY)
    except errors.ExpiredTokenError as error:
        said = "the id token has expired: the clocks of the provider and of the desk may differ"
        raise SignInRefused(Reason.EXPIRED, f"{said}; {AGAIN}") from error
    except errors.ClaimError as error:
        why, said = _WHAT.get(error.claim, (Reason.BAD_TOKEN, f"the id token's claim {error.claim} cannot be used"))
        raise SignInRefused(why, f"{said}; {AGAIN}") from error
    return dict(token.claims)


def _signed(id_token: str, keys: KeySet, algorithms: Collection[str]) -> jwt.Token:
    if len(id_token) > LONGEST:
        raise SignInRefused(Reason.BAD_TOKEN, f"the id token is longer than {LONGEST:,} characters; {AGAIN}")
    registry = JWSRegistry(algorithms=list(algorithms), strict_check_header=False)
    try:
        return jwt.decode(id_token, key=keys, registry=registry)
    except errors.InvalidKeyIdError as error:
        raise KeyUnknown(str(error)) from error
    except (errors.JoseError, ValueError) as error:
        said = "the id token is not signed as the provider says it signs"
        raise SignInRefused(Reason.BAD_TOKEN, f"{said} ({type(error).__name__}); {AGAIN}") from error
