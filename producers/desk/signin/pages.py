"""The few pages of signing in: a heading, a sentence that says what to do, a way on; no script and no style inside."""

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from infra.http.problems import Problem

STYLESHEET: Final = "/static/desk.css"


class WayOn(NamedTuple):
    """A link, and what it says."""

    address: str
    text: str


AGAIN: Final = WayOn("/sign-in", "Sign in again")


def page(
    title: str, sentence: str, ways: Sequence[WayOn] = (), *, status: int = 200, out: str | None = None
) -> Response:
    """A page; all that is given is taken as text. `out`: the session's CSRF token, for a way to sign out."""
    links = "".join(f'<p><a href="{escape(way.address)}">{escape(way.text)}</a></p>' for way in ways)
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="{STYLESHEET}"></head>'
        f"<body><main><h1>{escape(title)}</h1><p>{escape(sentence)}</p>{links}{_sign_out(out)}</main></body></html>",
        status,
    )


def _sign_out(csrf: str | None) -> str:
    if csrf is None:
        return ""
    return (
        f'<form method="post" action="/sign-out"><input type="hidden" name="csrf_token" value="{escape(csrf)}">'
        "<button>Sign out</button></form>"
    )


def refused(request: Request, problem: Problem, ways: Sequence[WayOn] = (AGAIN,)) -> Response:
    """A refusal: a page for a browser that shows pages, a problem (RFC 9457) for everything else."""
    if not shows_pages(request):
        return problem.response()
    made = page("This did not work", str(problem), ways, status=problem.status)
    made.headers.update(problem.headers)
    return made


def shows_pages(request: Request) -> bool:
    """Whether a person sees the answer."""
    return "text/html" in request.headers.get("accept", "")
