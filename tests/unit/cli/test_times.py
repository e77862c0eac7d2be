"""Spans and moments as they are typed."""

import click
import pytest

from infra.cli.times import Instant, Span


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7_200), ("1.5d", 129_600)])
def test_a_span_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert Span().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["2", "h", "-1h", "0s", "0.0h", "1w", "nans", "2 h", "1e3s"])
def test_what_is_no_span_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write 90s, 15m, 2h or 3d"):
        Span().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "at"),
    [("2023-11-14T22:13:20", 1_700_000_000_000), ("2023-11-14T23:13:20+01:00", 1_700_000_000_000),
     ("2023-11-14", 1_699_920_000_000)],
)  # fmt: skip
def test_a_moment_is_in_utc_unless_it_names_a_zone(text: str, at: int) -> None:
    assert Instant().convert(text, None, None) == at


@pytest.mark.parametrize("text", ["tomorrow", "", "2023-13-01"])
def test_what_is_no_moment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write 2026-12-01T09:00"):
        Instant().convert(text, None, None)
