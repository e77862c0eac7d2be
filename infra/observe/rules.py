"""The alerts as Prometheus reads them: a rules file in YAML."""

import json
from collections.abc import Iterator, Mapping, Sequence

from infra.observe.alerts import Alert

HEAD = "# Written by `python -m infra.observe.deployed` from infra/observe/alerts.py; change it there.\n"


def rules_file(groups: Mapping[str, Sequence[Alert]]) -> str:
    """The text of the file; every value is quoted as JSON quotes it, which YAML reads alike."""
    return HEAD + "groups:\n" + "".join(_group(name, alerts) for name, alerts in groups.items())


def _group(name: str, alerts: Sequence[Alert]) -> str:
    return f"  - name: {name}\n    rules:\n" + "".join(line for alert in alerts for line in _rule(alert))


def _rule(alert: Alert) -> Iterator[str]:
    yield f"      - alert: {alert.name}\n"
    yield f"        expr: {_quoted(alert.expr)}\n"
    yield f"        for: {alert.hold}\n"
    yield f"        labels:\n          severity: {alert.severity}\n"
    yield f"        annotations:\n          summary: {_quoted(alert.summary)}\n"
    yield f"          description: {_quoted(alert.description)}\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
