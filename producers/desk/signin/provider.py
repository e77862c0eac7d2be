"""The identity provider over HTTP: discovery, its keys, the page where people sign in, the exchange of a code.

OpenID Connect Discovery 1.0; authorization code with PKCE (RFC 7636); `iss` in the answer (RFC 9207).
"""

import time
from collections.abc import Callable
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import httpx2
import msgspec
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Meta

from infra.settings import is_loopback
from producers.desk.signin.refusal import Reason, SignInRefused
from streams.casework.refusal import quote

TIMEOUT: Final = 5.0  # seconds for each answer of the provider; somebody waits
FRESH_FOR: Final = 3_600.0  # seconds that discovery and keys are kept
SOONEST: Final = 60.0  # seconds between two looks for a new key, so that forged tokens make no traffic
RETRY: Final = 5.0  # seconds
LARGEST: Final = 1 << 20  # bytes of an answer
Endpoint = Annotated[str, Meta(pattern=r"^https?://[^\s/?#@]+(/[^\s#]*)?$")]


class Metadata(msgspec.Struct, frozen=True):
    """What a provider says of itself, as far as it is used."""

    issuer: str
    authorization_endpoint: Endpoint
    token_endpoint: Endpoint
    jwks_uri: Endpoint
    end_session_endpoint: Endpoint | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Client(NamedTuple):
    """Who we are to the provider; without a secret PKCE alone shows that the code is ours."""

    issuer: str
    client_id: str
    client_secret: str
    scopes: str
    redirect_uri: str

    def __repr__(self) -> str:
        return f"Client({self.issuer!r}, {self.client_id!r}, …)"


class Tokens(NamedTuple):
    """What a code is exchanged for."""

    id_token: str
    access_token: str | None

    def __repr__(self) -> str:
        return "Tokens(…)"


class Provider:
    """Asks when it is asked, and remembers discovery and keys for an hour. `clock` in seconds."""

    def __init__(
        self, client: Client, *, transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.client, self._transport, self._clock = client, transport, clock
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def metadata(self) -> Metadata:
        """Raises `SignInRefused` when the provider is away or is another than it should be."""
        if self._metadata is not None and self._clock() - self._metadata[0] < FRESH_FOR:
            return self._metadata[1]
        body = await self._read(f"{self.client.issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            said = msgspec.json.decode(body, type=Metadata)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _away(f"its discovery document cannot be used ({error})") from error
        if said.issuer != self.client.issuer:
            raise _away("its discovery document names another issuer than HITL_OIDC_ISSUER")
        for endpoint in (said.authorization_endpoint, said.token_endpoint, said.jwks_uri):
            require_private(endpoint)
        self._metadata = (self._clock(), said)
        return said

    async def keys(self, *, fresh: bool = False) -> KeySet:
        """The keys that it signs with; `fresh` asks anew, though not more than once a minute."""
        if self._keys is not None and self._clock() - self._keys[0] < (SOONEST if fresh else FRESH_FOR):
            return self._keys[1]
        body = await self._read((await self.metadata()).jwks_uri)
        try:
            keys = KeySet.import_key_set(msgspec.json.decode(body))
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise _away(f"its keys cannot be used ({type(error).__name__})") from error
        self._keys = (self._clock(), keys)
        return keys

    async def page(self, *, state: str, nonce: str, verifier: str) -> str:
        """The address where the person signs in."""
        endpoint = (await self.metadata()).authorization_endpoint
        async with self._session() as session:
            address, _ = session.create_authorization_url(endpoint, state=state, nonce=nonce, code_verifier=verifier)
        return str(address)

    async def exchange(self, code: str, verifier: str) -> Tokens:
        """The tokens for a code, which is good once. Raises `SignInRefused`."""
        metadata = await self.metadata()
        async with self._session(metadata) as session:
            try:
                made = await session.fetch_token(
                    metadata.token_endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
                )
            except OAuthError as error:
                said = f"the provider does not take the code ({quote(str(error.error))}): it may have been used before"
                raise SignInRefused(Reason.BAD_CODE, f"{said}; sign in again") from error
            except (httpx2.HTTPError, ValueError) as error:
                raise _away(f"it did not exchange the code ({type(error).__name__})") from error
        id_token, access_token = made.get("id_token"), made.get("access_token")
        if not isinstance(id_token, str):
            said = "the provider gave no id token: HITL_OIDC_SCOPES must hold openid"
            raise SignInRefused(Reason.BAD_TOKEN, f"{said}; tell whoever runs the desk")
        return Tokens(id_token, access_token if isinstance(access_token, str) else None)

    async def end_page(self, after: str) -> str | None:
        """Where a person ends the session at the provider, too (RP-Initiated Logout 1.0); None where it has no such."""
        endpoint = (await self.metadata()).end_session_endpoint
        if endpoint is None:
            return None
        query = urlencode({"client_id": self.client.client_id, "post_logout_redirect_uri": after})
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    async def _read(self, address: str) -> bytes:
        async with httpx2.AsyncClient(transport=self._transport, timeout=TIMEOUT, follow_redirects=False) as session:
            try:
                answer = await session.get(address, headers={"accept": "application/json"})
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise _away(f"it does not answer ({type(error).__name__})") from error
        if answer.status_code != 200 or len(answer.content) > LARGEST:
            raise _away(f"it answered {answer.status_code} to {urlsplit(address).path}")
        return answer.content

    def _session(self, metadata: Metadata | None = None) -> AsyncOAuth2Client:
        offered = metadata.token_endpoint_auth_methods_supported if metadata else ()
        method = "client_secret_post" if "client_secret_basic" not in offered else "client_secret_basic"
        return AsyncOAuth2Client(
            self.client.client_id,
            self.client.client_secret or None,
            token_endpoint_auth_method=method if self.client.client_secret else "none",
            scope=self.client.scopes,
            redirect_uri=self.client.redirect_uri,
            code_challenge_method="S256",
            transport=self._transport,
            timeout=TIMEOUT,
            follow_redirects=False,
        )


def require_private(address: str) -> None:
    """Raises `SignInRefused` for an address at which others could read along."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise _away(f"it names {parts.scheme}://{parts.netloc}, and without TLS others could read along")


def _away(what: str) -> SignInRefused:
    said = f"the identity provider cannot be used: {what}. Try again soon; if that does not help, tell whoever runs"
    return SignInRefused(Reason.PROVIDER_AWAY, f"{said} the desk", retry_seconds=RETRY)
