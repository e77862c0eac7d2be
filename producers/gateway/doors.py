"""Who comes in: the token and its scope, the rate, the kind and size of what is sent. Every refusal says what to do."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from starlette.requests import Request

from infra.http.bodies import MIB
from infra.http.limits import Bucket
from infra.http.problems import Problem
from infra.settings import is_loopback
from producers.gateway.tokens import ANYBODY, Scope, Token, owner_of

LARGEST_BODY: Final = MIB
LARGEST_BATCH: Final = 16 * MIB
LARGEST_ASKING: Final = MIB >> 4  # of who asks for a token
CHALLENGE: Final = 'Bearer realm="hitl"'


class Doors:
    """Knows the tokens and what each has left. Without tokens everybody may come in who calls this machine by name."""

    def __init__(self, tokens: Sequence[Token] | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens, self._clock = tokens, clock
        self._buckets = {t.name: Bucket(t.limit, clock()) for t in tokens or () if t.limit is not None}

    def admit(self, request: Request, scope: Scope) -> Token:
        """Whose request this is. Raises `Problem` 401, 403 or 421; `spend` is a step of its own."""
        if self._tokens is None:
            return self._anybody(request, scope)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            detail = "Send `Authorization: Bearer TOKEN`; whoever runs the gateway makes one by `hitl gateway token`."
            raise Problem(401, detail, reason="no_token", challenge=CHALLENGE)
        token = owner_of(given.strip(), self._tokens)
        if token is None:
            detail = "This token is not known here; ask whoever runs the gateway for a new one."
            raise Problem(401, detail, reason="unknown_token", challenge=f'{CHALLENGE}, error="invalid_token"')
        if scope not in token.scopes:
            detail = f"The token {token.name!r} lacks the scope {scope}; ask whoever runs the gateway to add it."
            challenge = f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'
            raise Problem(403, detail, reason="scope", challenge=challenge)
        return token

    def spend(self, token: Token, count: int = 1) -> None:
        """Raises a 429 `Problem` when the token asks more often than its rate."""
        bucket = self._buckets.get(token.name)
        seconds = None if bucket is None else bucket.take(count, now=self._clock())
        if seconds is not None:
            detail = f"The token {token.name!r} may ask {token.rate:g} times a second; wait as Retry-After says."
            raise Problem(429, detail, reason="rate", retry_seconds=seconds)

    def _anybody(self, request: Request, scope: Scope) -> Token:
        # A page in a browser on this machine could call us under a name of its own that leads here.
        host = request.headers.get("host", "").rpartition(":")
        name = host[0] if host[1] and host[2].isdigit() else "".join(host)
        if not is_loopback(name):
            detail = (
                "Without tokens the gateway answers to localhost only; call it so, or set HITL_GATEWAY_TOKENS_FILE."
            )
            raise Problem(421, detail, reason="host")
        if scope not in ANYBODY.scopes:
            detail = (
                f"{scope} needs an API token: `hitl gateway token NAME --scope {scope}` makes one, for the file of "
                "HITL_GATEWAY_TOKENS_FILE. Scripts on this machine may use `hitl identity issue`."
            )
            raise Problem(403, detail, reason="scope")
        return ANYBODY
