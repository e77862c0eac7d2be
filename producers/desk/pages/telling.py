"""Whatever goes wrong, told as a page to a person, as a message in the page to a script, as a problem to an app."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from infra.http.problems import Problem
from producers.desk.pages.shell import MESSAGES, is_fragment_wanted, page, part, wants_page
from producers.desk.signin.paths import HOME

Handling = Callable[[Request, Exception], Response | Awaitable[Response]]
Answering = Callable[[Request, Exception], Awaitable[Response]]
TITLES: Final = {
    401: "Sign in",
    403: "This is not for you",
    404: "Nothing is here",
    409: "This has changed meanwhile",
    429: "Too fast",
    500: "The desk failed on this",
    503: "This cannot be done now",
}
ELSE: Final = "This did not work"


class WayOn(NamedTuple):
    """A link, and what it says."""

    address: str
    text: str


FIRST_PAGE: Final = WayOn(HOME, "First page")


def told(request: Request, problem: Problem, ways: Sequence[WayOn] = (FIRST_PAGE,)) -> Response:
    """A refusal for whoever asks."""
    title, headers = TITLES.get(problem.status, ELSE), dict(problem.headers)
    if not wants_page(request):
        return problem.response()
    if is_fragment_wanted(request):
        headers |= {"hx-retarget": MESSAGES, "hx-reswap": "innerHTML"}
        return part(request, "told.html", status=problem.status, headers=headers, title=title, problem=problem)
    return page(
        request, "message.html", title=title, status=problem.status, headers=headers, sentence=problem.detail, ways=ways
    )


def with_pages(app: FastAPI) -> None:
    """People see pages where apps see problems; what is told to apps stays as it is."""
    for kind in (Problem, HTTPException, RequestValidationError, Exception):
        former = app.exception_handlers[kind]
        app.add_exception_handler(kind, _for_people(former))


def _for_people(former: Handling) -> Answering:
    async def answer(request: Request, error: Exception) -> Response:
        given = former(request, error)
        plain = given if isinstance(given, Response) else await given
        if not wants_page(request):
            return plain
        problem = error if isinstance(error, Problem) else _problem_of(request, plain.status_code)
        return told(request, problem)

    return answer


def _problem_of(request: Request, status: int) -> Problem:
    match status:
        case 404:
            return Problem(404, "There is no page at this address. Go back, or to the first page.")
        case 405:
            return Problem(405, "This cannot be asked at this address. Go back and use the page's own buttons.")
        case 422:
            return Problem(422, "The address holds something that is not understood. Go back and correct it.")
    return Problem(status, "The desk failed on this, and its log says why. What you typed can be sent again.")
