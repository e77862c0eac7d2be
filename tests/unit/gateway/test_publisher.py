"""Requests into the log: what is refused, and that nothing unacknowledged is counted."""

import os
from collections.abc import Iterator

import pytest

from infra.kafka.errors import TransactionAborted
from infra.kafka.publisher import PublishFailed
from infra.kafka.scan import scan
from producers.gateway.publisher import Line, Refusal, RequestPublisher, publish_lines
from schemas.codec import Codec
from schemas.events import DecisionRequested
from schemas.topics import MIB, REQUESTS
from schemas.values import Payload
from streams.workflow.submitted import RequestRefused, checked
from tests.support.simlog import SimulatedLog, SimulatedProducer

CODEC = Codec.of_repository()


def request(request_id: str = "a", **fields: object) -> DecisionRequested:
    given: dict[str, object] = {"request_id": request_id, "workflow": "w", "payload": Payload(body=b"{}")} | fields
    return DecisionRequested(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (request(""), "id is empty"),
        (request("  "), "id is empty"),
        (request("é" * 600), "1,200 bytes"),
        (request(workflow=""), "workflow is empty"),
        (request(payload=None), "nothing to decide"),
        (request(payload=None, content_uri="s3://x"), "content_sha256"),
        (request(payload=None, features=b"123"), "float32"),
        (request(attributes={"amount": float("nan")}), "finite"),
        (request(subject_id="\ud800"), "cannot be written"),
        (request(payload=Payload(body=os.urandom(MIB))), "more than the 1,048,576"),
    ],
)
def test_what_no_stage_could_take_is_refused_with_the_reason(bad: DecisionRequested, reason: str) -> None:
    with pytest.raises(RequestRefused, match=reason):
        checked(bad, CODEC)


def test_a_request_of_exactly_the_limit_passes() -> None:
    overhead = len(checked(request(payload=Payload(body=b"x" * 1_000_000)), CODEC)) - 1_000_000
    assert len(checked(request(payload=Payload(body=b"x" * (MIB - overhead))), CODEC)) == MIB
    with pytest.raises(RequestRefused):
        checked(request(payload=Payload(body=b"x" * (MIB - overhead + 1))), CODEC)


def cluster() -> SimulatedLog:
    return SimulatedLog(partitions=3, wall=lambda: 1_700_000_000_000)


def in_log(log: SimulatedLog) -> list[str]:
    events = [entry.event for entry in scan(log, CODEC, [REQUESTS.name])]
    return sorted(event.request_id for event in events if isinstance(event, DecisionRequested))


def test_lines_are_published_under_their_id_and_refused_ones_are_named() -> None:
    log = cluster()
    lines: list[Line | Refusal] = [
        Line(2, request("a")),
        Refusal(3, "has 1 of 2 columns"),
        Line(4, request("")),
        Line(5, request("b")),
    ]
    made = publish_lines(RequestPublisher(log, CODEC), lines)
    assert made.published == 2
    assert made.refused == (Refusal(3, "has 1 of 2 columns"), Refusal(4, "the request id is empty"))
    assert in_log(log) == ["a", "b"]
    assert {record.key for record in log.read_all(REQUESTS.name)} == {b"a", b"b"}


class Failing(SimulatedProducer):
    """Acknowledges twice, then no more."""

    flushes = 0

    def flush(self) -> None:
        self.flushes += 1
        if self.flushes > 2:
            raise TransactionAborted("not acknowledged in time")


class FailingLog(SimulatedLog):
    def producer(self, *, transactional_id: str | None) -> SimulatedProducer:
        return Failing(self, transactional_id)


def test_nothing_that_was_not_acknowledged_is_counted() -> None:
    log = FailingLog(partitions=3, wall=lambda: 0)
    publisher = RequestPublisher(log, CODEC)
    with pytest.raises(PublishFailed, match="not acknowledged"):
        publish_lines(publisher, (Line(n, request(f"r{n}")) for n in range(2_500)))
    assert (publisher.acknowledged, publisher.unconfirmed) == (2_000, 500)


def test_the_rate_is_kept_without_sending_in_one_burst() -> None:
    now = 0.0
    sent_at: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def lines() -> Iterator[Line]:
        for number in range(100):
            sent_at.append(now)
            yield Line(number, request(f"r{number}"))

    made = publish_lines(RequestPublisher(cluster(), CODEC), lines(), rate=100, sleep=sleep, clock=lambda: now)
    assert made.published == 100
    assert now == pytest.approx(1.0)
    assert all(at <= number / 100 + 1e-9 for number, at in enumerate(sent_at))
    assert len(set(sent_at)) >= 19
