"""Golden examples: bytes that were once written are read for ever, and written again just so."""

from pathlib import Path

import msgspec
import pytest

from schemas.codec import Codec, SchemaVersion, published
from schemas.publishing import EXAMPLES, HERE, example_event
from tests.contract.schemas.members import CURRENT, default_of

CODEC = Codec.of_repository()
FILES = sorted(EXAMPLES.glob("*/*.json"))
NAMES = [str(path.relative_to(EXAMPLES)) for path in FILES]


def is_current(path: Path) -> bool:
    return path.name.startswith(f"v{CURRENT[path.parent.name].version}.")


@pytest.mark.parametrize("version", published(), ids=lambda version: version.key)
def test_every_version_has_a_full_and_a_minimal_example(version: SchemaVersion) -> None:
    folder = EXAMPLES / version.name
    for kind in ("full", "minimal"):
        for suffix in ("json", "bin"):
            assert (folder / f"v{version.version}.{kind}.{suffix}").is_file(), (
                "write its .json by hand, then run `python -m schemas.publishing`"
            )


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_example_bytes_are_the_example_event(path: Path) -> None:
    assert CODEC.decode(path.with_suffix(".bin").read_bytes()) == example_event(path)


@pytest.mark.parametrize("path", [p for p in FILES if is_current(p)], ids=lambda p: f"{p.parent.name}/{p.name}")
def test_encoding_an_example_gives_the_same_bytes(path: Path) -> None:
    assert CODEC.encode(example_event(path)) == path.with_suffix(".bin").read_bytes()


@pytest.mark.parametrize(
    "path", [p for p in FILES if is_current(p) and ".full." in p.name], ids=lambda p: p.parent.name
)
def test_a_full_example_leaves_nothing_at_its_default(path: Path) -> None:
    event = example_event(path)
    builtins = msgspec.json.decode(msgspec.json.encode(event), type=dict[str, object])
    fields = msgspec.structs.fields(event)
    assert [field.name for field in fields if default_of(field) == (True, builtins[field.name])] == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.minimal.json")), ids=lambda p: p.parent.name)
def test_a_minimal_example_names_only_what_is_required(path: Path) -> None:
    given = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
    fields = msgspec.structs.fields(example_event(path))
    assert set(given) == {field.name for field in fields if not default_of(field)[0]}


def test_no_bytes_lie_about_without_their_meaning() -> None:
    strays = [path for path in EXAMPLES.glob("*/*.bin") if not path.with_suffix(".json").exists()]
    assert [str(path.relative_to(HERE)) for path in strays] == []
