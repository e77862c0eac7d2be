"""The AsyncAPI document as other people's tools read it: AsyncAPI's own parser, with its parser of Avro schemas."""

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.asyncapi import DOCUMENT, document
from schemas.topics import BY_NAME
from tests.support.foreign import E2E, missing, node

Spoil = Callable[[dict[str, Any]], object]
Verdict = dict[str, Any]
PART: Final = "of upstream"


def fields_of(doc: dict[str, Any], event: str) -> Any:
    return doc["components"]["messages"][event]["payload"]["schema"]["fields"]


def of_upstream() -> dict[str, Any]:
    """The document as far as it concerns upstream: the parser takes seconds for the whole."""
    doc: dict[str, Any] = document()
    doc["channels"] = {name: doc["channels"][name] for name in ("requests", "outcomes")}
    doc["operations"] = {name: each for name, each in doc["operations"].items() if name.startswith("upstream.")}
    messages = doc["components"]["messages"]
    named = [kind.__name__ for topic in doc["channels"] for kind in BY_NAME[topic].events]
    doc["components"]["messages"] = {name: messages[name] for name in named}
    return doc


SPOILT: Final[Mapping[str, tuple[Spoil, str]]] = {
    "unknown key": (lambda doc: doc["channels"]["requests"].update(adress="requests"), "adress"),
    "unknown action": (lambda doc: doc["operations"]["upstream.send.requests"].update(action="emit"), "action"),
    "missing channel": (lambda doc: doc["channels"].pop("outcomes"), "outcomes"),
    "bad binding": (lambda doc: doc["channels"]["outcomes"]["bindings"]["kafka"].update(partitions="six"), "kafka"),
    "unknown Avro type": (lambda doc: fields_of(doc, "DecisionRequested")[0].update(type="strin"), "strin"),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    """What the parser says about the committed document and about each spoilt one, all asked at once."""
    command = node("asyncapi_check.mjs")
    if not (E2E / "node" / "node_modules" / "@asyncapi" / "parser").is_dir():
        missing("the npm package @asyncapi/parser is not installed")
    folder = tmp_path_factory.mktemp("asyncapi")
    files = [DOCUMENT, folder / f"{PART}.json"]
    files[-1].write_text(json.dumps(of_upstream()))
    for name, (spoil, _) in SPOILT.items():
        broken = of_upstream()
        spoil(broken)
        files.append(folder / f"{name}.json")
        files[-1].write_text(json.dumps(broken))
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {Path(said["file"]).stem: said for said in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", [DOCUMENT.stem, PART])
def test_the_document_is_valid(name: str, verdicts: dict[str, Verdict]) -> None:
    assert (verdicts[name]["version"], verdicts[name]["wrong"]) == ("3.0.0", [])


@pytest.mark.parametrize("name", SPOILT)
def test_a_broken_document_is_refused(name: str, verdicts: dict[str, Verdict]) -> None:
    assert any(SPOILT[name][1] in each for each in verdicts[name]["wrong"])
