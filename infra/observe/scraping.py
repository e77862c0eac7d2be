"""How Prometheus is told to scrape the processes of a stack on this machine."""

import json
from pathlib import Path
from typing import Final

from infra.observe.targets import FOLDER

RULES: Final = Path(__file__).parents[1] / "deploy" / "prometheus" / "alerts.yml"
CONFIG: Final = """\
global:
  scrape_interval: 15s
  evaluation_interval: 15s
rule_files:
  - {rules}
scrape_configs:
  - job_name: hitl
    file_sd_configs:
      - files:
          - {files}
        refresh_interval: 15s
"""


def prometheus_config(data_dir: Path) -> str:
    """The configuration file: the alerts of this installation, and every process that writes below `data_dir`."""
    return CONFIG.format(rules=json.dumps(str(RULES)), files=json.dumps(str(data_dir / FOLDER / "*.json")))
