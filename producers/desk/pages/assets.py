"""What every page loads: styles, scripts, pictures; the same for everybody, and kept by browsers until it changes."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from infra.http.problems import Problem

PATH: Final = "/static/"
FOR_EVER: Final = "public, max-age=31536000, immutable"  # the address changes with what lies there
FOR_NOW: Final = "no-cache"  # asked for under another address: looked at anew each time
SERVED: Final = (".css", ".js", ".svg", ".png")


class Asset(NamedTuple):
    """A file; `version` names what it holds."""

    content: bytes
    packed: bytes  # by gzip
    media_type: str
    version: str


@cache
def assets() -> Mapping[str, Asset]:
    """All there are, by name, read once."""
    return {
        file.name: _asset(file.name, file.read_bytes())
        for file in files(__package__).joinpath("static").iterdir()
        if file.name.endswith(SERVED)
    }


def address_of(name: str) -> str:
    """Where a page finds it. Raises `KeyError` when there is none of that name."""
    return f"{PATH}{name}?v={assets()[name].version}"


def router() -> APIRouter:
    """Serves them."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(PATH + "{name}")
    async def asset(request: Request, name: str) -> Response:
        found = assets().get(name)
        if found is None:
            raise Problem(404, "There is no such file; load the page anew.", reason="no_such_file")
        packs = "gzip" in request.headers.get("accept-encoding", "")
        headers = {
            "cache-control": FOR_EVER if request.query_params.get("v") == found.version else FOR_NOW,
            "vary": "accept-encoding",
            "etag": f'W/"{found.version}"',  # weak: the same whether it is packed or not
        }
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        if packs:
            headers["content-encoding"] = "gzip"
        return Response(found.packed if packs else found.content, media_type=found.media_type, headers=headers)

    return routes


def _asset(name: str, content: bytes) -> Asset:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Asset(content, gzip.compress(content, mtime=0), kind, hashlib.sha256(content).hexdigest()[:16])
