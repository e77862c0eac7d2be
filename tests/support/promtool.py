"""promtool, and what it says of scrapes: which alerts fire in which minute."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas.publishing import HERE

RULES: Final = HERE.parent / "infra" / "deploy" / "prometheus" / "alerts.yml"
FIRING: Final = 'group by (alertname) (ALERTS{alertstate="firing"})'
Sample = tuple[str, tuple[tuple[str, str], ...]]


def promtool() -> str:
    """Where it is; a skip that says how to get it, or a failure where it must be there (REQUIRE_PROMTOOL=1)."""
    found = shutil.which("promtool")
    if found is None:
        reason = "promtool is not on PATH; on Debian: apt-get install prometheus"
        if os.environ.get("REQUIRE_PROMTOOL") == "1":
            pytest.fail(f"REQUIRE_PROMTOOL=1, but {reason}", pytrace=False)
        pytest.skip(reason)
    return found


def checked(*arguments: str, said: str | None = None) -> str:
    """What promtool says when it accepts that. Raises AssertionError with its complaint."""
    done = subprocess.run([promtool(), *arguments], input=said, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Story:
    """What Prometheus scraped, minute by minute, of some replicas."""

    def __init__(self) -> None:
        self.minutes: list[dict[Sample, float]] = []

    def minute(self, **scraped: str | None) -> None:
        """One more minute: the text of each replica by its service, None where nobody answered."""
        found: dict[Sample, float] = {}
        for name, text in scraped.items():
            service, _, slot = name.partition("_")
            target = {"job": "hitl", "service": service, "slot": slot or "0", "instance": name}
            found["up", tuple(sorted(target.items()))] = float(text is not None)
            for family in text_string_to_metric_families(text or ""):
                for sample in family.samples:
                    labels = tuple(sorted((sample.labels | target).items()))
                    found[sample.name, labels] = sample.value
        self.minutes.append(found)

    def firing(self, folder: Path) -> list[set[str]]:
        """Names of the alerts that fire at each minute, as Prometheus' own evaluation of the rules has it."""
        every = range(len(self.minutes))
        asked = [{"expr": FIRING, "eval_time": f"{minute}m", "exp_samples": []} for minute in every]
        series = [
            {"series": _written(*sample), "values": " ".join(_value(found.get(sample)) for found in self.minutes)}
            for sample in sorted({sample for found in self.minutes for sample in found})
        ]
        plan = {
            "rule_files": [str(RULES)],
            "evaluation_interval": "30s",
            "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": asked}],
        }
        file = folder / "alerts_test.yml"
        file.write_text(json.dumps(plan))
        done = subprocess.run([promtool(), "test", "rules", str(file)], capture_output=True, text=True, check=False)
        return _told(done.stdout + done.stderr, every)


def _told(said: str, minutes: Iterable[int]) -> list[set[str]]:
    found: dict[int, set[str]] = {minute: set() for minute in minutes}
    for at, got in re.findall(r"time: (\w+),\s+exp:\s*nil\s+got:(.*?)(?=\n\s*expr:|\Z)", said, re.DOTALL):
        found[_minute(at)] = set(re.findall(r'alertname="(\w+)"', got))
    assert "SUCCESS" in said or any(found.values()), said
    return [found[minute] for minute in minutes]


def _minute(text: str) -> int:
    hours, minutes = re.search(r"(\d+)h", text), re.search(r"(\d+)m", text)
    return 60 * int(hours[1] if hours else 0) + int(minutes[1] if minutes else 0)


def _written(name: str, labels: Iterable[tuple[str, str]]) -> str:
    return f"{name}{{{','.join(f'{key}={json.dumps(value)}' for key, value in labels)}}}"


def _value(value: float | None) -> str:
    return "_" if value is None else repr(value)
