"""What is published stays as it is, and every version can read every other."""

import json
from collections import defaultdict

import pytest
from fastavro.schema import parse_schema

from schemas.avsc import Declaration, Definition, Record, parse_avsc
from schemas.codec import published, schema_fingerprint
from schemas.compatibility import full_transitive
from schemas.publishing import Entry, entries, meaning_digest, schema_files, with_new_schemas
from tests.contract.schemas.members import DECLARED, EVENTS

FILES = dict(schema_files())
ENTRIES = entries()


def versions_of(name: str) -> list[int]:
    return [version.version for version in published() if version.name == name]


def test_every_schema_file_is_published_and_every_published_schema_has_its_file() -> None:
    assert set(FILES) == set(ENTRIES), "run `python -m schemas.publishing`"


def test_ids_and_fingerprints_name_one_schema_each() -> None:
    assert len({entry.id for entry in ENTRIES.values()}) == len(ENTRIES)
    assert len({entry.fingerprint for entry in ENTRIES.values()}) == len(ENTRIES)


@pytest.mark.parametrize("key", FILES)
def test_a_published_schema_is_never_edited(key: str) -> None:
    """Fails after an edit of anything but documentation: put the file back and write the next version beside it."""
    assert schema_fingerprint(json.loads(FILES[key])).hex() == ENTRIES[key].fingerprint
    assert meaning_digest(FILES[key]) == ENTRIES[key].sha256


def test_an_edit_of_a_default_is_found_and_one_of_the_wording_is_not() -> None:
    """The fingerprint alone covers no defaults, and they decide how old records are read."""
    source = FILES["ReviewDecided/v1"]
    assert meaning_digest(source.replace('"default": 1.0', '"default": 0.5')) != meaning_digest(source)
    assert meaning_digest(source.replace("A person answered", "Somebody answered")) == meaning_digest(source)


@pytest.mark.parametrize("name", EVENTS)
def test_versions_count_up_from_one(name: str) -> None:
    assert versions_of(name) == list(range(1, len(versions_of(name)) + 1))


@pytest.mark.parametrize("name", EVENTS)
def test_every_version_reads_every_other(name: str) -> None:
    assert full_transitive([DECLARED[f"{name}/v{version}"] for version in versions_of(name)]) == ()


def test_an_incompatible_next_version_is_found() -> None:
    """The law bites on a real event: a field that is required from now on cannot be read from older records."""
    schema = json.loads(FILES["ReviewDecided/v1"])
    schema["fields"].append({"name": "desk", "type": "string"})
    problems = full_transitive([DECLARED["ReviewDecided/v1"], declared(schema)])
    assert [(reader, writer, problem.path) for reader, writer, problem in problems] == [(1, 0, "ReviewDecided.desk")]


def test_a_compatible_next_version_gets_the_next_id_and_leaves_the_others_alone() -> None:
    known = {key: entry for key, entry in ENTRIES.items() if key != "StageTallied/v1"}
    made = with_new_schemas(known)
    assert {key: made[key] for key in known} == known
    assert made["StageTallied/v1"] == Entry(
        id=max(entry.id for entry in known.values()) + 1,
        fingerprint=ENTRIES["StageTallied/v1"].fingerprint,
        sha256=ENTRIES["StageTallied/v1"].sha256,
    )


def test_shared_parts_are_the_same_in_every_event() -> None:
    """Foreign code generators make one class of a name: two shapes under one name would not compile."""
    shapes: dict[str, list[Definition]] = defaultdict(list)
    for version in published():
        for name, part in DECLARED[version.key].named.items():
            if part != DECLARED[version.key].root and part not in shapes[name]:
                shapes[name].append(part)
    assert [name for name, found in shapes.items() if len(found) > 1] == []


@pytest.mark.parametrize("key", FILES)
def test_every_schema_is_valid_avro_and_explains_every_field(key: str) -> None:
    parse_schema(json.loads(FILES[key]))
    assert [*undocumented(DECLARED[key])] == []


def undocumented(declaration: Declaration) -> list[str]:
    records = [part for part in declaration.named.values() if isinstance(part, Record)]
    nameless = [record.name for record in records if not record.doc]
    return nameless + [f"{record.name}.{field.name}" for record in records for field in record.fields if not field.doc]


def declared(schema: object) -> Declaration:
    return parse_avsc(json.dumps(schema))


def test_fingerprints_are_those_of_the_specification() -> None:
    """CRC-64-AVRO of `"null"` and `"int"`, from the specification's own test data, little-endian."""
    assert schema_fingerprint({"type": "null"}) == (7195948357588979594).to_bytes(8, "little")
    assert schema_fingerprint({"type": "int"}) == (8247732601305521295).to_bytes(8, "little")
