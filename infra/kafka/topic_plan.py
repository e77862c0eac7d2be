"""How the catalogue's topics should be, how they are, and what can be corrected without losing a record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from schemas.topics import Topic

MIGRATE: Final = (
    "a key's records would move to other partitions, away from the state of their case: "
    "set HITL_PARTITIONS to the count found, or migrate to a new topic prefix"
)
REASSIGN: Final = "copies are moved by a reassignment (kafka-reassign-partitions), not by this command"
DELETES: Final = "this would delete records that are kept now; alter the topic by hand if that is meant"
SAFE_REPLICATION: Final = 3  # from here on, a write waits for two copies


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A topic as it should be or as it is."""

    partitions: int
    replication: int
    settings: Mapping[str, str]


class Difference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing in which a topic of the cluster differs from the catalogue; `refused` says why it is left so."""

    topic: str
    what: str  # "missing", "partitions", "replication" or the name of a setting
    wanted: str
    found: str | None = None
    refused: str | None = None

    def __str__(self) -> str:
        if self.what == "missing":
            return f"{self.topic} is missing"
        said = f"{self.topic}: {self.what} is {self.found}, should be {self.wanted}"
        return f"{said} ({self.refused})" if self.refused else said


def wanted_shape(topic: Topic[Any], *, partitions: int, replication: int) -> Shape:
    """The catalogue's topic in an installation with this many partitions and copies."""
    settings = dict(topic.settings())
    if replication >= SAFE_REPLICATION:
        settings["min.insync.replicas"] = "2"
    return Shape(partitions=partitions if topic.partitioned else 1, replication=replication, settings=settings)


def differences(name: str, wanted: Shape, found: Shape | None) -> list[Difference]:
    """What is to be done about a topic, in the order of doing it; more copies than wanted are welcome."""
    if found is None:
        return [Difference(topic=name, what="missing", wanted=str(wanted.partitions))]
    made = []
    if found.partitions != wanted.partitions:
        made.append(_difference(name, "partitions", wanted.partitions, found.partitions, MIGRATE))
    if found.replication < wanted.replication:
        made.append(_difference(name, "replication", wanted.replication, found.replication, REASSIGN))
    for what, value in wanted.settings.items():
        has = found.settings.get(what)
        if has != value:
            made.append(_difference(name, what, value, has, DELETES if _deletes(what, value, has) else None))
    return made


def refusals(found: Iterable[Difference]) -> str:
    """Why some differences are left as they are, said once for all topics that differ alike."""
    alike: dict[tuple[str, str, str | None, str], list[str]] = {}
    for each in found:
        if each.refused is not None:
            alike.setdefault((each.what, each.wanted, each.found, each.refused), []).append(each.topic)
    return "; ".join(
        f"{what} is {has}, should be {wanted} in {', '.join(names)}: {reason}"
        for (what, wanted, has, reason), names in alike.items()
    )


def _difference(topic: str, what: str, wanted: object, found: object, refused: str | None) -> Difference:
    return Difference(topic=topic, what=what, wanted=str(wanted), found=str(found), refused=refused)


def _deletes(what: str, wanted: str, found: str | None) -> bool:
    """Whether the change lets the broker delete what it keeps now."""
    match what:
        case "cleanup.policy":
            return "compact" in wanted and "compact" not in (found or "")
        case "retention.ms" | "retention.bytes":
            return wanted != "-1" and (found in (None, "-1") or int(wanted) < int(found or 0))
        case _:
            return False
