"""Every role at every page of whoever steers, and at every endpoint of the API over a session."""

from typing import Final

import pytest
from fastapi.routing import APIRoute

from infra.redis.records import Hands, InHand, Possession, Queued, RequestRecord
from producers.desk.pages.lead.routes import routes as routes_of
from producers.desk.permitting import NEEDED, may_about
from producers.desk.posted import ACTIONS
from producers.desk.signin.roles import Role
from schemas.values import CaseStage, Priority
from tests.support.lead_desk import LeadDesk
from tests.support.signing_in import PAGE

FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
WORKERS, LEADS = {Role.REVIEWER, Role.EXPERT}, {Role.LEAD}
SEEING = {Role.LEAD, Role.ADMIN}
PAGES: Final = {
    ("GET", "/lead"): SEEING,
    ("GET", "/lead/now"): SEEING,
    ("POST", "/lead/cases"): LEADS,
    ("GET", "/lead/cases/{request_id:path}"): LEADS,
    ("POST", "/lead/cases/{request_id:path}:do"): LEADS,
    ("GET", "/lead/people"): SEEING,
    ("GET", "/lead/now/people"): SEEING,
    ("GET", "/lead/person"): SEEING,
    ("GET", "/lead/people/{reviewer_id:path}"): SEEING,
    ("POST", "/lead/people/{reviewer_id:path}:end-sessions"): {Role.ADMIN},
    ("POST", "/lead/people/{reviewer_id:path}:{deed}"): LEADS,
    ("GET", "/lead/gold"): LEADS,
    ("POST", "/lead/gold/add"): LEADS,
    ("POST", "/lead/gold/add-case"): LEADS,
    ("POST", "/lead/gold/retire"): LEADS,
    ("GET", "/lead/disagreements"): {Role.LEAD, Role.AUDITOR},
    ("GET", "/lead/disagreements/{request_id:path}"): {Role.LEAD, Role.AUDITOR},
}
API: Final = {
    "next": WORKERS, "decide": WORKERS, "claim": WORKERS, "renew": WORKERS, "hold": WORKERS, "undo": WORKERS,
    "return": {Role.EXPERT}, "note": WORKERS | LEADS, "release": WORKERS | LEADS, "hand_over": WORKERS | LEADS,
    "reprioritise": LEADS, "case": WORKERS | LEADS, "changes": WORKERS | LEADS, "queue": WORKERS | SEEING,
}  # fmt: skip


@pytest.fixture(scope="module")
def desk() -> LeadDesk:
    return LeadDesk()


def routes(desk: LeadDesk) -> list[tuple[str, str]]:
    found = (route for route in routes_of(desk.behind).routes if isinstance(route, APIRoute))
    return [(method, route.path) for route in found for method in sorted(route.methods or ())]


def address(path: str) -> str:
    return path.replace("{request_id:path}", "r%2F1").replace("{reviewer_id:path}", "dan").replace("{deed}", "pause")


def test_every_page_is_in_the_table(desk: LeadDesk) -> None:
    assert sorted(routes(desk)) == sorted(PAGES)


@pytest.mark.parametrize("role", Role)
def test_a_page_is_for_its_roles_only(desk: LeadDesk, role: Role) -> None:
    browser = desk.somebody(role, name=f"{role}-1")
    for (method, path), allowed in PAGES.items():
        got = browser.send(
            method, address(path), headers={"origin": desk.url, "x-csrf-token": browser.csrf, **FORM, **PAGE}
        )
        refused = got.status_code == 403 and "This is not for you" in got.text
        assert refused is (role not in allowed), f"{role} at {method} {path}: {got.status_code}"
        assert got.status_code < 500 and got.status_code != 401, f"{role} at {method} {path}: {got.text}"


def test_nobody_sees_anything_without_a_session_or_does_anything_without_its_token(desk: LeadDesk) -> None:
    stranger, lead = desk.browser(), desk.somebody(Role.LEAD)
    for method, path in PAGES:
        assert stranger.send(method, address(path), headers={"origin": desk.url, **FORM}).status_code == 401, path
        if method == "POST":
            got = lead.send(method, address(path), headers={"origin": desk.url, **FORM}, content=b"csrf_token=forged")
            assert (got.status_code, got.json()["reason"]) == (403, "bad_csrf"), path


def test_the_api_is_for_the_roles_of_its_table(desk: LeadDesk) -> None:
    assert NEEDED.keys() == API.keys() >= {action.word for action in ACTIONS.values()}
    paths = {action.word: ("POST", f"/v1/cases/a:{path}") for path, action in ACTIONS.items()} | {
        "next": ("POST", "/v1/cases:next"), "decide": ("POST", "/v1/cases/a/decisions"), "case": ("GET", "/v1/cases/a"),
        "queue": ("GET", "/v1/queue"),
    }  # fmt: skip
    for role in Role:
        browser = desk.somebody(role, name=f"{role}-2")
        for word, (method, path) in paths.items():
            # What is said is never valid, so that nothing is done where it is allowed.
            headers = {"origin": desk.url, "x-csrf-token": browser.csrf, "content-type": "application/json"}
            got = browser.send(method, path, headers=headers, content=b'{"nonsense": 1}' if method == "POST" else None)
            denied = got.status_code == 403 and got.json()["reason"] == "missing_role"
            assert denied is (role not in API[word]), f"{role} asks {word}: {got.status_code} {got.text}"


# ---- while identity is off, casework is told no roles ----


def record(stage: CaseStage, holder: str | None) -> RequestRecord:
    queued = Queued(workflow="w", stage=stage, priority=Priority.NORMAL, due_at=None, opened_at=0)
    return RequestRecord(queued=queued, in_hand=InHand(reviewer_id=holder, expires_at=9) if holder else None)


@pytest.mark.parametrize("word", ["claim", "renew", "hold", "decide"])
def test_experts_cases_are_for_experts(word: str) -> None:
    experts, humans = record(CaseStage.EXPERT, None), record(CaseStage.HUMAN, None)
    assert may_about(word, [Role.REVIEWER], "ann", experts) is not None
    assert may_about(word, [Role.EXPERT], "ann", experts) is None
    assert may_about(word, [Role.REVIEWER], "ann", humans) is None
    assert may_about(word, [Role.REVIEWER], "ann", None) is None, "casework says that it is unknown"


@pytest.mark.parametrize("word", ["release", "hand_over"])
def test_what_others_have_is_for_leads(word: str) -> None:
    theirs, own = record(CaseStage.HUMAN, "ben"), record(CaseStage.HUMAN, "ann")
    assert may_about(word, [Role.REVIEWER], "ann", theirs) is not None
    assert may_about(word, [Role.LEAD], "ann", theirs) is None
    assert may_about(word, [Role.REVIEWER], "ann", own) is None


def test_the_desk_refuses_before_casework_is_asked(desk: LeadDesk) -> None:
    desk.open("bens", Possession(sequence=2, hands=Hands.LEASED, reviewer_id="ben", expires_at=1 << 50))
    ann = desk.somebody(Role.REVIEWER, name="ann")
    headers = {"content-type": "application/json"}
    for path, body in (("release", b"{}"), ("hand-over", b'{"to_reviewer": "ann"}')):
        got = ann.post(f"/v1/cases/bens:{path}", headers=headers, content=body)
        assert (got.status_code, got.json()["reason"]) == (403, "missing_role")
    assert desk.casework.written == []
