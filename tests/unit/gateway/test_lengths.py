"""A body's length is said in one way, so that no second request hides in it."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from infra.http.bodies import body_of
from infra.http.problems import Problem


def read(*headers: tuple[bytes, bytes]) -> bytes:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json"), *headers]}
    return asyncio.run(body_of(Request(scope, receive), most=10))


def test_both_ways_at_once_are_refused_and_the_connection_ends() -> None:
    with pytest.raises(Problem, match="one way") as refused:
        read((b"content-length", b"2"), (b"transfer-encoding", b"chunked"))
    assert (refused.value.status, refused.value.headers["Connection"]) == (400, "close")


def test_either_way_is_read() -> None:
    assert read((b"content-length", b"2")) == read((b"transfer-encoding", b"chunked")) == b"{}"
