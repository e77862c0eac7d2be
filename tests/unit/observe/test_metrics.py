"""Laws of every declared metric, found and not listed, and that nothing but declared metrics is used."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from infra.cli.commands import installed, load
from infra.observe import metrics
from infra.observe.alerts import ALERTS
from infra.observe.dashboard import dashboard
from infra.observe.deployed import FOLDER, files
from infra.observe.metrics import DECLARED, LABELS, UNITS, Kind, Metric
from schemas.publishing import HERE
from tests.support.promtool import RULES, checked

ROOT = HERE.parent
NOT_OURS = {"up", "process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes"}
GRAFANA = {"$__rate_interval": "5m", "$__interval": "1m", "$__range": "1h"}
OUTSIDERS = {"request_id", "reviewer_id", "event_id", "case_id", "subject_id", "digest", "key", "path", "url", "token"}
NAME = re.compile(r"\b(hitl_\w+|up|process_\w+)\b")


@pytest.mark.parametrize("metric", DECLARED.values(), ids=lambda metric: metric.name)
def test_a_metric_has_help_a_unit_and_bounded_labels(metric: Metric) -> None:
    assert metric.help.endswith(".") and len(metric.help) > 10
    assert re.fullmatch(r"hitl_[a-z]+_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    if metric.kind is not Kind.FLAG:
        assert metric.name.removesuffix("_total").rpartition("_")[2] in UNITS
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert set(metric.labels) <= LABELS.keys()


def test_every_metric_is_declared_under_one_name() -> None:
    found = [value for value in vars(metrics).values() if isinstance(value, Metric)]
    assert len(found) == len({metric.name for metric in found}) == len(DECLARED) > 40


def test_no_label_tells_one_request_or_person_from_another() -> None:
    assert not LABELS.keys() & OUTSIDERS
    assert all(bound for bound in LABELS.values())
    assert {label for metric in DECLARED.values() for label in metric.labels} == LABELS.keys()


def test_metrics_are_made_nowhere_else() -> None:
    """prometheus_client has one door, and its global registry is never used. To read what others tell makes none."""
    made = re.compile(r"prometheus_client(?!\.parser\b)")
    importing = {path.relative_to(ROOT).as_posix() for path in sources() if made.search(path.read_text())}
    assert importing == {f"infra/observe/{name}.py" for name in ("http", "instruments", "spread")}


def test_every_metric_is_used() -> None:
    names = {name for name, value in vars(metrics).items() if isinstance(value, Metric)}
    used = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for path in sources()
        if path.name not in ("metrics.py", "alerts.py", "dashboard.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Name)
    }
    assert names - used == set()


def sources() -> Iterator[Path]:
    for house in ("schemas", "infra", "streams", "consumers", "producers"):
        yield from (ROOT / house).rglob("*.py")


# ---- what is deployed ----


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_what_is_deployed_is_what_the_code_says(path: Path) -> None:
    assert path.read_text() == files()[path], "run `python -m infra.observe.deployed`"


def expressions(node: Any) -> Iterator[str]:
    """Every expression of a dashboard."""
    if isinstance(node, dict):
        if "expr" in node:
            yield node["expr"]
        for value in node.values():
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def series_of(metric: Metric) -> set[str]:
    parts = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
    return {metric.name + part for part in parts}


KNOWN = NOT_OURS.union(*(series_of(metric) for metric in DECLARED.values()))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_rests_on_metrics_that_are_declared(alert: Any) -> None:
    names = set(NAME.findall(alert.expr))
    assert names and names <= KNOWN
    for text in (alert.summary, alert.description):
        assert text.endswith(".")
    assert set(re.findall(r"\bhitl_\w+", alert.description)) <= KNOWN


COMMAND = re.compile(r"`hitl ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")


def test_every_command_that_an_alert_names_exists() -> None:
    known = installed()
    for alert in ALERTS:
        for name, member in COMMAND.findall(alert.description):
            assert name in known, alert.description
            group = load(known[name])
            assert not member or not isinstance(group, click.Group) or member in group.commands, alert.description


def test_every_panel_rests_on_metrics_that_are_declared() -> None:
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    for panel in panels:
        for expr in expressions(panel):
            names = set(NAME.findall(expr))
            assert names and names <= KNOWN, (panel["title"], expr)
    shown = set(NAME.findall(" ".join(expressions(panels))))
    missing = [metric.name for metric in DECLARED.values() if not series_of(metric) & shown]
    assert missing == []


def test_every_label_that_an_expression_names_is_one_of_its_metric() -> None:
    for expr in [alert.expr for alert in ALERTS] + list(expressions(dashboard())):
        for name, inside in re.findall(r"(hitl_\w+?)\{([^}]*)\}", expr):
            of = next(metric for metric in DECLARED.values() if name in series_of(metric))
            assert set(re.findall(r"(\w+)[=!]", inside)) <= {*of.labels, "job", "service", "slot"}, expr


def test_places_of_the_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not taken & cells and at["x"] + at["w"] <= 24
        taken |= cells
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(ids) == len(set(ids))


def test_promtool_accepts_the_rules() -> None:
    assert f"{len(ALERTS)} rules found" in checked("check", "rules", str(RULES))
    loaded = yaml.safe_load(RULES.read_text())
    rules = [rule for group in loaded["groups"] for rule in group["rules"]]
    assert [rule["expr"] for rule in rules] == [alert.expr for alert in ALERTS]


def test_promtool_accepts_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    plain = list(expressions(json.loads((FOLDER / "grafana" / "hitl.json").read_text())))
    for variable, value in GRAFANA.items():
        plain = [expr.replace(variable, value) for expr in plain]
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(plain)]
    file = tmp_path / "dashboard.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(plain)} rules found" in checked("check", "rules", str(file))


def test_every_alert_is_made_to_fire_by_a_test() -> None:
    told = "".join(
        (ROOT / "tests" / name).read_text()
        for name in ("unit/observe/test_alerts.py", "unit/gateway/test_measuring.py", "integration/test_observed.py")
    )
    assert [alert.name for alert in ALERTS if f'"{alert.name}"' not in told] == []
