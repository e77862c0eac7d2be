"""From JSON to a request: every mistake is told, the same body gives the same bytes."""

import contextlib
import json
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.http.bodies import Unreadable
from producers.gateway.bodies import asked_in, batch_in, request_of
from schemas.codec import Codec
from schemas.events import DecisionRequested
from schemas.values import Payload
from streams.workflow.submitted import RequestRefused, checked
from streams.workflow.types import parse_workflow
from tests.support.stand import DOCUMENT

CODEC = Codec.of_repository()
TEXTS = parse_workflow(DOCUMENT)
VECTORS = parse_workflow(DOCUMENT.replace('featurizer = "text"', 'featurizer = "vector"'))


def made(**fields: Any) -> DecisionRequested:
    body = msgspec.json.encode({"request_id": "r", "workflow": "posts", "payload": {"text": "x"}} | fields)
    return request_of(asked_in(body), TEXTS, source="shop")


def test_every_field_arrives() -> None:
    request = made(
        payload={"text": "é", "n": 1}, content_uri="s3://x", content_sha256="AB" * 32, features=[1, 0.5],
        attributes={"amount": 3, "member": True, "land": "no"}, requires_audit=True, subject_id="s",
        submitted_at=1_700_000_000_000,
    )  # fmt: skip
    assert request == DecisionRequested(
        request_id="r", workflow="posts", payload=Payload(body='{"text":"é","n":1}'.encode()), content_uri="s3://x",
        content_sha256=b"\xab" * 32, features=struct.pack("<2f", 1, 0.5),
        attributes={"amount": 3.0, "member": True, "land": "no"}, requires_audit=True, subject_id="s", source="shop",
        submitted_at=1_700_000_000_000,
    )  # fmt: skip
    assert request.attributes["member"] is True
    assert made(source="own").source == "own"


def test_a_text_becomes_the_field_that_the_workflow_reads() -> None:
    assert made(payload="a garden").payload == Payload(body=b'{"text":"a garden"}')
    body = b'{"request_id":"r","workflow":"posts","payload":"a garden"}'
    plain = request_of(asked_in(body), VECTORS, source="").payload
    assert plain == Payload(content_type="text/plain", body=b"a garden")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"request_id": ""}, "request_id"),
        ({"request_id": 5}, "request_id"),
        ({"payload": [1]}, "payload"),
        ({"payload": None}, "nothing to decide"),
        ({"content_uri": "s3://x"}, "content_sha256"),
        ({"content_sha256": "xyz"}, "content_sha256"),
        ({"features": ["a"]}, "features"),
        ({"features": [1e300]}, "float32"),
        ({"features": []}, "float32"),
        ({"attributes": {"a": [1]}}, "attributes"),
        ({"submitted_at": -1}, "submitted_at"),
        ({"prioritty": "high"}, "prioritty"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestRefused, match=said):
        checked(made(**fields), CODEC)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"request_id":"\xff"}', b'{"request_id":"\\ud800"}', b"[" * 100_000, b'{"a":1}{"b":2}'],
)
def test_what_is_no_json_is_unreadable_or_refused(body: bytes) -> None:
    with pytest.raises((Unreadable, RequestRefused)):
        asked_in(body)
    with pytest.raises((Unreadable, RequestRefused)):
        batch_in(body)


@given(st.binary(max_size=200))
def test_no_bytes_provoke_anything_else(body: bytes) -> None:
    with contextlib.suppress(Unreadable, RequestRefused):
        checked(request_of(asked_in(body), TEXTS, source=""), CODEC)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_the_same_content_is_the_same_request_however_it_is_spaced(payload: dict[str, Any]) -> None:
    whole = {"request_id": "r", "workflow": "posts", "payload": payload}
    values = []
    for indent in (None, 2):
        try:
            body = json.dumps(whole, indent=indent).encode()
            values.append(checked(request_of(asked_in(body), TEXTS, source=""), CODEC))
        except (RequestRefused, Unreadable) as error:
            values.append(str(error).encode())
    assert values[0] == values[1]


def test_a_batch_has_a_thousand_at_most() -> None:
    assert len(batch_in(b'{"requests":[' + b",".join([b"{}"] * 1_000) + b"]}")) == 1_000
    for many in (0, 1_001):
        with pytest.raises(RequestRefused, match="requests"):
            batch_in(b'{"requests":[' + b",".join([b"{}"] * many) + b"]}")
