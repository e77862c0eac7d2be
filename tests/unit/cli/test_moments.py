"""Times and spans as people read them."""

import pytest

from infra.cli.moments import clock, iso, moment, span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"), (0, "0 s"), (0.023, "0.023 s"), (5.0, "5 s"), (59.9, "60 s"), (600, "10 min"),
        (-600, "10 min late"), (9_000, "2.5 h"),
    ],
)  # fmt: skip
def test_spans_are_shown_in_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


def test_a_moment_is_said_in_utc() -> None:
    at = 1_700_000_000_123
    assert (iso(at), moment(at), clock(at)) == (
        "2023-11-14T22:13:20.123+00:00", "2023-11-14 22:13:20Z", "22:13:20.123",
    )  # fmt: skip
