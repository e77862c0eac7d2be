"""The AsyncAPI document says what the catalogue and the schemas say. (`tests/e2e` asks AsyncAPI's own parser.)"""

import json
from typing import Any

import pytest

from infra.settings import Settings
from schemas.asyncapi import DOCUMENT, ROLES, document, text
from schemas.events import EVENT_TYPES
from schemas.publishing import AVRO, entries
from schemas.topics import DEFAULT_PARTITIONS, TOPICS, Topic

DOC: dict[str, Any] = document()
ALL = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)


def resolved(reference: dict[str, str]) -> Any:
    node: Any = DOC
    for step in reference["$ref"].removeprefix("#/").split("/"):
        node = node[step]
    return node


def test_the_committed_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == text(), "run `python -m schemas.asyncapi`"


@ALL
def test_every_topic_is_a_channel_with_its_events(topic: Topic[Any]) -> None:
    channel = DOC["channels"][topic.name]
    assert channel["address"].format(prefix="hitl.") == f"hitl.{topic.name}"
    assert resolved(channel["parameters"]["prefix"])["default"] == Settings().topic_prefix
    messages = {name: resolved(reference) for name, reference in channel["messages"].items()}
    assert set(messages) == {kind.__name__ for kind in topic.events}
    assert all(message["name"] == name for name, message in messages.items())


@ALL
def test_every_topic_has_the_brokers_settings(topic: Topic[Any]) -> None:
    kafka = DOC["channels"][topic.name]["bindings"]["kafka"]
    assert kafka["partitions"] == (Settings().partitions if topic.partitioned else 1)
    configured = {key: value[0] if isinstance(value, list) else str(value) for key, value in
                  kafka["topicConfiguration"].items()}  # fmt: skip
    assert configured.items() <= topic.settings().items()
    assert ("retention.ms" in configured) != topic.compacted


def test_the_default_of_the_catalogue_is_that_of_the_settings() -> None:
    assert Settings().partitions == DEFAULT_PARTITIONS


@pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.__name__)
def test_every_event_is_a_message_with_its_published_schema(kind: type[Any]) -> None:
    message = DOC["components"]["messages"][kind.__name__]
    entry = entries()[message["x-schema"]]
    assert (message["x-schema-id"], message["x-schema-fingerprint"]) == (entry.id, entry.fingerprint)
    assert message["payload"]["schema"] == json.loads((AVRO / f"{message['x-schema']}.avsc").read_text())
    assert message["summary"]


@pytest.mark.parametrize("role", ROLES)
def test_operations_of_a_role_are_what_the_catalogue_lets_it_do(role: str) -> None:
    found = {
        (operation["action"], resolved(operation["channel"])["title"])
        for operation in DOC["operations"].values()
        if {"name": role} in operation["tags"]
    }
    assert found == {("send", topic.name) for topic in TOPICS if role in topic.writers} | {
        ("receive", topic.name) for topic in TOPICS if role in topic.readers
    }
    assert found
