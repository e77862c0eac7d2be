"""A sign-in that has begun: what the desk remembers until the provider sends the person back."""

import hmac
from collections.abc import Callable
from typing import Final

import msgspec

from infra.redis.keeping import Keeping
from producers.desk.signin.secret import digest_of, is_secret

KEEP: Final = 10 * 60_000  # milliseconds in which somebody must have signed in at the provider


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """Kept here and never sent, but for nonce and the verifier's hash; `browser` is the digest of a cookie."""

    nonce: str
    verifier: str
    browser: str
    after: str


_begun = msgspec.json.Decoder(Begun)


class Beginnings:
    """Each is answered once. `new_secret` as in `secret`."""

    def __init__(self, keeping: Keeping, *, new_secret: Callable[[], str]) -> None:
        self._keeping, self._new_secret = keeping, new_secret

    def begin(self, *, browser: str, after: str) -> tuple[str, Begun]:
        """The state for the provider, and what is kept under it."""
        state = self._new_secret()
        begun = Begun(nonce=self._new_secret(), verifier=self._new_secret(), browser=digest_of(browser), after=after)
        self._keeping.put(_name(state), msgspec.json.encode(begun), keep_ms=KEEP)
        return state, begun

    def answered(self, state: str | None, *, browser: str | None) -> Begun | None:
        """What was begun under this state by this browser; from then on the state is worth nothing.

        A state that another browser has begun is not used up by the attempt.
        """
        if state is None or not is_secret(state) or browser is None:
            return None
        (there,) = self._keeping.get([_name(state)])
        if there is None or not hmac.compare_digest(_begun.decode(there).browser, digest_of(browser)):
            return None
        taken = self._keeping.take(_name(state))
        return None if taken is None else _begun.decode(taken)


def _name(state: str) -> str:
    return f"begun:{digest_of(state)}"
