"""The OpenAPI document: our types as its components, and a page of it that loads nothing from elsewhere."""

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from fastapi import FastAPI

from infra.http.problems import MEDIA_TYPE, ProblemBody

REF: Final = "#/components/schemas/{name}"
GUARDED: Final = (400, 401, 403, 421, 422, 503)  # what may be wrong wherever somebody must say who they are
LATER: Final = (429, 503)
Plain = dict[str, Any]


class Described:
    """Our types in one document. `meanings` of the statuses, `bodies` that are posted."""

    def __init__(self, meanings: Mapping[int, str], bodies: Sequence[type[msgspec.Struct]]) -> None:
        self._meanings, self._shown = meanings, [*bodies, ProblemBody]

    def posted(self, kind: type[msgspec.Struct], *, required: bool = True) -> Plain:
        """What a body looks like."""
        return {"requestBody": {"required": required, "content": {"application/json": {"schema": _ref(kind)}}}}

    def answers(
        self, kind: type[msgspec.Struct], *good: int, refused: tuple[int, ...] = (), secured: bool = True
    ) -> dict[int | str, Plain]:
        """What an endpoint answers: `kind` when it works, a problem when it does not."""
        if kind not in self._shown:
            self._shown.append(kind)
        content = {"application/json": {"schema": _ref(kind)}}
        return self.answers_with(content, *good, refused=refused, secured=secured)

    def answers_with(
        self, content: Plain, *good: int, refused: tuple[int, ...] = (), secured: bool = True
    ) -> dict[int | str, Plain]:
        """The same of an answer that is none of our types, by its media type."""
        made: dict[int | str, Plain] = {
            status: {"description": self._meanings[status], "content": content} for status in good
        }
        for status in sorted({*refused, *(GUARDED if secured else ())}):
            made[status] = {
                "description": self._meanings[status], "content": {MEDIA_TYPE: {"schema": _ref(ProblemBody)}}
            }  # fmt: skip
            if status in LATER:
                made[status]["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
        return made

    def put_into(self, app: FastAPI, schemes: Mapping[str, Plain]) -> None:
        """Give the application's document the schemas of our types, and how callers say who they are."""
        made = app.openapi()
        _, components = msgspec.json.schema_components(self._shown, ref_template=REF)
        app.openapi_schema = {
            **made,
            "components": {"schemas": components, "securitySchemes": dict(schemes)},
            "security": [*({name: []} for name in schemes), {}],
        }


STYLESHEET: Final = "/docs.css"  # of its own, since a content security policy may forbid what stands in the page
STYLE: Final = (
    "body{font:16px/1.5 sans-serif;margin:2rem;max-width:70rem}td,th{padding:.4rem 1rem .4rem 0;"
    "text-align:left;vertical-align:top}"
)


def page(document: Plain) -> str:
    """The endpoints in plain HTML."""
    rows = [
        f"<tr><td><code>{method.upper()} {html.escape(path)}</code></td><td>{html.escape(said['description'])}</td>"
        f"<td>{', '.join(said['responses'])}</td></tr>"
        for path, methods in document["paths"].items()
        for method, said in methods.items()
    ]
    title = html.escape(document["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<link rel="stylesheet" href="{STYLESHEET}"><h1>{title}</h1>'
        f"<p>{html.escape(document['info']['description'])} The whole document, for tools: "
        '<a href="/openapi.json">/openapi.json</a>. Errors are <code>application/problem+json</code> (RFC 9457).</p>'
        "<table><thead><tr><th>Endpoint</th><th>What it does</th><th>Answers</th></tr></thead><tbody>"
        f"{''.join(rows)}</tbody></table></html>"
    )


def _ref(kind: type[msgspec.Struct]) -> Plain:
    return {"$ref": REF.format(name=kind.__name__)}
