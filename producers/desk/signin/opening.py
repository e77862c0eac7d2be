"""Signing in as the settings have it: by which provider, where sessions are kept, where browsers come from."""

import secrets
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from infra.errors import SettingsInvalid
from infra.redis.connection import Connection
from infra.redis.keeping import Keeping, MemoryKeeping, RedisKeeping
from infra.secret_keys import oidc_client_secret
from infra.settings import Settings, is_loopback
from producers.desk.access.recording import Recorder
from producers.desk.signin.beginning import Beginnings
from producers.desk.signin.flow import CALLBACK, SignIn
from producers.desk.signin.links import folder_of
from producers.desk.signin.origin import Origin
from producers.desk.signin.person import ClaimNames
from producers.desk.signin.provider import Client, Provider
from producers.desk.signin.secret import new_secret
from producers.desk.signin.sessions import Sessions
from producers.desk.signin.vouching import KeyFile
from streams.casework.signing_keys import Identities

PATIENCE: Final = 2.0  # seconds for an answer of Redis, before each page


def is_signed_into(settings: Settings) -> bool:
    """Whether people can sign in: by a provider, or by links of this machine. A desk without is for apps alone."""
    reached = urlsplit(settings.desk_url or f"//{settings.desk_address}").hostname or ""
    return bool(settings.oidc_issuer) or is_loopback(reached)


def open_sign_in(
    settings: Settings, address: str, identities: Callable[[], Identities], recorder: Recorder
) -> SignIn:
    """Signing in for a desk that listens at `address`; `identities` gives the keys that are in force now.

    Raises `SettingsInvalid` before anything listens.
    """
    origin = Origin.of(settings.desk_url or f"http://{address}")
    provider = provider_of(settings, origin)
    if provider is None and not origin.is_here:
        raise SettingsInvalid(
            f"nobody could sign in at {origin}: name an identity provider in HITL_OIDC_ISSUER, or stay on this machine."
        )
    keeping = keeping_of(settings)
    return SignIn(
        origin=origin,
        sessions=Sessions(keeping, wall=wall, new_secret=new_secret),
        beginnings=Beginnings(keeping, new_secret=new_secret),
        vouching=KeyFile(settings, identities, wall=wall, new_id=lambda: secrets.token_hex(16)),
        provider=provider,
        links=folder_of(settings) if origin.is_here else None,
        wall=wall,
        clock=time.monotonic,
        new_secret=new_secret,
        recorder=recorder,
        names=ClaimNames(
            reviewer=settings.oidc_reviewer_claim, roles=settings.oidc_roles_claim, skills=settings.oidc_skills_claim
        ),
    )


def provider_of(settings: Settings, origin: Origin) -> Provider | None:
    """The identity provider of the settings; None when none is named. Raises `SettingsInvalid`."""
    if not settings.oidc_issuer:
        return None
    parts = urlsplit(settings.oidc_issuer)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise SettingsInvalid(f"HITL_OIDC_ISSUER={settings.oidc_issuer}: it must be https beyond this machine.")
    if not settings.oidc_client_id:
        raise SettingsInvalid("HITL_OIDC_ISSUER needs HITL_OIDC_CLIENT_ID: the name of the desk at that provider.")
    if "openid" not in settings.oidc_scopes.split():
        raise SettingsInvalid(f"HITL_OIDC_SCOPES={settings.oidc_scopes} must hold openid; add it.")
    secret = oidc_client_secret(settings)
    client = Client(settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_scopes, f"{origin}{CALLBACK}")
    return Provider(client)


def keeping_of(settings: Settings) -> Keeping:
    """Where sessions are kept: in Redis, so that each desk process knows them all, or in the memory of the only one."""
    if settings.desk_sessions == "memory":
        return MemoryKeeping(wall)
    redis = Connection(settings.redis_url, address=settings.redis_address, answer_timeout_seconds=PATIENCE)
    return RedisKeeping(redis, settings.topic_prefix)


def wall() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
