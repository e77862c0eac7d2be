"""Whoever has a session, as casework will know them."""

import logging
from typing import Final

from starlette.requests import Request

from infra.errors import SettingsInvalid
from infra.http.problems import Problem
from producers.desk.admitting import Asker
from producers.desk.signin.flow import SignIn
from producers.desk.signin.guard import require
from producers.desk.signin.roles import Deed
from streams.casework.issuing import NoSigningKey

RETRY: Final = 60.0  # seconds: somebody must put a key there
logger = logging.getLogger(__name__)


def asker_of(request: Request, sign_in: SignIn, *deeds: Deed) -> Asker:
    """The person of the session, who may do one of these, and their token where identity is on. Raises `Problem`."""
    session = require(request, *(deeds or (Deed.WORK,)))
    try:
        at_work = sign_in.at_work(session)
    except (NoSigningKey, SettingsInvalid) as error:
        logger.error("Nobody signed in can work: %s", error, extra={"action": "no_signing_key"})
        detail = f"{NoSigningKey.__doc__} Its log says more."
        raise Problem(503, detail, reason="no_signing_key", retry_seconds=RETRY) from error
    return Asker(at_work.reviewer_id, at_work.token, frozenset(session.person.roles))
