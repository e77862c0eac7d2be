"""Cases of every kind as the desk shows them, alone on a page of the desk: no stack is needed to look at one."""

import struct
import zlib
from base64 import b64encode
from functools import cache
from importlib.resources import files
from typing import Any, Final

import jinja2
import msgspec
from playwright.sync_api import Page, Route

from producers.desk.pages import shell
from producers.desk.pages.assets import PATH, assets
from producers.desk.pages.present.model import CaseView
from producers.desk.pages.present.view import presentation_of, view_of
from producers.desk.presenting import CaseShown
from producers.desk.signin.headers import content_security_policy
from schemas.values import (
    Appeal,
    CaseStage,
    Coordinates,
    DecidedBy,
    EscalatedBy,
    Level,
    Note,
    Outcome,
    PreviousAnswer,
    Priority,
    Recommendation,
    ReopenedBy,
    StandingDecision,
)
from streams.workflow.policies import Policies, Policy
from streams.workflow.presentation import Presentation
from streams.workflow.types import parse_workflow

NOW: Final = 1_767_600_000_000  # 5 January 2026, 08:00 UTC
MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
ORIGIN: Final = "https://pictures.example"
ALONE: Final = """
{% extends "layout.html" %}
{% block head %}<link rel="stylesheet" href="{{ asset('present.css') }}">{% endblock %}
{% block main %}<h1 class="unseen">Review</h1>{% include "present/case.html" %}{% endblock %}
{% block scripts %}<script type="module" src="{{ asset('present.js') }}"></script>{% endblock %}
"""


def case_shown(content: str | None = '{"text":"hello"}', **changes: Any) -> CaseShown:
    """An open case like most."""
    fields: dict[str, Any] = {
        "workflow": "posts", "revision": 1, "priority": Priority.NORMAL, "classes": ("reject", "approve"),
        "reason": "medium confidence, needs human validation", "approving_class": "approve", "policy_version": 3,
        "requested_at": NOW - 42 * MINUTE, "created_at": NOW - 41 * MINUTE, "due_at": NOW + 3 * HOUR + 12 * MINUTE,
        "recommendation": Recommendation(
            label="reject", confidence=0.87, level=Level.MEDIUM, probabilities=(0.87, 0.13)
        ),
        "request_id": "post-4711", "review": Coordinates(topic="review.normal", partition=1, offset=9),
        "content": content, "content_type": "application/json", "actions": ("approve", "reject", "escalate"),
    }  # fmt: skip
    return CaseShown(**(fields | changes))


@cache
def shipped(name: str) -> Presentation:
    """How a workflow that we ship shows its cases."""
    kind = parse_workflow(files("streams.workflow").joinpath(f"{name}.toml").read_text())
    policies: Policies = {name: Policy(workflow_type=kind, version=1, digest="")}
    return presentation_of(policies, name)


