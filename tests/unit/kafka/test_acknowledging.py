"""Records whose senders wait for the brokers: each is told once, also when no broker ever answers."""

import threading
from collections.abc import Sequence

import pytest

from infra.kafka.acknowledging import AcknowledgingPublisher, Delivery, NotAcknowledged, TooMuchUnderWay
from infra.kafka.client_config import ClientOptions

NOWHERE = "127.0.0.1:9"  # the port `discard`: nobody serves it
MOST = 3


class Told:
    """Deliveries as they come."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery[int]] = []
        self.came = threading.Event()

    def __call__(self, deliveries: Sequence[Delivery[int]]) -> None:
        self.deliveries += deliveries
        self.came.set()

    def tickets(self) -> list[int]:
        return sorted(delivery.ticket for delivery in self.deliveries)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def publisher(told: Told) -> AcknowledgingPublisher[int]:
    options = ClientOptions(bootstrap_servers=NOWHERE)
    return AcknowledgingPublisher(options, told, most_waiting=MOST, timeout_seconds=2)


def test_what_nobody_acknowledges_is_told_as_uncertain_and_more_is_taken_then(
    publisher: AcknowledgingPublisher[int], told: Told
) -> None:
    for ticket in range(MOST):
        publisher.send("requests", b"k", b"v", ticket)
    with pytest.raises(TooMuchUnderWay):
        publisher.send("requests", b"k", b"v", MOST)
    while len(told.deliveries) < MOST:
        assert told.came.wait(30)
        told.came.clear()
    assert told.tickets() == [0, 1, 2] and publisher.waiting == 0
    assert all(isinstance(delivery.error, NotAcknowledged) for delivery in told.deliveries)
    assert all("send it again" in str(delivery.error) for delivery in told.deliveries)
    publisher.send("requests", b"k", b"v", 4)
    publisher.close()
    assert told.tickets() == [0, 1, 2, 4]


def test_at_the_end_everybody_is_told(publisher: AcknowledgingPublisher[int], told: Told) -> None:
    publisher.send("requests", b"k", b"v", 7)
    publisher.close()
    assert told.tickets() == [7] and isinstance(told.deliveries[0].error, NotAcknowledged)
