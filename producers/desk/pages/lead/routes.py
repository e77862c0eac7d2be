"""All pages of whoever steers."""

import time

from fastapi import APIRouter

from producers.desk.pace import Pace
from producers.desk.pages.behind import Behind
from producers.desk.pages.lead import case_routes, disagreement_routes, gold_routes, people_routes, queue_routes
from producers.desk.pages.lead.looking import LookingAround


def routes(behind: Behind) -> APIRouter:
    """Queues, cases, people, known questions, disagreements."""
    made, pace = APIRouter(), Pace(time.monotonic)
    around = LookingAround(behind.model, behind.log, behind.codec)
    queue_routes.add(made, behind, around)
    case_routes.add(made, behind, around, pace)
    people_routes.add(made, behind, around, pace)
    gold_routes.add(made, behind, around, pace)
    disagreement_routes.add(made, behind, around)
    return made
