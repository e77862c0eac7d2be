"""The log, in each of its implementations."""

import pytest

from infra.local.broker import EmbeddedBroker
from tests.support.logs import World, on_cluster, simulated


@pytest.fixture(params=["simulated", pytest.param("kafka", marks=pytest.mark.integration)])
def world(request: pytest.FixtureRequest) -> World:
    """A fresh log with nothing in it."""
    if request.param == "simulated":
        return simulated()
    broker: EmbeddedBroker = request.getfixturevalue("broker")
    return on_cluster(broker.bootstrap_servers)
