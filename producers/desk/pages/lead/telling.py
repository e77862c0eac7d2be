"""What whoever steers is told after a form: that it is done, or why not, with the way back."""

from collections.abc import Awaitable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from infra.http.problems import Problem
from producers.desk.pages.telling import FIRST_PAGE, WayOn, told


async def answered(request: Request, ways: Sequence[WayOn], answer: Awaitable[Response]) -> Response:
    """The answer; whatever stands in its way is told with ways on that lead back there."""
    try:
        return await answer
    except Problem as problem:
        return told(request, problem, [*ways, FIRST_PAGE])


def done_in(request: Request, sentences: Mapping[str, str]) -> str | None:
    """The sentence for what an address says was done; nothing that others could write into an address is shown."""
    return sentences.get(request.query_params.get("done", ""))
