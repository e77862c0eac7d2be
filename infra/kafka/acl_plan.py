"""Who may do what on the cluster: the access rights that follow from the catalogue. Pure; `acl.py` applies them.

A principal is named as its role in the catalogue. It may write and read the topics that name it, join the groups and
use the transactional ids that begin with its name, and nothing else; the desk may also ask where topics end and how far
stages have come.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any, Final, NamedTuple

from infra.kafka import id_space
from schemas.topics import TALLIES, TOPICS, Topic

OPERATOR: Final = "operator"
WATCHER: Final = "desk"  # shows operators how records flow
SHARED_GROUPS: Final = ("reader", "questions")  # named by clients that read without joining (`client.py`)
CLUSTER: Final = "kafka-cluster"  # the name of the one resource of that type


class Resource(StrEnum):
    """What a right is about."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional-id"
    CLUSTER = "cluster"


class Operation(StrEnum):
    """What it allows; the words of kafka-acls."""

    READ = "Read"
    WRITE = "Write"
    CREATE = "Create"
    ALTER = "Alter"
    DELETE = "Delete"
    DESCRIBE = "Describe"
    DESCRIBE_CONFIGS = "DescribeConfigs"
    ALTER_CONFIGS = "AlterConfigs"
    CLUSTER_ACTION = "ClusterAction"
    IDEMPOTENT_WRITE = "IdempotentWrite"
    ALL = "All"
    OTHER = "Other"  # found on a cluster, never granted


