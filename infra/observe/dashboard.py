"""The Grafana dashboard: rows of panels, each with the expressions it draws, over declared metrics only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.observe import metrics as m

RATE: Final = "$__rate_interval"
SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
WIDTH, HEIGHT, COLUMNS = 8, 7, 3  # of a panel, in Grafana's grid of 24 columns


@dataclass(frozen=True, slots=True)
class Panel:
    """Title, Grafana's unit, and pairs of expression and legend."""

    title: str
    unit: str
    drawn: Sequence[tuple[str, str]]


def _rate(metric: m.Metric, *by: str, where: str = "") -> str:
    return f"sum by ({', '.join(by)}) (rate({metric.name}{where}[{RATE}]))"


def _quantile(share: float, metric: m.Metric, *by: str) -> str:
    return f"histogram_quantile({share:g}, {_rate_of_buckets(metric, *by)})"


def _rate_of_buckets(metric: m.Metric, *by: str) -> str:
    return f"sum by ({', '.join([*by, 'le'])}) (rate({metric.name}_bucket[{RATE}]))"


ROWS: Final[dict[str, Sequence[Panel]]] = {
    "Decisions": (
        Panel(
            "Decisions by route",
            "ops",
            [
                (_rate(m.DECISIONS, "action", "priority", where='{stage="router"}'), "{{action}} {{priority}}"),
            ],
        ),
        Panel("From record to commit, 95 %", "s", [(_quantile(0.95, m.LATENCY, "stage"), "{{stage}}")]),
        Panel(
            "Dead letters",
            "ops",
            [(_rate(m.DEAD_LETTERS, "stage", "topic", "reason"), "{{stage}} {{topic}} {{reason}}")],
        ),
    ),
    "People": (
        Panel(
            "Open cases",
            "short",
            [
                (f"sum by (case_stage, priority) ({m.OPEN_CASES.name})", "{{case_stage}} {{priority}}"),
            ],
        ),
        Panel("Beyond the deadline", "short", [(f"sum by (case_stage) ({m.OVERDUE_CASES.name})", "{{case_stage}}")]),
        Panel(
            "Oldest case, and most overdue",
            "s",
            [
                (f"max by (case_stage) ({m.OLDEST_CASE.name})", "oldest, {{case_stage}}"),
                (f"max by (case_stage) ({m.MOST_OVERDUE.name})", "overdue, {{case_stage}}"),
            ],
        ),
        Panel(
            "Refused answers, commands and appeals", "ops", [(_rate(m.REFUSALS, "of", "reason"), "{{of}} {{reason}}")]
        ),
        Panel("Escalations", "ops", [(_rate(m.ESCALATIONS, "by"), "{{by}}")]),
        Panel(
            "What casework does",
            "ops",
            [
                (_rate(m.DECISIONS, "action", where='{stage="casework"}'), "{{action}}"),
            ],
        ),
    ),
    "Stages": (
        Panel("Records processed", "ops", [(_rate(m.TAKEN, "stage"), "{{stage}}")]),
        Panel("Records written", "ops", [(_rate(m.WRITTEN, "stage", "topic"), "{{stage}} → {{topic}}")]),
        Panel("Lag, in offsets", "short", [(f"sum by (stage, topic) ({m.LAG.name})", "{{stage}} {{topic}}")]),
        Panel("Lag, in time", "s", [(f"max by (stage, topic) ({m.LAG_SECONDS.name})", "{{stage}} {{topic}}")]),
        Panel(
            "Commit, median and 99 %",
            "s",
            [
                (_quantile(0.5, m.COMMIT, "stage"), "{{stage}} 50 %"),
                (_quantile(0.99, m.COMMIT, "stage"), "{{stage}} 99 %"),
            ],
        ),
        Panel("Handling of a batch, 95 %", "s", [(_quantile(0.95, m.HANDLING, "stage"), "{{stage}}")]),
        Panel("Batch, median", "short", [(_quantile(0.5, m.BATCH, "stage"), "{{stage}}")]),
        Panel(
            "Transactions, and those that never were",
            "ops",
            [
                (_rate(m.TRANSACTIONS, "stage"), "{{stage}}"),
                (_rate(m.TRANSACTIONS_LOST, "stage", "cause"), "{{stage}} {{cause}}"),
            ],
        ),
        Panel(
            "Held records, paused and owned partitions",
            "short",
            [
                (f"sum by (stage, topic) ({m.HELD.name}) > 0", "held, {{stage}} {{topic}}"),
                (f"sum by (stage) ({m.PAUSED.name})", "paused, {{stage}}"),
                (f"sum by (stage) ({m.OWNED.name})", "owned, {{stage}}"),
            ],
        ),
        Panel(
            "Configuration in force",
            "short",
            [(f"max by (stage, topic) ({m.CONFIG_OFFSET.name})", "{{stage}} {{topic}}")],
        ),
    ),
    "Inference and the GPU": (
        Panel("Scoring of a batch, 95 %", "s", [(_quantile(0.95, m.SCORING), "scoring")]),
        Panel("Time on the device", "percentunit", [(_rate(m.DEVICE, "service", "slot"), "{{service}}@{{slot}}")]),
        Panel(
            "Inputs of a batch, median",
            "short",
            [
                (_quantile(0.5, m.INPUTS), "inputs"),
                (_quantile(0.5, m.TOKENS), "tokens"),
            ],
        ),
        Panel(
            "Model in force, and newest",
            "short",
            [
                (f"max by (workflow) ({m.MODEL_IN_FORCE.name})", "in force, {{workflow}}"),
                (f"min by (workflow) ({m.MODEL_IS_NEWEST.name})", "newest, {{workflow}}"),
            ],
        ),
        Panel("GPU, busy", "percentunit", [(m.GPU_UTILISATION.name, "{{slot}} {{device}}")]),
        Panel(
            "GPU, memory",
            "bytes",
            [
                (m.GPU_MEMORY_USED.name, "used, {{slot}} {{device}}"),
                (m.GPU_MEMORY.name, "there, {{slot}} {{device}}"),
            ],
        ),
    ),
    "Learning": (
        Panel(
            "Fits asked for",
            "short",
            [(f"sum by (workflow, trigger) (increase({m.RETRAININGS.name}[1h]))", "{{workflow}} {{trigger}}")],
        ),
        Panel(
            "What became of them",
            "short",
            [(f"sum by (workflow, became) (increase({m.MODELS.name}[1h]))", "{{workflow}} {{became}}")],
        ),
        Panel(
            "At the gate",
            "short",
            [
                (m.GATE_IMPROVEMENT.name, "improvement, {{workflow}}"),
                (m.GATE_LOWER_BOUND.name, "lower bound, {{workflow}}"),
            ],
        ),
        Panel(
            "Time of a fit, and the one under way",
            "s",
            [
                (_quantile(0.5, m.REFIT), "median"),
                (m.REFIT_RUNNING.name, "under way"),
            ],
        ),
    ),
    "Read model": (
        Panel("Records applied", "ops", [(_rate(m.APPLIED, "service"), "applied")]),
        Panel("Lag", "short", [(f"sum by (topic) ({m.INDEX_LAG.name})", "{{topic}}")]),
        Panel("Lag, in time", "s", [(f"max by (topic) ({m.INDEX_LAG_SECONDS.name})", "{{topic}}")]),
        Panel(
            "Redis",
            "short",
            [
                (m.REDIS_AVAILABLE.name, "available"),
                (f"increase({m.REDIS_FAILURES.name}[{RATE}])", "failures"),
                (f"increase({m.REBUILDS.name}[{RATE}])", "rebuilds"),
            ],
        ),
    ),
    "Figures": (
        Panel("Records applied to the view", "ops", [(_rate(m.FIGURES_APPLIED, "service"), "applied")]),
        Panel("Age of the view", "s", [(m.FIGURES_AGE.name, "{{slot}}")]),
    ),
    "Gateway": (
        Panel("Records acknowledged", "ops", [(_rate(m.ACKNOWLEDGED, "service"), "acknowledged")]),
        Panel("Requests", "ops", [(_rate(m.REQUESTS, "route", "code"), "{{route}} {{code}}")]),
        Panel(
            "Time to the answer, 95 %",
            "s",
            [(_quantile(0.95, m.REQUEST_SECONDS, "route", "waits"), "{{route}} waits: {{waits}}")],
        ),
        Panel("Refused, by reason", "ops", [(_rate(m.REFUSED, "reason"), "{{reason}}")]),
        Panel(
            "Under way",
            "short",
            [
                (f"sum({m.IN_FLIGHT.name})", "requests"),
                (f"sum({m.UNACKNOWLEDGED.name})", "records not acknowledged"),
                (f"sum({m.WAITERS.name})", "waiting for an outcome"),
            ],
        ),
    ),
    "Desk": (
        Panel("Requests", "ops", [(_rate(m.DESK_REQUESTS, "route", "code"), "{{route}} {{code}}")]),
        Panel("Time to the answer, 95 %", "s", [(_quantile(0.95, m.DESK_SECONDS, "route"), "{{route}}")]),
        Panel("Refused, by reason", "ops", [(_rate(m.DESK_REFUSED, "reason"), "{{reason}}")]),
        Panel(
            "Under way",
            "short",
            [
                (f"sum({m.DESK_IN_FLIGHT.name})", "requests"),
                (f"sum({m.READERS.name})", "readers of changes"),
                (f"increase({m.CUT_OFF.name}[{RATE}])", "readers cut off"),
                (f"sum by (reason) (increase({m.ACCESS_LOST.name}[{RATE}]))", "records of access lost, {{reason}}"),
            ],
        ),
    ),
    "Services": (
        Panel(
            "Healthy and ready",
            "short",
            [
                (m.HEALTHY.name, "healthy, {{service}}@{{slot}}"),
                (m.READY.name, "ready, {{service}}@{{slot}}"),
            ],
        ),
        Panel("Since the last turn", "s", [(m.SINCE_TURN.name, "{{service}}@{{slot}}")]),
        Panel(
            "Processor",
            "percentunit",
            [(f'rate(process_cpu_seconds_total{{job="hitl"}}[{RATE}])', "{{service}}@{{slot}}")],
        ),
        Panel("Memory", "bytes", [('process_resident_memory_bytes{job="hitl"}', "{{service}}@{{slot}}")]),
        Panel("Versions", "short", [(f"count by (version) ({m.INFO.name})", "{{version}}")]),
    ),
}


def dashboard_file() -> str:
    """The dashboard as Grafana imports it."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


def dashboard() -> dict[str, Any]:
    """Rows below one another, three panels side by side."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        panels.append(_row(len(panels) + 1, title, top))
        top += 1
        for place, panel in enumerate(row):
            panels.append(_panel(len(panels) + 1, panel, (place % COLUMNS) * WIDTH, top + place // COLUMNS * HEIGHT))
        top += -(-len(row) // COLUMNS) * HEIGHT
    return {
        "title": "hitl-streams",
        "uid": "hitl-streams",
        "tags": ["hitl"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
        },
        "panels": panels,
    }


def _row(number: int, title: str, top: int) -> dict[str, Any]:
    return {"id": number, "type": "row", "title": title, "collapsed": False, "panels": [],
            "gridPos": {"x": 0, "y": top, "w": 24, "h": 1}}  # fmt: skip


def _panel(number: int, panel: Panel, left: int, top: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {"x": left, "y": top, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": expr, "legendFormat": legend}
            for place, (expr, legend) in enumerate(panel.drawn)
        ],
    }
