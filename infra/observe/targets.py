"""Where each process of a stack serves its metrics: one file each, which Prometheus' file discovery reads as it is."""

from pathlib import Path
from typing import Final

import msgspec

from infra.local.state import replace_file

FOLDER: Final = Path("run/metrics")  # under data_dir


class Target(msgspec.Struct, frozen=True):
    """One group of Prometheus' `file_sd_configs`: addresses, and labels of every series that comes from them."""

    targets: list[str]
    labels: dict[str, str]


def target_file(data_dir: Path, service: str, slot: str) -> Path:
    """The file of a replica."""
    return data_dir / FOLDER / f"{service}@{slot}.json"


def write_target(file: Path, address: str, *, service: str, slot: str) -> None:
    """Tell whoever scrapes where this replica is. A process that is killed leaves it: so it is missed."""
    target = Target([address], {"service": service, "slot": slot})
    replace_file(file, msgspec.json.encode([target]) + b"\n")


def read_target(file: Path) -> str:
    """The address that was told last; empty when none was."""
    try:
        (target,) = msgspec.json.decode(file.read_bytes(), type=list[Target])
        return target.targets[0]
    except (OSError, msgspec.DecodeError, ValueError, IndexError):
        return ""


def targets_of(data_dir: Path) -> dict[str, str]:
    """The address of each replica, by `service@slot`."""
    found = {file.stem: read_target(file) for file in sorted((data_dir / FOLDER).glob("*.json"))}
    return {name: address for name, address in found.items() if address}


def former_port(file: Path) -> int | None:
    """The port that this replica had before."""
    port = read_target(file).rpartition(":")[2]
    return int(port) if port.isdigit() else None
