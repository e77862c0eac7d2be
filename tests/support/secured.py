"""A secured broker for the tests: TLS, a password for each principal, and the rights of the catalogue."""

import atexit
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.kafka import id_space
from infra.kafka.acl_plan import Principal, principals
from infra.kafka.client_config import ClientOptions
from infra.kafka.topics import apply
from infra.local.access import LocalAccess
from infra.local.broker import EmbeddedBroker
from infra.local.folders import Folders
from infra.settings import Settings
from schemas.topics import TOPICS

ALL = pytest.mark.parametrize("principal", principals(), ids=lambda each: each.name)
SECONDS = 30.0  # for a whole row of the matrix


class Secured(NamedTuple):
    """The broker, and how to be somebody there."""

    broker: EmbeddedBroker
    access: LocalAccess
    folders: Folders

    def settings(self, principal: str, **changes: Any) -> Settings:
        """Settings of a process that is this principal."""
        servers = self.broker.bootstrap_servers
        plain = Settings(data_dir=self.folders.data_dir, bootstrap_servers=servers, partitions=1)
        return self.access.as_service(plain, principal).with_changes(**changes)

    @property
    def administrator(self) -> Settings:
        return self.access.as_admin(self.settings("operator"))


@pytest.fixture(scope="session")
def secured(kafka_jars: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A broker that serves only those who may; with all topics."""
    folders = Folders(tmp_path_factory.mktemp("secured"))
    access = LocalAccess(folders, ["nobody"])
    broker = EmbeddedBroker(folders.kafka, kafka_jars, credentials=access.credentials)
    atexit.register(broker.kill)
    broker.start()
    made = Secured(broker, access, folders)
    apply(made.administrator)
    access.grant(made.administrator)
    yield made
    broker.kill()
    atexit.unregister(broker.kill)


def granted(principal: Principal, *, writes: bool) -> set[str]:
    """The topics that the catalogue lets a principal write, or read."""
    roles = set(principal.roles)
    named = {topic.name for topic in TOPICS if roles & set(topic.writers if writes else topic.readers)}
    return named | ({id_space.TOPIC} if not writes or "operator" in roles else set())


def options(settings: Settings) -> ClientOptions:
    """How a client of a test connects."""
    return ClientOptions(
        bootstrap_servers=settings.bootstrap_servers, extra=settings.kafka, request_timeout_seconds=20
    )


def wait_until(condition: Callable[[], bool]) -> None:
    """Ask until it is so; fails after `SECONDS`."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
