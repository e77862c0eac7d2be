"""Laws of the desk's OpenAPI document: every endpoint explained, every reference there, every refusal told."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from producers.desk.admitting import Admitting
from producers.desk.app import MEANINGS, build
from producers.desk.posted import ACTIONS
from producers.desk.refusing import STATUSES, refused
from streams.casework.identity import NotVouched
from streams.casework.lease import ACTIONS as COMMANDS
from streams.casework.refusal import Refusal


def never() -> None:
    raise AssertionError("only the document is asked for")


DOCUMENT: dict[str, Any] = build(never, Admitting(True, "x"), never).openapi()  # type: ignore[arg-type]
OPERATIONS = {
    f"{method} {path}": said for path, methods in DOCUMENT["paths"].items() for method, said in methods.items()
}
PROMISED = {
    "post /v1/cases:next", "get /v1/cases/{request_id}", "post /v1/cases/{request_id}/decisions", "get /v1/changes",
    "get /v1/queue", "get /health", "get /ready", *(f"post /v1/cases/{{request_id}}:{path}" for path in ACTIONS),
}  # fmt: skip


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def test_what_was_promised_is_there_and_nothing_else() -> None:
    assert set(OPERATIONS) == PROMISED


def test_everything_that_casework_can_be_told_can_be_told_over_http() -> None:
    assert {action.word for action in ACTIONS.values()} == set(COMMANDS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_endpoint_is_explained_and_tells_what_it_answers(name: str) -> None:
    said = OPERATIONS[name]
    assert len(said["description"]) > 20
    for status, answer in said["responses"].items():
        assert int(status) in MEANINGS and answer["content"], status
        if int(status) >= 400:
            assert "application/problem+json" in answer["content"]
        if status == "503":
            assert "Retry-After" in answer["headers"]
    if name.startswith("post"):
        assert said["requestBody"]["content"]["application/json"]["schema"]["$ref"]


def test_every_reference_leads_somewhere_and_names_are_given_once() -> None:
    found = {each.removeprefix("#/components/schemas/") for each in references(DOCUMENT)}
    assert found and found <= DOCUMENT["components"]["schemas"].keys()
    ids = [said["operationId"] for said in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)


def test_nothing_that_is_kept_from_reviewers_has_a_name_there() -> None:
    shown = DOCUMENT["components"]["schemas"]["CaseShown"]["properties"]
    assert not {"sealed", "counted", "pending", "people", "inclusion_probability", "kind"} & shown.keys()


@pytest.mark.parametrize("reason", [*Refusal, *NotVouched])
def test_every_refusal_has_a_status_that_the_document_names(reason: str) -> None:
    status = str(STATUSES[reason])
    for name in ("post /v1/cases/{request_id}:claim", "post /v1/cases/{request_id}/decisions"):
        assert status in OPERATIONS[name]["responses"]
    made = refused(reason, "because")
    assert (made.reason, made.detail) == (reason, "because")
    assert ("WWW-Authenticate" in made.headers) == (status == "401")


def test_the_document_is_the_same_however_often_it_is_built() -> None:
    again = build(never, Admitting(False, "y"), never).openapi()  # type: ignore[arg-type]
    assert again == DOCUMENT
    assert re.search("hitl desk", again["info"]["title"])
