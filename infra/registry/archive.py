"""The archive by which Apicurio Registry 3 takes schemas in under ids that are already decided.

It is laid out as Apicurio's own export is, and the same schemas give the same bytes.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from infra.registry.client import FULL_TRANSITIVE
from infra.registry.ids import subject_of
from schemas.codec import SchemaVersion

GROUP: Final = "default"  # where the Confluent API of Apicurio finds its subjects
LAYOUT: Final = "3.3.3"  # the version of Apicurio whose exports look like this
OWNER: Final = "hitl"
MOMENT: Final = (1980, 1, 1, 0, 0, 0)  # of every entry: the oldest that a ZIP can say
COMPATIBILITY: Final = "COMPATIBILITY"

Json = Mapping[str, object]


def archive(versions: Sequence[SchemaVersion]) -> bytes:
    """A ZIP of all versions of some events under their own ids, for a registry that has none of these events.

    Global id and content id are both the schema's id, and every event is to stay FULL_TRANSITIVE.
    """
    return _packed([*_contents(versions), *_artifacts(versions)])


def contents(versions: Sequence[SchemaVersion]) -> bytes:
    """A ZIP of the texts alone: they have our ids from then on, also when they are registered later.

    A version that is imported beside older ones would not become the latest one.
    """
    return _packed(_contents(versions))


def _packed(entries: Iterable[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for path, content in entries:
            made.writestr(zipfile.ZipInfo(path, MOMENT), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _contents(versions: Sequence[SchemaVersion]) -> Iterator[tuple[str, bytes]]:
    """They come first: a version names its content."""
    told = {"systemVersion": LAYOUT, "systemName": "hitl-streams", "exportVersion": "3.0", "exportedBy": OWNER}
    yield _json("manifest-hitl.Manifest.json", {**told, "exportedOn": 0})
    for version in versions:
        yield from _content(version)


def _artifacts(versions: Sequence[SchemaVersion]) -> Iterator[tuple[str, bytes]]:
    by_name: dict[str, list[SchemaVersion]] = {}
    for version in versions:
        by_name.setdefault(version.name, []).append(version)
    for name, all_of_it in by_name.items():
        yield from _artifact(name, all_of_it)
        yield from map(_version, all_of_it)
        yield _branch(name, all_of_it)


def content_hash(version: SchemaVersion) -> str:
    """By this Apicurio knows a content again."""
    return hashlib.sha256(version.source.encode()).hexdigest()


def _content(version: SchemaVersion) -> Iterator[tuple[str, bytes]]:
    digest = content_hash(version)
    told = {
        "contentId": version.schema_id, "canonicalHash": None, "contentHash": digest, "artifactType": "AVRO",
        "contentType": "application/json", "serializedReferences": None,
    }  # fmt: skip
    yield _json(f"content/{digest}.Content.json", told)
    yield f"content/{digest}.Content.data", version.source.encode()


def _artifact(name: str, versions: Sequence[SchemaVersion]) -> Iterator[tuple[str, bytes]]:
    place = f"groups/{GROUP}/artifacts/{subject_of(name)}"
    about = json.loads(versions[-1].source).get("doc", "")
    known = {"groupId": None, "artifactId": subject_of(name)}
    told = {"artifactType": "AVRO", "name": subject_of(name), "description": about, **_signed()}
    yield _json(f"{place}/MetaData.Artifact.json", {**known, **told})
    rule = {"type": COMPATIBILITY, "configuration": FULL_TRANSITIVE}
    yield _json(f"{place}/rules/{COMPATIBILITY}.ArtifactRule.json", {**known, **rule})


def _version(version: SchemaVersion) -> tuple[str, bytes]:
    subject, number = subject_of(version.name), str(version.version)
    told = {
        "globalId": version.schema_id, "contentId": version.schema_id, "groupId": None, "artifactId": subject,
        "version": number, "versionOrder": version.version, "state": "ENABLED", "name": version.key, **_signed(),
    }  # fmt: skip
    return _json(f"groups/{GROUP}/artifacts/{subject}/versions/{number}.ArtifactVersion.json", told)


def _branch(name: str, versions: Sequence[SchemaVersion]) -> tuple[str, bytes]:
    subject = subject_of(name)
    told = {
        "groupId": None, "artifactId": subject, "branchId": "latest", "systemDefined": True,
        "versions": [str(version.version) for version in versions], **_signed(),
    }  # fmt: skip
    return _json(f"groups/{GROUP}/artifacts/{subject}/branches/latest.Branch.json", told)


def _signed() -> Json:
    return {"owner": OWNER, "createdOn": 0, "modifiedBy": OWNER, "modifiedOn": 0}


def _json(path: str, value: Json) -> tuple[str, bytes]:
    return path, json.dumps(value, separators=(",", ":")).encode()
