"""Figures as people read them."""

from infra.cli.moments import span
from streams.insights.kpis import Kpi


def value_text(kpi: Kpi) -> str:
    """A value with its unit, as people read it."""
    return "not measured" if kpi.value is None else amount_text(kpi.value, kpi.unit)


def amount_text(amount: float, unit: str) -> str:
    """An amount of a unit of the figures.

    >>> [amount_text(*each) for each in ((0.934, "share"), (5400, "seconds"), (0.317, "US dollars"), (12.5, "times"))]
    ['93.4%', '90 min', '$0.32', '12.5 times']
    """
    match unit:
        case "share":
            return f"{amount:.1%}"
        case "seconds":
            return span(amount)
        case "US dollars":
            return f"${amount:.2f}"
        case _:
            return f"{amount:g} {unit}"
