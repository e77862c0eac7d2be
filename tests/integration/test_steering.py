"""What whoever steers asks of a real Redis, and that the one of unit tests answers the same."""

from collections.abc import Callable, Iterable

import pytest

from infra.redis.connection import Command, Connection
from infra.redis.steering import Steering
from tests.support.steered import KEYS
from tests.support.steering_suite import SUITE, Apply

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("check", SUITE, ids=lambda check: check.__name__)
def test_a_real_redis(check: Callable[[Steering, Apply], None], redis: Connection) -> None:
    def apply(commands: Iterable[Command]) -> None:
        redis.together(list(commands))

    check(Steering(redis, KEYS), apply)
