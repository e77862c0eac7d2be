"""Tokens for people over HTTP: an app or service that may issue them exchanges its own token for a person's."""

import logging
import time
import uuid
from collections.abc import Callable
from typing import Final

from infra.errors import SettingsInvalid
from infra.http.bodies import Unreadable
from infra.http.problems import Problem
from infra.secret_keys import identity_key
from infra.settings import Settings
from producers.gateway.bodies import token_asked_in
from streams.casework.issuing import IdentityOff, NoSigningKey, TokenIssued, TokenTooLong, issue, key_to_sign_with
from streams.casework.signing_keys import Identities
from streams.workflow.submitted import RequestRefused

RETRY: Final = 5.0  # seconds
logger = logging.getLogger(__name__)


class Issuing:
    """Signs with the key of the file as it is now: a changed key needs no new start."""

    def __init__(self, settings: Settings, identities: Callable[[], Identities]) -> None:
        """`identities` gives the keys as they are now."""
        self._settings, self._identities = settings, identities

    def issue(self, body: bytes, *, app: str) -> TokenIssued:
        """A person's token for an app. Raises `Problem`."""
        now = time.time_ns() // 1_000_000
        try:
            asked = token_asked_in(body)
            key = key_to_sign_with(identity_key(self._settings), self._identities(), now=now)
            prefix, token_id = self._settings.topic_prefix, uuid.uuid4().hex
            issued = issue(asked, key, app=app, topic_prefix=prefix, now=now, token_id=token_id)
        except Unreadable as error:
            raise Problem(400, f"Nothing was issued: {error}.", reason="unreadable") from error
        except (RequestRefused, TokenTooLong) as error:
            raise Problem(422, f"Nothing was issued: {str(error).rstrip('.')}.", reason="invalid") from error
        except IdentityOff as error:
            raise Problem(409, str(error), reason="identity_off") from error
        except (NoSigningKey, SettingsInvalid) as error:
            logger.error("No token can be issued: %s", error, extra={"action": "no_signing_key"})
            detail = f"{NoSigningKey.__doc__} Its log says more."
            raise Problem(503, detail, reason="no_signing_key", retry_seconds=RETRY) from error
        logger.info(
            "A token %s for %s was issued to %s.", issued.token_id, asked.reviewer_id, app,
            extra={"action": "token_issued"},
        )  # fmt: skip
        return issued
