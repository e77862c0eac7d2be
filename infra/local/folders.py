"""Where the local stack keeps what, below the data folder."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.settings import BOOTSTRAP_FILE, CLIENT_FILE, REDIS_FILE


@dataclass(frozen=True, slots=True)
class Folders:
    """Paths of one stack; two stacks with different data folders do not touch each other."""

    data_dir: Path

    @property
    def kafka(self) -> Path:
        return self.data_dir / "kafka"

    @property
    def valkey(self) -> Path:
        return self.data_dir / "valkey"

    @property
    def state(self) -> Path:
        return self.data_dir / "run" / "state.json"

    @property
    def lock(self) -> Path:
        return self.data_dir / "run" / "lock"

    @property
    def bootstrap(self) -> Path:
        return self.data_dir / BOOTSTRAP_FILE

    @property
    def redis(self) -> Path:
        return self.data_dir / REDIS_FILE

    @property
    def client(self) -> Path:
        return self.data_dir / CLIENT_FILE

    @property
    def credentials(self) -> Path:
        return self.data_dir / "secrets" / "kafka"

    def log(self, name: str) -> Path:
        return self.data_dir / "logs" / f"{name}.log"

    def purge(self) -> None:
        """Delete what a stack has written: log of all events, the view of it, models, secrets, logs; nothing else."""
        for name in ("kafka", "valkey", "insights", "run", "logs", "models", "secrets"):
            shutil.rmtree(self.data_dir / name, ignore_errors=True)
