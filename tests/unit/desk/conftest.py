"""The desk without brokers and Redis, for every test of it."""

import pytest

from tests.support.desk import World


@pytest.fixture
def world() -> World:
    return World()
