import logging

from infra.kafka.client_log import QUIET_SECONDS, Rarely


def test_lines_that_differ_in_numbers_only_are_said_once_in_a_while() -> None:
    now = 100.0
    rarely = Rarely(lambda: now)

    def said(text: str) -> str | None:
        record = logging.LogRecord("infra.kafka.librdkafka", logging.WARNING, "", 0, "%s", (text,), None)
        return record.getMessage() if rarely.filter(record) else None

    assert said("127.0.0.1:9092/1: refused (after 0ms)") == "127.0.0.1:9092/1: refused (after 0ms)"
    assert said("127.0.0.1:9092/1: refused (after 3ms)") is None
    assert said("127.0.0.1:9092/bootstrap: refused (after 1ms)") is not None  # another thread is another line
    now += QUIET_SECONDS / 2
    assert said("127.0.0.1:9092/1: refused (after 4ms)") is None
    now += QUIET_SECONDS / 2
    assert said("127.0.0.1:9092/1: refused (after 9ms)") == "127.0.0.1:9092/1: refused (after 9ms) (2 more like this)"
    assert said("127.0.0.1:9092/1: refused (after 9ms)") is None
