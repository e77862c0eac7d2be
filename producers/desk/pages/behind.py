"""What the pages stand on; each part takes of it what it needs."""

from collections.abc import Callable
from typing import NamedTuple

from infra.kafka.log import Log
from infra.redis.reading import ReadModel
from infra.settings import Settings
from producers.desk.desk import Desk
from producers.desk.roster import Roster
from producers.desk.signin.flow import SignIn
from schemas.codec import Codec


class Behind(NamedTuple):
    """`desk`, `sign_in` and `model` give theirs once the application's lifespan has begun.

    `log`: a connection that gives up after a few seconds. Neither it nor `model` is asked on the event loop.
    """

    desk: Callable[[], Desk]
    sign_in: Callable[[], SignIn]
    model: Callable[[], ReadModel]
    log: Log
    codec: Codec
    settings: Settings
    roster: Roster
