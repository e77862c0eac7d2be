"""The AsyncAPI document as other people's tools read it: AsyncAPI's own parser, with its parser of Avro schemas."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.asyncapi import DOCUMENT, document
from tests.support.foreign import E2E, missing, node

Spoil = Callable[[dict[str, Any]], object]


def wrong_in(file: Path) -> str:
    """What the parser finds wrong, empty when nothing."""
    command = node("asyncapi_check.mjs")
    if not (E2E / "node" / "node_modules" / "@asyncapi" / "parser").is_dir():
        missing("the npm package @asyncapi/parser is not installed")
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == (1 if done.stdout else 0), done.stderr
    return done.stdout


def test_the_document_is_valid() -> None:
    assert wrong_in(DOCUMENT) == ""


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda doc: doc["channels"]["requests"].update(adress="requests"), "adress"),
        (lambda doc: doc["operations"]["upstream.send.requests"].update(action="emit"), "upstream.send.requests"),
        (lambda doc: doc["channels"].pop("outcomes"), "outcomes"),
        (lambda doc: doc["channels"]["outcomes"]["bindings"]["kafka"].update(partitions="six"), "partitions"),
        (lambda doc: fields_of(doc, "ReviewDecided")[0].update(type="strin"), "ReviewDecided"),
    ],
    ids=["unknown key", "unknown action", "missing channel", "bad binding", "unknown Avro type"],
)
def test_a_broken_document_is_refused(spoil: Spoil, said: str, tmp_path: Path) -> None:
    broken: dict[str, Any] = document()
    spoil(broken)
    file = tmp_path / "asyncapi.json"
    file.write_text(json.dumps(broken))
    assert said in wrong_in(file)


def fields_of(doc: dict[str, Any], event: str) -> Any:
    return doc["components"]["messages"][event]["payload"]["schema"]["fields"]
