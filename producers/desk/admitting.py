"""Who asks: by a signed token, or while identity is off and only this machine can call, by the name as it stands."""

from typing import Final, NamedTuple
from urllib.parse import unquote

from starlette.datastructures import Headers

from infra.http.problems import Problem
from infra.settings import is_loopback
from producers.desk.person import claims_in
from producers.desk.refusing import CHALLENGE, refused
from producers.desk.signin.roles import Role
from streams.casework.identity import Refused, identify
from streams.casework.signing_keys import Identities, is_identity_on

HEADER: Final = "reviewer-id"  # percent-encoded, since headers are no Unicode


class Asker(NamedTuple):
    """A person; the token goes into what is written, for casework to judge.

    `roles` of whoever has signed in; None for apps, of whose person only a token tells anything.
    """

    reviewer_id: str
    token: str | None = None
    roles: frozenset[Role] | None = None

    @property
    def judged_here(self) -> frozenset[Role] | None:
        """The roles of a person of whom casework is told nothing; None where it is, or nobody knows them."""
        return self.roles if self.token is None else None


class Admitting(NamedTuple):
    """`local`: only this machine can call. `installation` as of `streams.casework.identity.issuer`."""

    local: bool
    installation: str

    def admit(self, headers: Headers, identities: Identities, *, now: int) -> Asker:
        """Whoever calls; `now` in milliseconds. Raises `Problem` 401, 403 or 421."""
        token = _token(headers)
        named = unquote(headers.get(HEADER, "")).strip()
        claims = claims_in(token)
        who = named or (claims.sub if claims is not None else "")
        if is_identity_on(identities, at=now):
            said = identify(token, who, identities, at=now, installation=self.installation)
            if isinstance(said, Refused):
                raise refused(said.reason, said.detail)
            return Asker(said.reviewer_id, token)
        self._require_this_machine(headers)
        if not who:
            detail = f"Say who you are: `{HEADER.title()}: NAME`, percent-encoded, or a signed token."
            raise Problem(401, detail, reason="no_reviewer", challenge=CHALLENGE)
        return Asker(who, token)

    def _require_this_machine(self, headers: Headers) -> None:
        if not self.local:
            detail = (
                "Identity is off, and this desk can be reached from elsewhere, so nobody is believed: turn it on with "
                "`hitl identity enable`, or let HITL_DESK_ADDRESS be 127.0.0.1."
            )
            raise Problem(403, detail, reason="identity_off")
        # A page in a browser on this machine could call us under a name of its own that leads here.
        host = headers.get("host", "").rpartition(":")
        name = host[0] if host[1] and host[2].isdigit() else "".join(host)
        if not is_loopback(name):
            detail = "While identity is off the desk answers to localhost only; call it so, or turn identity on."
            raise Problem(421, detail, reason="host")


def _token(headers: Headers) -> str | None:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return given.strip() or None if scheme.lower() == "bearer" else None
