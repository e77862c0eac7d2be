"""Publish what was added: `python -m schemas.publishing` gives new schemas their ids and new examples their bytes.

It only ever adds. What is published stays as it is, because records that it wrote are in somebody's log.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from schemas.asyncapi import write_asyncapi
from schemas.avsc import Json
from schemas.catalogue import write_readme
from schemas.codec import Codec, published, schema_fingerprint
from schemas.events import EVENT_TYPES, Event

HERE: Final = Path(__file__).parent
AVRO: Final = HERE / "avro"
EXAMPLES: Final = HERE / "examples"
IDS: Final = AVRO / "ids.json"
FIRST_ID: Final = 1001


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is committed about one published schema version."""

    id: int
    fingerprint: str  # CRC-64-AVRO, hex of 8 bytes little-endian
    sha256: str  # of the schema without its documentation


def meaning_digest(source: str) -> str:
    """sha256, hex, of a schema without its `doc`s: wording may improve, names, types and defaults may not change."""
    bare = json.dumps(_without_docs(json.loads(source)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(bare.encode()).hexdigest()


def _without_docs(node: Json) -> Json:
    if isinstance(node, dict):
        kept = {key: _without_docs(value) for key, value in node.items() if key != "default"}
        if "type" in node:  # a declaration; the names in a default are data
            kept.pop("doc", None)
        return {**kept, **({"default": node["default"]} if "default" in node else {})}
    return [_without_docs(each) for each in node] if isinstance(node, list) else node


def entries() -> dict[str, Entry]:
    """The committed list: `DecisionRequested/v1` and so on to its entry, in the order of publication."""
    return msgspec.json.decode(IDS.read_bytes(), type=dict[str, Entry])


def schema_files() -> Iterator[tuple[str, str]]:
    """(key, source) of every schema in the repository, older versions first."""
    for path in sorted(AVRO.glob("*/v*.avsc"), key=lambda p: (p.parent.name, int(p.stem[1:]))):
        yield f"{path.parent.name}/{path.stem}", path.read_text()


def with_new_schemas(known: dict[str, Entry]) -> dict[str, Entry]:
    """The list with an entry for every schema file that had none; known entries stay as they are."""
    made = dict(known)
    next_id = max((entry.id for entry in known.values()), default=FIRST_ID - 1) + 1
    for key, source in schema_files():
        if key not in made:
            fingerprint = schema_fingerprint(json.loads(source)).hex()
            made[key] = Entry(id=next_id, fingerprint=fingerprint, sha256=meaning_digest(source))
            next_id += 1
    return made


def example_event(path: Path) -> Event:
    """The event that an example's JSON describes; what it leaves out has the default, bytes are base64."""
    types = {kind.__name__: kind for kind in EVENT_TYPES}
    return msgspec.json.decode(path.read_bytes(), type=types[path.parent.name])


def write_new_examples() -> list[str]:
    """Wire bytes for every example of a current schema that has none; returns what was made."""
    codec = Codec.of_repository()
    current = {version.name: version.version for version in published()}
    made = []
    for path in sorted(EXAMPLES.glob("*/v*.json")):
        wire, version = path.with_suffix(".bin"), int(path.name.partition(".")[0][1:])
        if not wire.exists() and version == current[path.parent.name]:
            wire.write_bytes(codec.encode(example_event(path)))
            made.append(str(wire.relative_to(HERE)))
    return made


def main() -> None:
    """Add ids, examples, the page and the AsyncAPI document; say what was added."""
    known = entries()
    made = with_new_schemas(known)
    if made != known:
        IDS.write_bytes(msgspec.json.format(msgspec.json.encode(made)) + b"\n")
        published.cache_clear()
    for added in [*(key for key in made if key not in known), *write_new_examples()]:
        print(f"published {added}")
    write_readme()
    write_asyncapi()


if __name__ == "__main__":
    main()