def png(width: int = 320, height: int = 200) -> bytes:
    """A picture with a slope of grey."""
    lines = (bytes((x * 255 // width) ^ (y * 120 // height) for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    drawn = zlib.compress(b"".join(b"\0" + line for line in lines))
    parts = [(b"IHDR", head), (b"IDAT", drawn), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


def json_of(value: object) -> str:
    return msgspec.json.encode(value).decode()


POST: Final = (
    "RT @nobody: honestly you are all a bunch of retards, and whoever voted for this should be ashamed 😤\n\n"
    "I said what I said. Block me."
)
LOAN: Final = {
    "checking_account": "A11", "duration": 48, "credit_history": "A32", "purpose": "A43", "amount": 5951,
    "savings": "A61", "employment_since": "A73", "installment_rate": 2, "other_debtors": "A101", "residence_since": 2,
    "property": "A121", "other_installment_plans": "A143", "housing": "A152", "existing_credits": 1, "job": "A173",
    "dependants": 1, "telephone": "A191",
}  # fmt: skip
TABLE: Final = [
    {"booked": f"2026-01-0{1 + n % 9}", "payee": ("Stadtwerke", "Grocer & Sons", "unknown", "A. Reyes")[n % 4],
     "amount": round(12.5 * (n + 1) * (-1) ** n, 2), "country": ("DE", "FR", "XA")[n % 3], "flagged": n % 7 == 0}
    for n in range(140)
]  # fmt: skip


def samples() -> dict[str, CaseView]:
    """By name, the cases that pages are looked at with."""
    posts, loans = shipped("content_moderation"), shipped("loan_approval")
    blind = case_shown(
        json_of({"text": "Nobody needs another meeting about this."}), recommendation=None,
        workflow="content_moderation", reason="needs human validation", request_id="post-4712",
    )  # fmt: skip
    loan = case_shown(
        json_of(LOAN), workflow="loan_approval", request_id="german-credit-1", priority=Priority.HIGH,
        reason="low confidence or high risk, needs careful review", high_risk=True, compliance=True,
        risk_flags=("amount_above_limit", "audit_requested"), rule_hits=("large and new",),
        due_at=NOW + 11 * MINUTE + 5_000, skills=("credit",), tags=("branch 12",),
        recommendation=Recommendation(label="reject", confidence=0.64, level=Level.LOW, probabilities=(0.64, 0.36)),
        notes=(Note(reviewer_id="r-7f3a", note="Called the branch: the employer confirms the contract.",
                    noted_at=NOW - 20 * MINUTE),),
    )  # fmt: skip
    views = {
        "post": (case_shown(json_of({"text": POST, "language": "en"}), workflow="content_moderation",
                            because="priority", rule="the most urgent and due first"), posts),
        "blind": (blind, posts),
        "loan": (loan, loans),
        "appeal": (_appealed(), posts),
        "image": (_pictured(), Presentation(
            question="Is this scan suspicious?", content="image", content_field="scan", alt_field="view",
            image_origins=(ORIGIN,), guideline="https://guides.example/scans")),
        "hidden image": (_pictured(), Presentation(content="image", content_field="scan", sensitive="always")),
        "table": (case_shown(json_of({"account": "DE-77", "bookings": TABLE, "total": 1234.5}),
                             request_id="account-77", workflow="accounts"),
                  Presentation(question="Is this account misused?", title="Account {account}", content="table",
                               content_field="bookings")),
        "json": (case_shown(json_of({"device": {"id": "d-1", "firmware": [1, 4, 2], "ok": True, "parent": None},
                                     "readings": [{"at": n, "celsius": 20.5 + n} for n in range(4)],
                                     "message": "valve 3 <b>stuck</b>", "nothing": {}}),
                            workflow="machines", request_id="machine-3", due_at=NOW - 7 * MINUTE,
                            classes=("stop", "slow", "run"), priority=Priority.URGENT,
                            recommendation=Recommendation(label="slow", confidence=0.52, level=Level.LOW,
                                                          probabilities=(0.3, 0.52, 0.18))), Presentation()),
        "long": (case_shown(json_of({"text": "\n\n".join(f"{n}. {WORDS}" for n in range(40))})),
                 Presentation(content="text", content_field="text")),
        "right to left": (case_shown(json_of({"text": ARABIC, "author": "מירי", "n": 3})),
                          Presentation(content_field="text")),
    }  # fmt: skip
    return {name: view_of(case, shown, now=NOW) for name, (case, shown) in views.items()}


WORDS: Final = (
    "The committee met on Tuesday and found that the proposal, although well argued, leaves out what it would cost "
    "those who live along the road; a second survey is to be made before anything is built there."
)
ARABIC: Final = "هذا المنشور يحتوي على كلمات بالعربية و English words داخل الجملة.\nSecond paragraph, left to right."


def _appealed() -> CaseShown:
    return case_shown(
        json_of({"text": "You people from the valley should all go back where you came from."}),
        workflow="content_moderation", request_id="post-0815", stage=CaseStage.EXPERT, priority=Priority.HIGH,
        reason="the decision is appealed", recommendation=None, actions=("approve", "reject"),
        escalated_by=EscalatedBy.PERSON, reopened_by=ReopenedBy.APPEAL, requested_at=NOW - 60 * HOUR,
        standing=StandingDecision(original="o", outcome=Outcome.REJECTED, label="reject",
                                  decided_by=DecidedBy.REVIEWER, reviewer_id="r-19bc", decided_at=NOW - 30 * HOUR),
        appeal=Appeal(appeal_id="a-1", filed_by="user-55", filed_at=NOW - 5 * HOUR, statement=(
            "I was quoting the song that my band plays; the valley is where I live myself. Please listen to it.")),
        answers=(PreviousAnswer(reviewer_id="r-19bc", action="reject", note="Attacks people for their origin.",
                                answered_at=NOW - 30 * HOUR),
                 PreviousAnswer(reviewer_id="r-02aa", action="escalate", note="", answered_at=NOW - 31 * HOUR)),
    )  # fmt: skip


def _pictured() -> CaseShown:
    inline = f"data:image/png;base64,{b64encode(png()).decode()}"
    return case_shown(
        json_of({"scan": [inline, "https://elsewhere.example/x.png"], "view": "Chest, from the front", "age": 54}),
        workflow="scans", request_id="scan-9",
    )  # fmt: skip


def partial(case: CaseView) -> str:
    """The case alone, as every page includes it."""
    return shell._templates().get_template("present/case.html").render(case=case)


def page_of(case: CaseView) -> str:
    """The case on a page of the desk that nobody has signed in to."""
    template: jinja2.Template = shell._templates().from_string(ALONE)
    nobody: dict[str, Any] = {"person": None, "csrf": None, "places": [], "here": None}
    return template.render(nobody | {"now": NOW, "title": case.request_id, "case": case})


def put_on(page: Page, case: CaseView, *, images: tuple[str, ...] = ()) -> None:
    """Opens the case in a browser, under the headers and with the files that the desk serves."""

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix("http://desk.test").partition("?")[0]
        if path.startswith(PATH):
            found = assets()[path.removeprefix(PATH)]
            route.fulfill(body=found.content, content_type=found.media_type)
        else:
            policy = {"content-security-policy": content_security_policy(images)}
            route.fulfill(body=page_of(case), content_type="text/html; charset=utf-8", headers=policy)

    page.unroute_all()
    page.route("http://desk.test/**", serve)
    page.goto("http://desk.test/")
