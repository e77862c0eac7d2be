"""Writes what is deployed beside the services: `python -m infra.observe.deployed` from the repository's root."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.observe.alerts import GROUPS
from infra.observe.dashboard import dashboard_file
from infra.observe.rules import rules_file

FOLDER: Final = Path(__file__).parents[1] / "deploy"


def files() -> Mapping[Path, str]:
    """The text of each file."""
    return {
        FOLDER / "prometheus" / "alerts.yml": rules_file(GROUPS),
        FOLDER / "grafana" / "hitl.json": dashboard_file(),
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
