"""What all pages share: one frame with navigation and person, templates in which everything is text, and fragments.

Templates escape all that they are given, and fail on what they are not given. They hold no script and no style, so that
the content security policy can forbid both in a page.
"""

import time
from functools import cache
from typing import Any, Final
from urllib.parse import quote

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from producers.desk.pages.assets import address_of
from producers.desk.pages.places import PLACES, is_at, places_of
from producers.desk.signin.sessions import Session

MESSAGES: Final = "#messages"  # where what must be told is put


def page(
    request: Request, template: str, *, title: str, status: int = 200, headers: dict[str, str] | None = None,
    **values: Any,
) -> Response:  # fmt: skip
    """A whole page with the navigation of whoever asks."""
    session = session_of(request)
    person = session.person if session else None
    places = places_of(person.roles) if person else []
    # The longest path that fits: /lead/people is not /lead.
    fitting = [place.path for place in PLACES if is_at(place, request.url.path)]
    frame = {"title": title, "places": places, "here": max(fitting, key=len, default=None)}
    return HTMLResponse(_rendered(template, request, frame | values), status, headers)


def part(
    request: Request, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> Response:
    """A fragment of a page."""
    return HTMLResponse(_rendered(template, request, values), status, headers)


def session_of(request: Request) -> Session | None:
    """Whose request it is."""
    session: Session | None = getattr(request.state, "session", None)
    return session


def is_fragment_wanted(request: Request) -> bool:
    """Whether a script on a page of ours asks, and puts the answer into that page."""
    return request.headers.get("hx-request") == "true"


def wants_page(request: Request) -> bool:
    """Whether a person sees the answer."""
    return "text/html" in request.headers.get("accept", "")


def _rendered(template: str, request: Request, values: dict[str, Any]) -> str:
    session = session_of(request)
    known = {
        "person": session.person if session else None,
        "csrf": session.csrf if session else None,
        "now": time.time_ns() // 1_000_000,
    }
    return _templates().get_template(template).render(known | values)


@cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("producers.desk.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["asset"] = address_of
    made.filters["segment"] = lambda text: quote(str(text), safe="")
    return made
