"""Write `schemas/asyncapi.json`: the topics and events as an AsyncAPI 3.0 document, for people and generators.

Everything in it comes from topics.py and the `.avsc` files; operations are told from the role that does them.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from schemas.avsc import Json
from schemas.codec import SchemaVersion, published
from schemas.topics import DEFAULT_PARTITIONS, TOPICS, Keyed, Topic

DOCUMENT: Final = Path(__file__).with_name("asyncapi.json")
BINDING: Final = "0.5.0"  # version of the Kafka bindings
AVRO: Final = "application/vnd.apache.avro;version=1.9.0"
ROLES: Final[Mapping[str, str]] = {
    "upstream": "a system that asks for decisions and acts on them",
    "reviewer-apps": "an app in which people answer cases",
    "expert-apps": "an app in which experts answer cases",
    "audit": "whoever reads the whole log to check or replay it",
}
DESCRIPTION: Final = """\
A model decides the cases that it is sure of, people decide the rest; every event stays in the log. This document names
what an app of any language meets there, without a library of ours: topics, keys, events, who writes and reads them.

- A value is the Confluent wire format: the byte 0, four bytes with the schema's id (`x-schema-id`, big-endian), the
  Avro body. A key is text in UTF-8. Records carry no headers.
- Keys choose the partition by murmur2, the default of Java, kafkajs and franz-go; librdkafka needs
  `partitioner=murmur2_random`. Elsewhere a request becomes a dead letter and a decision is refused.
- Read with `isolation.level=read_committed`.
- `send` and `receive` are told from the role in the operation's tag.
"""


def document() -> dict[str, Json]:
    """The whole document."""
    current = {version.name: version for version in published()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "hitl-streams",
            "version": "1",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
            "tags": [{"name": role, "description": what} for role, what in ROLES.items()],
        },
        "defaultContentType": "avro/binary",
        "servers": _servers(),
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {name: operation for topic in TOPICS for name, operation in _operations(topic)},
        "components": {
            "messages": {name: _message(version) for name, version in current.items()},
            "parameters": {
                "prefix": {"default": "hitl.", "description": "the installation's prefix (HITL_TOPIC_PREFIX)"}
            },
            "securitySchemes": {
                "certificate": {"type": "X509", "description": "mutual TLS"},
                "plain": {"type": "plain", "description": "SASL/PLAIN"},
                "scram-sha-256": {"type": "scramSha256", "description": "SASL/SCRAM-SHA-256"},
                "scram-sha-512": {"type": "scramSha512", "description": "SASL/SCRAM-SHA-512"},
            },
        },
    }


def text() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def write_asyncapi() -> None:
    """Bring the committed document up to date."""
    DOCUMENT.write_text(text())


def _servers() -> dict[str, Json]:
    brokers: dict[str, Json] = {
        "default": "127.0.0.1:9092",
        "description": "host and port of a broker; `hitl status` names those of this machine",
    }
    schemes = ("certificate", "plain", "scram-sha-256", "scram-sha-512")
    return {
        "local": {
            "host": "{brokers}",
            "protocol": "kafka",
            "description": "plaintext, as `hitl up` starts it",
            "variables": {"brokers": brokers},
        },
        "cluster": {
            "host": "{brokers}",
            "protocol": "kafka-secure",
            "description": "TLS, with a client certificate or one kind of SASL, as the cluster has it",
            "variables": {"brokers": {**brokers, "default": "kafka.example:9093"}},
            "security": [{"$ref": f"#/components/securitySchemes/{scheme}"} for scheme in schemes],
        },
    }


def _channel(topic: Topic[Any]) -> dict[str, Json]:
    return {
        "address": f"{{prefix}}{topic.name}",
        "title": topic.name,
        "description": _about(topic),
        "parameters": {"prefix": {"$ref": "#/components/parameters/prefix"}},
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in topic.events},
        "bindings": {
            "kafka": {
                "topic": f"{{prefix}}{topic.name}",
                "partitions": DEFAULT_PARTITIONS if topic.partitioned else 1,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": BINDING,
            }
        },
    }


def _about(topic: Topic[Any]) -> str:
    partitions = (
        "As many partitions as the installation gives all such topics (HITL_PARTITIONS; here: the default)."
        if topic.partitioned
        else "One partition."
    )
    clock = "The broker's clock rules." if topic.append_time else "Timestamps are the writer's."
    return (
        f"Key: {topic.keyed}. {partitions} {clock} A value has at most {topic.max_value_bytes:,} bytes. "
        f"Written by {', '.join(topic.writers)}; read by {', '.join(topic.readers)}."
    )


def _configuration(topic: Topic[Any]) -> dict[str, Json]:
    """The part of the broker's settings that AsyncAPI has words for."""
    settings = topic.settings()
    numbers = ("retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes")
    made: dict[str, Json] = {"cleanup.policy": [settings["cleanup.policy"]]}
    return {**made, **{name: int(settings[name]) for name in numbers if name in settings}}


def _operations(topic: Topic[Any]) -> Iterator[tuple[str, Json]]:
    for role in ROLES:
        for action, does in (("send", role in topic.writers), ("receive", role in topic.readers)):
            if does:
                yield f"{role}.{action}.{topic.name}", _operation(topic, role, action)


def _operation(topic: Topic[Any], role: str, action: str) -> dict[str, Json]:
    channel = f"#/channels/{topic.name}"
    verb = "writes to" if action == "send" else "reads"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "summary": f"{role} {verb} {topic.name}",
        "tags": [{"name": role}],
        "messages": [{"$ref": f"{channel}/messages/{kind.__name__}"} for kind in topic.events],
    }


def _message(version: SchemaVersion) -> dict[str, Json]:
    schema: dict[str, Json] = json.loads(version.source)
    [keyed] = {topic.keyed for topic in TOPICS for kind in topic.events if kind.__name__ == version.name}
    return {
        "name": version.name,
        "title": version.name,
        "summary": schema["doc"],
        "contentType": "avro/binary",
        "payload": {"schemaFormat": AVRO, "schema": schema},
        "bindings": {
            "kafka": {
                "key": _key(keyed),
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "bindingVersion": BINDING,
            }
        },
        "x-schema": version.key,
        "x-schema-id": version.schema_id,
        "x-schema-fingerprint": version.fingerprint.hex(),
    }


def _key(keyed: Keyed) -> dict[str, Json]:
    if keyed is Keyed.ORIGINAL:
        return {"type": "string", "format": "binary", "description": "key of the record that could not be processed"}
    return {"type": "string", "minLength": 1, "description": f"{keyed}, UTF-8"}


if __name__ == "__main__":
    write_asyncapi()
