"""Ids come by fingerprint: from our list without a registry, from the registry with one, whatever it numbers."""

import json

import pytest

from infra.errors import FatalConfiguration
from infra.registry.errors import NoRegistry, SchemaUnregistered
from infra.registry.ids import codec_of, fingerprint_of, ids_of, resolve, subject_of
from infra.settings import Settings
from schemas.codec import HEADER, Codec, Undecodable, published
from schemas.publishing import EXAMPLES, example_event
from tests.support.registry import FakeRegistry

EVERY = published()
OURS = {version.fingerprint: version.schema_id for version in EVERY}
EVENT = example_event(EXAMPLES / "DecisionRequested" / "v1.full.json")


def fill(registry: FakeRegistry, *, but: str = "") -> None:
    """Register everything, the last first."""
    for version in sorted(EVERY, key=lambda each: (each.version, -each.schema_id)):
        if version.key != but:
            registry.register(subject_of(version.name), version.source)


def test_without_a_registry_the_ids_are_those_of_our_list() -> None:
    assert ids_of(Settings()) == codec_of(Settings()).ids == OURS


def test_the_ids_of_a_registry_are_written_and_read(fake_registry: FakeRegistry) -> None:
    fake_registry.next_id = 500
    fill(fake_registry)
    codec = codec_of(Settings(schema_registry_url=fake_registry.url))
    assert set(codec.ids) == set(OURS)
    assert set(codec.ids.values()) == set(range(500, 500 + len(EVERY)))
    written = codec.encode(EVENT)
    schema_id = HEADER.unpack(written[: HEADER.size])[1]
    assert fingerprint_of(fake_registry.client.schema(schema_id) or "") == codec.fingerprints[type(EVENT)]
    assert codec.decode(written) == EVENT
    with pytest.raises(Undecodable, match="unknown_schema"):
        codec.decode(Codec.of_repository().encode(EVENT))


def test_it_is_asked_at_the_start_and_never_again(fake_registry: FakeRegistry) -> None:
    fill(fake_registry)
    codec = codec_of(Settings(schema_registry_url=fake_registry.url))
    asked = len(fake_registry.asked)
    assert codec.decode(codec.encode(EVENT)) == EVENT
    with pytest.raises(Undecodable, match="unknown_schema"):
        codec.decode(HEADER.pack(0, 77_777) + b"body")
    assert len(fake_registry.asked) == asked


def test_better_documentation_is_the_same_schema(fake_registry: FakeRegistry) -> None:
    fill(fake_registry)
    subject = fake_registry.subjects[subject_of("DecisionRequested")]
    worded = json.loads(subject[1]) | {"doc": "in other words"}
    fake_registry.ids[json.dumps(worded)] = fake_registry.ids.pop(subject[1])
    subject[1] = json.dumps(worded)
    assert len(resolve(fake_registry.client, EVERY)) == len(EVERY)


def test_of_two_ids_for_one_schema_the_older_counts(fake_registry: FakeRegistry) -> None:
    fill(fake_registry)
    before = resolve(fake_registry.client, EVERY)
    [version] = [version for version in EVERY if version.key == "DecisionRequested/v1"]
    again = json.dumps(json.loads(version.source) | {"doc": "in other words"})
    fake_registry.register(subject_of(version.name), again)
    assert resolve(fake_registry.client, EVERY) == before


def test_what_others_registered_there_is_passed_over(fake_registry: FakeRegistry) -> None:
    fill(fake_registry)
    before = resolve(fake_registry.client, EVERY)
    for text in ("no json", "[]", '{"type": "record"}', '"string"', '{"type": "nonsense"}', "7"):
        fake_registry.register(subject_of("DecisionRequested"), text)
    assert resolve(fake_registry.client, EVERY) == before


def test_an_unknown_schema_is_named_with_the_command_that_registers_it(fake_registry: FakeRegistry) -> None:
    fill(fake_registry, but="PredictionMade/v1")
    with pytest.raises(SchemaUnregistered, match="PredictionMade/v1.*hitl schemas load") as failed:
        codec_of(Settings(schema_registry_url=fake_registry.url))
    assert not isinstance(failed.value, FatalConfiguration), "once it is registered, the next start succeeds"


def test_one_id_for_two_schemas_is_no_registry_of_ours(fake_registry: FakeRegistry) -> None:
    fill(fake_registry)
    first, second, *_ = fake_registry.ids
    fake_registry.ids[second] = fake_registry.ids[first]
    with pytest.raises(NoRegistry, match="one id to two schemas"):
        resolve(fake_registry.client, EVERY)
