"""The archive is what Apicurio's own export looks like, with our ids; the real one takes it in tests/integration."""

import io
import json
import zipfile
from typing import Any

import pytest

from infra.registry.archive import archive, content_hash, contents
from infra.registry.ids import fingerprint_of, subject_of
from schemas.avsc import parse_avsc
from schemas.codec import SchemaVersion, published

EVERY = published()


def entries(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as made:
        return {name: made.read(name) for name in made.namelist()}


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    return entries(archive(EVERY))


@pytest.mark.parametrize("version", EVERY, ids=lambda version: version.key)
def test_every_schema_lies_there_under_its_own_id(version: SchemaVersion, whole: dict[str, bytes]) -> None:
    subject = subject_of(version.name)
    about: dict[str, Any] = json.loads(
        whole[f"groups/default/artifacts/{subject}/versions/{version.version}.ArtifactVersion.json"]
    )
    content: dict[str, Any] = json.loads(whole[f"content/{content_hash(version)}.Content.json"])
    text = whole[f"content/{content_hash(version)}.Content.data"].decode()
    assert (about["globalId"], about["contentId"], content["contentId"]) == (version.schema_id,) * 3
    assert fingerprint_of(text) == version.fingerprint
    rule: dict[str, Any] = json.loads(
        whole[f"groups/default/artifacts/{subject}/rules/COMPATIBILITY.ArtifactRule.json"]
    )
    assert (rule["type"], rule["configuration"]) == ("COMPATIBILITY", "FULL_TRANSITIVE")


@pytest.mark.parametrize("version", EVERY, ids=lambda version: version.key)
def test_a_subject_is_the_full_name_of_the_record(version: SchemaVersion) -> None:
    assert parse_avsc(version.source).record().name == subject_of(version.name)


def test_a_content_comes_before_what_names_it_and_its_data_right_behind_it(whole: dict[str, bytes]) -> None:
    names = list(whole)
    contents = [place for place, name in enumerate(names) if name.endswith(".Content.json")]
    assert len(contents) == len(EVERY)
    for place in contents:
        assert names[place + 1] == names[place].replace(".json", ".data")
    assert max(contents) < min(place for place, name in enumerate(names) if name.endswith(".ArtifactVersion.json"))


def test_the_same_schemas_give_the_same_bytes() -> None:
    assert archive(EVERY) == archive(EVERY)


def test_the_latest_version_is_the_last(whole: dict[str, bytes]) -> None:
    branch = json.loads(whole["groups/default/artifacts/hitl.CaseClosed/branches/latest.Branch.json"])
    assert (branch["branchId"], branch["versions"]) == ("latest", ["1", "2"])


def test_what_is_added_later_is_the_text_alone() -> None:
    [newer] = [version for version in EVERY if version.key == "CaseClosed/v2"]
    names = [name for name in entries(contents([newer])) if not name.endswith(".Manifest.json")]
    assert names == [f"content/{content_hash(newer)}.Content.{kind}" for kind in ("json", "data")]
