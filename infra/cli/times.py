"""Spans and moments on the command line: `90s`, `2h`, `3d`; `2026-12-01T09:00`, in UTC where no zone is named."""

import re
from typing import Final

import click

from infra.cli.moments import milliseconds_of

UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}  # seconds
WRITTEN: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


class Span(click.ParamType):
    """A span of time; the command gets seconds."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = WRITTEN.fullmatch(str(value).strip())
        if found is None or float(found[1]) == 0:
            self.fail(f"{value!r} is no span of time: write 90s, 15m, 2h or 3d.", param, ctx)
        return float(found[1]) * UNITS[found[2]]


class Instant(click.ParamType):
    """A moment; the command gets milliseconds since the epoch."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return milliseconds_of(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time: write 2026-12-01T09:00, in UTC, or 2026-12-01T09:00+01:00.", param, ctx)
