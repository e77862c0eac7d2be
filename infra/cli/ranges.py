"""Numbers on the command line."""

import math

import click


class FiniteRange(click.FloatRange):
    """A range of numbers that `nan` and `inf` are not in: click lets nan through, which is neither above nor below."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number
