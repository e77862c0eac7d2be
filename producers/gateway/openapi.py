"""The OpenAPI document: our types as its components, and a page of it that loads nothing from elsewhere."""

import html
from typing import Any, Final

import msgspec
from fastapi import FastAPI

from producers.gateway.bodies import Appealed, Asked, BatchAsked
from producers.gateway.identity import TokenAsked
from producers.gateway.problems import MEDIA_TYPE, ProblemBody

REF: Final = "#/components/schemas/{name}"
MEANINGS: Final = {
    200: "It is known, or was decided in time.",
    201: "It is issued: whoever holds it is that person until it expires.",
    202: "It is in the log, acknowledged by the brokers.",
    400: "The body cannot be read.",
    401: "No token, or an unknown one.",
    403: "The token lacks the scope.",
    404: "Nothing is known of this request.",
    409: "It contradicts what is in the log.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    421: "Without tokens the gateway answers to localhost only.",
    422: "Something in it must be corrected.",
    429: "Too many requests of this token; wait as Retry-After says.",
    503: "It may be repeated, as it is, after Retry-After.",
}
Plain = dict[str, Any]
_shown: list[Any] = [Asked, BatchAsked, Appealed, TokenAsked, ProblemBody]


def posted(kind: type[msgspec.Struct]) -> Plain:
    """What a body looks like."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _ref(kind)}}}}


def answers(
    kind: type[msgspec.Struct], *good: int, refused: tuple[int, ...] = (), secured: bool = True
) -> dict[int | str, Plain]:
    """What an endpoint answers: `kind` when it works, a problem when it does not."""
    if kind not in _shown:
        _shown.append(kind)
    bad = sorted({*refused, *((400, 401, 403, 421, 422, 503) if secured else ())})
    made: dict[int | str, Plain] = {
        status: {"description": MEANINGS[status], "content": {"application/json": {"schema": _ref(kind)}}}
        for status in good
    }
    for status in bad:
        made[status] = {"description": MEANINGS[status], "content": {MEDIA_TYPE: {"schema": _ref(ProblemBody)}}}
        if status in (429, 503):
            made[status]["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    return made


def with_components(app: FastAPI) -> None:
    """Put the schemas of our types into the document."""
    made = app.openapi()
    _, components = msgspec.json.schema_components(_shown, ref_template=REF)
    document = {
        **made,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }
    app.openapi_schema = document


def page(document: Plain) -> str:
    """The endpoints in plain HTML."""
    rows = [
        f"<tr><td><code>{method.upper()} {html.escape(path)}</code></td><td>{html.escape(said['description'])}</td>"
        f"<td>{', '.join(said['responses'])}</td></tr>"
        for path, methods in document["paths"].items()
        for method, said in methods.items()
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>hitl gateway</title>'
        "<style>body{font:16px/1.5 sans-serif;margin:2rem;max-width:70rem}td,th{padding:.4rem 1rem .4rem 0;"
        "text-align:left;vertical-align:top}</style><h1>hitl gateway</h1>"
        f"<p>{html.escape(document['info']['description'])} The whole document, for tools: "
        '<a href="/openapi.json">/openapi.json</a>. Errors are <code>application/problem+json</code> (RFC 9457).</p>'
        "<table><thead><tr><th>Endpoint</th><th>What it does</th><th>Answers</th></tr></thead><tbody>"
        f"{''.join(rows)}</tbody></table></html>"
    )


def _ref(kind: type[msgspec.Struct]) -> Plain:
    return {"$ref": REF.format(name=kind.__name__)}
