"""How every process of this machine is, asked at the address that it wrote down; one that hangs does not answer."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Final, NamedTuple
from urllib.error import HTTPError

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from infra.direct import DIRECT
from infra.kafka.log import TopicPartition
from infra.observe import metrics as m
from infra.observe.targets import targets_of

PATIENCE: Final = 0.7  # seconds for an answer
AT_ONCE: Final = 16
_WANTED: Final = (m.LAG.name, m.LAG_SECONDS.name)


class Lag(NamedTuple):
    """What a stage itself says of one partition that it owns."""

    records: int
    seconds: float


class Seen(NamedTuple):
    """One process: whether it answers, whether it does its work, what it says, and how far its inputs are behind."""

    name: str
    answers: bool
    ready: bool
    says: str
    lags: Mapping[TopicPartition, Lag]


def look(data_dir: Path) -> list[Seen]:
    """Every process that wrote down where it can be asked; one that ended by itself took that back."""
    found = targets_of(data_dir)
    if not found:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(found)), thread_name_prefix="looking") as asking:
        return list(asking.map(seen, found, found.values()))


def seen(name: str, address: str) -> Seen:
    """One process at an address."""
    ready = _asked(address, "ready")
    if ready is None:
        return Seen(name, False, False, "it does not answer: it has ended, or hangs", {})
    status, body = ready
    told = _asked(address, "metrics")
    return Seen(name, True, status == 200, _detail(body), lags_in((told or (0, b""))[1].decode().splitlines()))


def lags_in(lines: Iterable[str]) -> dict[TopicPartition, Lag]:
    """What a stage's metrics say of its inputs."""
    ours = "\n".join(line for line in lines if line.startswith(_WANTED))
    found: dict[TopicPartition, dict[str, float]] = {}
    for family in text_string_to_metric_families(ours + "\n"):
        for sample in family.samples:
            place = TopicPartition(sample.labels["topic"], int(sample.labels["partition"]))
            found.setdefault(place, {})[sample.name] = sample.value
    return {
        place: Lag(int(each[m.LAG.name]), each[m.LAG_SECONDS.name])
        for place, each in found.items()
        if set(each) == set(_WANTED)
    }


def _asked(address: str, question: str) -> tuple[int, bytes] | None:
    try:
        with DIRECT.open(f"http://{address}/{question}", timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()
    except (OSError, HTTPException):
        return None


def _detail(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=dict[str, str])["detail"])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
        return "somebody else answers there"
