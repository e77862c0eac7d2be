"""What shows casework who answers: a short token of the person who has signed in, where identity is on.

The key that signs is the gateway's. Whoever runs the desk gives it the same file, as here; a deployment that keeps the
key with the gateway alone exchanges an app's token for a person's over HTTP (`POST /v1/reviewer-tokens`) behind the
same port.
"""

from collections.abc import Callable
from typing import Final, Protocol

from infra.secret_keys import identity_key
from infra.settings import Settings
from producers.desk.signin.person import Person
from producers.desk.signin.roles import at_cases
from streams.casework.issuing import IdentityOff, TokenAsked, TokenIssued, issue, key_to_sign_with
from streams.casework.signing_keys import Identities

APP: Final = "desk"  # on record in each token
TERM: Final = 600  # seconds; a person whose sessions were ended can do nothing with it, for no page ever shows it
SPARE: Final = 60_000  # milliseconds that one must be good for still when it is handed out
MOST: Final = 1_024  # people whose token is remembered


class Vouching(Protocol):
    """Vouches for people of whom the desk knows who they are."""

    def token_of(self, person: Person) -> str | None:
        """Their token; None while identity is off, and for who is nothing to a case (auditors, admins).

        Raises `NoSigningKey` or `SettingsInvalid` when identity is on and nobody here can sign, `TokenTooLong`.
        """


class KeyFile:
    """Signs with the key of HITL_IDENTITY_KEY_FILE as it is now. `wall` in milliseconds."""

    def __init__(
        self, settings: Settings, identities: Callable[[], Identities], *,
        wall: Callable[[], int], new_id: Callable[[], str],
    ) -> None:  # fmt: skip
        """`identities` gives the keys that are in force now."""
        self._settings, self._identities, self._wall, self._new_id = settings, identities, wall, new_id
        self._issued: dict[Person, TokenIssued] = {}

    def token_of(self, person: Person) -> str | None:
        roles, now = at_cases(person.roles), self._wall()
        try:
            key = key_to_sign_with(identity_key(self._settings), self._identities(), now=now)
        except IdentityOff:
            return None
        if not roles:
            return None
        known = self._issued.get(person)
        if known is None or known.key_id != key.key_id or known.expires_at < now + SPARE:
            if len(self._issued) >= MOST:
                self._issued.clear()
            asked = TokenAsked(reviewer_id=person.reviewer_id, roles=roles, skills=person.skills, seconds=TERM)
            prefix, token_id = self._settings.topic_prefix, self._new_id()
            known = issue(asked, key, app=APP, topic_prefix=prefix, now=now, token_id=token_id)
            self._issued[person] = known
        return known.token