class Grant(NamedTuple):
    """One right. `prefixed`: it holds for every name that begins so."""

    principal: str
    resource: Resource
    name: str
    prefixed: bool
    operation: Operation
    host: str = "*"

    def __str__(self) -> str:
        what = f"{self.resource} {self.name}{'*' if self.prefixed else ''}"
        return f"{self.principal}: {self.operation} {what}" + (f" from {self.host}" if self.host != "*" else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who connects: a name, the roles of the catalogue it has, and transactional ids beside its own."""

    name: str
    roles: tuple[str, ...]
    transactional_ids: tuple[str, ...] = ()  # what they begin with


class Change(NamedTuple):
    """What is to be done about a cluster's rights."""

    missing: tuple[Grant, ...]
    extra: tuple[Grant, ...]


def principals(topics: Sequence[Topic[Any]] = TOPICS) -> tuple[Principal, ...]:
    """One for each role of the catalogue, and the simulated people, who stand in for reviewers and experts."""
    roles = sorted({role for topic in topics for role in (*topic.writers, *topic.readers)})
    ids = {OPERATOR: ("model-command-",)}  # `hitl model` publishes what belongs together in one transaction
    people = Principal(name="simulated-people", roles=("reviewer-apps", "expert-apps"))
    return (*(Principal(name=role, roles=(role,), transactional_ids=ids.get(role, ())) for role in roles), people)


def matrix(
    prefix: str, chosen: Iterable[Principal] | None = None, topics: Sequence[Topic[Any]] = TOPICS
) -> list[Grant]:
    """Every right of these principals (default: all) in the installation with this prefix, without repeats."""
    asked = principals(topics) if chosen is None else chosen
    return list(dict.fromkeys(chain.from_iterable(_rights(each, prefix, topics) for each in asked)))


def difference(wanted: Iterable[Grant], found: Iterable[Grant], prefix: str) -> Change:
    """What a cluster lacks, and what it allows the same principals beyond that in this installation."""
    wanted, found = tuple(wanted), set(found)
    ours = {grant.principal for grant in wanted}
    extra = (g for g in found - set(wanted) if g.principal in ours and concerns(g, prefix))
    return Change(tuple(grant for grant in wanted if grant not in found), tuple(sorted(extra)))


def concerns(grant: Grant, prefix: str) -> bool:
    """Whether a right reaches into the installation with this prefix; that of another prefix is not ours to remove."""
    if grant.resource is Resource.CLUSTER or grant.name == "*" or grant.name.startswith(prefix):
        return True
    return grant.prefixed and prefix.startswith(grant.name)


def kafka_acls(grants: Iterable[Grant]) -> list[str]:
    """The same as arguments of Apache Kafka's kafka-acls, a line for each resource of a principal."""
    operations: dict[tuple[str, Resource, str, bool], list[Operation]] = {}
    for grant in grants:
        operations.setdefault(grant[:4], []).append(grant.operation)
    return [_kafka_acls(*where, allowed) for where, allowed in operations.items()]


def _kafka_acls(
    principal: str, resource: Resource, name: str, prefixed: bool, allowed: Sequence[Operation]
) -> str:
    words = ["--add", f"--allow-principal 'User:{principal}'", *(f"--operation {each}" for each in allowed)]
    words += ["--cluster"] if resource is Resource.CLUSTER else [f"--{resource} '{name}'"]
    words += ["--resource-pattern-type prefixed"] if prefixed else []
    return " ".join(("kafka-acls --bootstrap-server HOST:PORT --command-config admin.properties", *words))


def _rights(who: Principal, prefix: str, topics: Sequence[Topic[Any]]) -> Iterable[Grant]:
    written = [topic.name for topic in topics if set(who.roles) & set(topic.writers)]
    read = [topic.name for topic in topics if set(who.roles) & set(topic.readers)]
    for name in dict.fromkeys((*written, *read)):
        yield Grant(who.name, Resource.TOPIC, prefix + name, False, Operation.DESCRIBE)
        if name in written:
            yield Grant(who.name, Resource.TOPIC, prefix + name, False, Operation.WRITE)
        if name in read:
            yield Grant(who.name, Resource.TOPIC, prefix + name, False, Operation.READ)
    for operation in (Operation.DESCRIBE, Operation.READ):  # whoever decodes must know the cluster's schema ids
        yield Grant(who.name, Resource.TOPIC, prefix + id_space.TOPIC, False, operation)
    yield from _groups(who.name, prefix)
    if written:
        for begin in (f"{who.name}-", *who.transactional_ids):
            for operation in (Operation.DESCRIBE, Operation.WRITE):
                yield Grant(who.name, Resource.TRANSACTIONAL_ID, prefix + begin, True, operation)
    if OPERATOR in who.roles:
        yield from _operators(who.name, prefix)
    if WATCHER in who.roles:
        yield from _watchers(who.name, prefix, topics)


def _groups(name: str, prefix: str) -> Iterable[Grant]:
    """Its own group, those that begin with its name and a dot (as of `client_group.Slot`), and the shared names."""
    yield Grant(name, Resource.GROUP, prefix + name, False, Operation.READ)
    yield Grant(name, Resource.GROUP, f"{prefix}{name}.", True, Operation.READ)
    for shared in SHARED_GROUPS:
        yield Grant(name, Resource.GROUP, prefix + shared, False, Operation.DESCRIBE)


def _operators(name: str, prefix: str) -> Iterable[Grant]:
    """What `hitl topics apply` and `check` need; rights themselves are an administrator's."""
    for operation in (
        Operation.CREATE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS, Operation.ALTER_CONFIGS,
    ):  # fmt: skip
        yield Grant(name, Resource.TOPIC, prefix, True, operation)
    yield Grant(name, Resource.TOPIC, prefix + id_space.TOPIC, False, Operation.WRITE)


def _watchers(name: str, prefix: str, topics: Sequence[Topic[Any]]) -> Iterable[Grant]:
    """Where every topic ends, and the positions of whoever counts its work; no record of theirs can be read by that."""
    for topic in topics:
        yield Grant(name, Resource.TOPIC, prefix + topic.name, False, Operation.DESCRIBE)
    for stage in TALLIES.writers:
        yield Grant(name, Resource.GROUP, prefix + stage, False, Operation.DESCRIBE)


def by_principal(grants: Iterable[Grant]) -> Mapping[str, list[Grant]]:
    """The rights of each principal, in order."""
    found: dict[str, list[Grant]] = {}
    for grant in grants:
        found.setdefault(grant.principal, []).append(grant)
    return found
