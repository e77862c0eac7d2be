"""The parts that the desk's pages consist of."""

from collections.abc import Callable, Sequence
from typing import Final

from fastapi import APIRouter, FastAPI

from producers.desk.pages.audit.routes import routes as audit
from producers.desk.pages.behind import Behind
from producers.desk.pages.lead.routes import routes as lead
from producers.desk.pages.operate.routes import routes as operate
from producers.desk.pages.work.routes import routes as work

PARTS: Final[Sequence[Callable[[Behind], APIRouter]]] = (work, lead, audit, operate)


def with_parts(app: FastAPI, behind: Behind) -> None:
    """All pages for people; apps are told nothing of them."""
    for routes in PARTS:
        app.include_router(routes(behind), include_in_schema=False)
