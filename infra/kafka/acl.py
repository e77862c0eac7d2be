"""The cluster's access rights and users, compared with the catalogue and brought in line with it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclBindingFilter, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from infra.errors import HitlError
from infra.kafka.acl_plan import CLUSTER, Grant, Operation, Principal, Resource, difference, matrix, principals
from infra.kafka.client_config import ClientOptions
from infra.kafka.client_errors import kafka_error, unavailable
from infra.kafka.client_log import LOGGER
from infra.settings import Settings

T = TypeVar("T")
TIMEOUT: Final = 10.0  # seconds, for each question
VISIBLE_TIMEOUT: Final = 30.0  # seconds until the broker acts on what it was told
SCRAM_ITERATIONS: Final = 8192
USER: Final = "User:"
TYPES: Final[Mapping[Resource, ResourceType]] = {
    Resource.TOPIC: ResourceType.TOPIC,
    Resource.GROUP: ResourceType.GROUP,
    Resource.TRANSACTIONAL_ID: ResourceType.TRANSACTIONAL_ID,
    Resource.CLUSTER: ResourceType.BROKER,  # librdkafka's name for it
}
RESOURCES: Final = {theirs: ours for ours, theirs in TYPES.items()}
OPERATIONS: Final = {AclOperation[each.name]: each for each in Operation if each is not Operation.OTHER}


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, and what the cluster allows beyond the catalogue (`left` where it was not removed)."""

    added: list[Grant]
    removed: list[Grant]
    left: list[Grant]


def apply(settings: Settings, chosen: Iterable[Principal] | None = None, *, prune: bool = False) -> Applied:
    """Grant what is missing and wait until the broker knows; with `prune` take away what the catalogue does not grant.

    Only rights of these principals (default: all of the catalogue) in this installation are touched.
    Raises `LogUnavailable`, `AccessDenied`.
    """
    rights, chosen = Rights(settings), tuple(principals() if chosen is None else chosen)
    wanted = matrix(settings.topic_prefix, chosen)
    change = difference(wanted, rights.of([each.name for each in chosen]), settings.topic_prefix)
    rights.add(change.missing)
    if prune:
        rights.remove(change.extra)
    rights.wait_for(change.missing, gone=change.extra if prune else ())
    removed, left = (change.extra, ()) if prune else ((), change.extra)
    return Applied(added=list(change.missing), removed=list(removed), left=list(left))


class Rights:
    """Questions and orders to the brokers about access rights and users."""

    def __init__(self, settings: Settings) -> None:
        options = ClientOptions(bootstrap_servers=settings.bootstrap_servers, extra=settings.kafka)
        self._servers = settings.bootstrap_servers
        self._heard = options.heard
        self._admin = AdminClient(options.admin(), logger=LOGGER)

    def of(self, names: Iterable[str]) -> set[Grant]:
        """What the cluster allows these principals, by name."""
        return {grant for name in names for grant in self._of(name)}

    def add(self, grants: Sequence[Grant]) -> None:
        """Grant; what is granted already stays."""
        if grants:
            for grant, answer in zip(
                grants, self._admin.create_acls([_binding(each) for each in grants]).values(), strict=True
            ):
                self._result(f"granting {grant}", answer)

    def remove(self, grants: Sequence[Grant]) -> None:
        """Take away."""
        if grants:
            filters = [_filter(grant) for grant in grants]
            for grant, answer in zip(grants, self._admin.delete_acls(filters).values(), strict=True):
                self._result(f"taking away {grant}", answer)

    def set_passwords(self, passwords: Mapping[str, str]) -> None:
        """Make these users, or give them these passwords, by SCRAM-SHA-512."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
        made: list[UserScramCredentialAlteration] = [
            UserScramCredentialUpsertion(name, info, word.encode()) for name, word in passwords.items()
        ]
        for name, answer in self._admin.alter_user_scram_credentials(made).items():
            self._result(f"user {name}", answer)

    def wait_for(self, added: Iterable[Grant], *, gone: Iterable[Grant] = ()) -> None:
        """Until the broker that answers acts on it; until then it refuses, and a service would end."""
        added, gone = set(added), set(gone)
        names = {grant.principal for grant in added | gone}
        deadline = time.monotonic() + VISIBLE_TIMEOUT
        while not (added <= (found := self.of(names)) and not gone & found):
            if time.monotonic() > deadline:
                raise HitlError("the cluster does not show its new access rights; see whether its brokers serve.")
            time.sleep(0.05)

    def _of(self, name: str) -> Iterable[Grant]:
        anything: Any = None  # a name or a host; the stubs want text
        about = AclBindingFilter(
            ResourceType.ANY, anything, ResourcePatternType.ANY, USER + name, anything, AclOperation.ANY,
            AclPermissionType.ALLOW,
        )  # fmt: skip
        for found in self._result(f"access rights of {name}", self._admin.describe_acls(about)):
            if found.restype in RESOURCES:  # else of a kind that nothing here uses
                yield _grant(found)

    def _result(self, about: str, answer: Any) -> Any:
        try:
            return answer.result(TIMEOUT)
        except (KafkaException, TimeoutError) as raised:
            self._admin.poll(0)  # what its connections have to say
            late = KafkaError(KafkaError._TIMED_OUT)
            error = kafka_error(raised) if isinstance(raised, KafkaException) else late
            raise unavailable(error, about, self._servers, TIMEOUT, self._heard) from raised


def _binding(grant: Grant) -> AclBinding:
    return AclBinding(*_parts(grant))


def _filter(grant: Grant) -> AclBindingFilter:
    return AclBindingFilter(*_parts(grant))


def _parts(grant: Grant) -> tuple[Any, ...]:
    return (
        TYPES[grant.resource],
        grant.name,
        ResourcePatternType.PREFIXED if grant.prefixed else ResourcePatternType.LITERAL,
        USER + grant.principal,
        grant.host,
        AclOperation[grant.operation.name],
        AclPermissionType.ALLOW,
    )


def _grant(found: Any) -> Grant:
    resource = RESOURCES[found.restype]
    return Grant(
        principal=found.principal.removeprefix(USER),
        resource=resource,
        name=CLUSTER if resource is Resource.CLUSTER else found.name,
        prefixed=found.resource_pattern_type is ResourcePatternType.PREFIXED,
        operation=OPERATIONS.get(found.operation, Operation.OTHER),
        host=found.host,
    )
