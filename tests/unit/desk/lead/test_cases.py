"""Cases of others: what a form says, once however often it is sent, and nothing that could not be meant."""

from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import pytest

from infra.redis.records import (
    Announced,
    Closed,
    Hands,
    InHand,
    Moved,
    Opened,
    Place,
    Possession,
    Queued,
    Reopened,
    RequestRecord,
)
from infra.redis.records import Answer as Answered
from producers.desk.commanding import Carried
from producers.desk.pages.lead.happened import happened
from producers.desk.pages.lead.steering import is_visible
from producers.desk.signin.roles import Role
from schemas.events import (
    CaseActionRequested,
    CaseNoted,
    CaseReprioritised,
    CommandRefused,
    Event,
    LeaseEnded,
    LeaseGranted,
    ReviewDecided,
)
from schemas.values import CaseStage, ClosedBy, Coordinates, EndedBy, Priority
from tests.support.lead_desk import LeadDesk
from tests.support.recorded import START
from tests.support.signing_in import PAGE, Browser

FORM = {"content-type": "application/x-www-form-urlencoded"}
SCRIPT = "<script>alert(1)</script>"
BEN = Possession(sequence=2, hands=Hands.LEASED, reviewer_id="ben", expires_at=1 << 50)


def says(record: CaseActionRequested | ReviewDecided, at: Coordinates) -> list[Event]:
    """Casework does what it is told, but not about the case `no`."""
    assert isinstance(record, CaseActionRequested)
    frame: dict[str, Any] = {
        "event_id": "e", "workflow": "moderation", "sequence": 3, "revision": 1, "occurred_at": START,
        "request_id": record.request_id, "cause": at,
    }  # fmt: skip
    if record.request_id == "no":
        return [CommandRefused(event_id="e", request_id="no", sequence=0, cause=at, occurred_at=START,
                               command_id=record.command_id, reviewer_id=record.reviewer_id, action=record.action,
                               reason="finished", detail="it is decided")]  # fmt: skip
    match record.action:
        case "hand_over":
            who = record.to_reviewer or ""
            return [LeaseGranted(**frame, reviewer_id=who, lease=4, expires_at=1 << 50, handed_over_by="lea")]
        case "release":
            return [LeaseEnded(**frame, reviewer_id="ben", lease=2, ended_by=EndedBy.RELEASED)]
        case "reprioritise":
            priority = Priority(record.priority or "")
            return [CaseReprioritised(**frame, reviewer_id="lea", priority=priority, note=record.note)]
    return [CaseNoted(**frame, reviewer_id="lea", note=record.note)]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> LeadDesk:
    monkeypatch.setattr("producers.desk.pages.lead.case_routes.LOOKS", 1)  # no index runs here
    desk = LeadDesk()
    desk.casework.says = says
    return desk


def send(browser: Browser, path: str, *, csrf: str = "", **fields: Any) -> httpx2.Response:
    body = urlencode({"csrf_token": csrf or browser.csrf, **fields}, doseq=True)
    return browser.post(path, csrf=False, headers={**FORM, **PAGE}, content=body.encode())


def seen(browser: Browser, name: str) -> str:
    """What the page says of who has the case, as its forms send it back."""
    text = browser.get(f"/lead/cases/{quote(name, safe='')}", **PAGE).text
    return text.split('name="seen" value="')[1].split('"')[0]


def test_a_page_shows_the_case_who_has_it_and_nothing_as_markup(desk: LeadDesk) -> None:
    name = f"a/b {SCRIPT} ü"
    desk.open(name, BEN, text=SCRIPT.replace("/", "\\\\/"))
    lea = desk.somebody(Role.LEAD)
    got = lea.get(f"/lead/cases/{quote(name, safe='')}", **PAGE)
    assert got.status_code == 200 and "ben" in got.text and SCRIPT not in got.text
    assert quote(name, safe="") in got.text


@pytest.mark.parametrize(
    ("fields", "word", "means"),
    [
        ({"action": "hand-over", "to_reviewer": "cas"}, "hand_over", {"to_reviewer": "cas"}),
        ({"action": "release"}, "release", {}),
        ({"action": "reprioritise", "priority": "urgent", "note": "now"}, "reprioritise", {"priority": "urgent"}),
        ({"action": "note", "note": f"look {SCRIPT}"}, "note", {"note": f"look {SCRIPT}"}),
    ],
)
def test_what_a_form_says_is_asked_of_casework(
    desk: LeadDesk, fields: dict[str, str], word: str, means: dict[str, str]
) -> None:
    desk.open("r", BEN)
    lea = desk.somebody(Role.LEAD)
    got = send(lea, "/lead/cases/r:do", command_id="one", seen=seen(lea, "r"), **fields)
    assert (got.status_code, got.headers["location"]) == (303, f"/lead/cases/r?done={fields['action']}")
    (written,) = desk.casework.written
    assert isinstance(written, CaseActionRequested)
    assert (written.action, written.reviewer_id, written.command_id) == (word, "lea", "one")
    assert {name: getattr(written, name) for name in means} == means
    told = lea.get(got.headers["location"], **PAGE)
    assert 'class="note good"' in told.text
    assert 'class="note good"' not in lea.get(f"/lead/cases/r?done={quote(SCRIPT)}", **PAGE).text


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "dance"}, {}, {"action": "hand-over"}, {"action": "hand-over", "to_reviewer": "\x00"},
        {"action": "hand-over", "to_reviewer": "x" * 201}, {"action": "hand-over", "to_reviewer": ["a", "b"]},
        {"action": "reprioritise", "priority": "whenever", "note": "x"},
        {"action": "reprioritise", "priority": "high", "note": "  "}, {"action": "note", "note": ""},
        {"action": "note", "note": "x" * 16_001}, {"action": "release", "command_id": ""},
        {"action": "release", "command_id": "ü"},
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_and_changes_nothing(desk: LeadDesk, fields: dict[str, Any]) -> None:
    desk.open("r", BEN)
    lea = desk.somebody(Role.LEAD)
    got = send(lea, "/lead/cases/r:do", **({"command_id": "one", "seen": seen(lea, "r")} | fields))
    assert got.status_code == 422 and 'href="/lead/cases/r"' in got.text
    assert desk.casework.written == []


def test_a_form_of_no_text_is_refused(desk: LeadDesk) -> None:
    lea = desk.somebody(Role.LEAD)
    body = f"csrf_token={lea.csrf}&action=note&note=%ff%fe".encode()
    got = lea.post("/lead/cases/r:do", csrf=False, headers={**FORM, **PAGE}, content=body)
    assert got.status_code == 422 and "cannot be read" in got.text


def test_a_stale_page_changes_nothing(desk: LeadDesk) -> None:
    desk.open("r", BEN)
    lea = desk.somebody(Role.LEAD)
    before = seen(lea, "r")
    desk.open("r", Possession(sequence=3, hands=Hands.LEASED, reviewer_id="cas", expires_at=1 << 50))
    got = send(lea, "/lead/cases/r:do", command_id="one", seen=before, action="release")
    assert got.status_code == 409 and "cas has it now" in got.text and desk.casework.written == []


def test_a_form_that_is_sent_twice_counts_once(desk: LeadDesk) -> None:
    desk.open("r", BEN)
    lea = desk.somebody(Role.LEAD)
    fields = {"csrf_token": lea.csrf, "command_id": "one", "seen": seen(lea, "r"), "action": "release"}

    async def press(client: httpx2.AsyncClient) -> httpx2.Response:
        return await client.post(
            "/lead/cases/r:do", content=urlencode(fields).encode(), headers={**FORM, **PAGE, "origin": desk.url}
        )

    answers = desk.together(lea, press, press, press)
    assert [got.status_code for got in answers] == [303] * 3 and len(desk.casework.written) == 1


def test_a_case_that_is_not_open_is_told_so(desk: LeadDesk) -> None:
    lea = desk.somebody(Role.LEAD)
    for name in ("nowhere", quote(SCRIPT, safe=""), "%2F%2F", "a" * 2_000):
        got = lea.get(f"/lead/cases/{name}", **PAGE)
        assert got.status_code == 404 and SCRIPT not in got.text and "Back to the queues" in got.text


def test_several_cases_in_one_go_each_with_its_own_answer(desk: LeadDesk) -> None:
    for name in ("yes", "no", "a&b"):
        desk.open(name, BEN)
    lea = desk.somebody(Role.LEAD)
    got = send(lea, "/lead/cases", command_id="x", action="release", case=["yes", "no", "a&b", "yes"])
    assert got.status_code == 200 and "2 of 3 are done, 1 refused" in got.text and "it is decided" in got.text
    assert [each.command_id for each in desk.casework.written if isinstance(each, CaseActionRequested)] == [
        "x:0", "x:1", "x:2",
    ]  # fmt: skip
    for ticked in ([], [f"r{number}" for number in range(51)], [""]):
        assert send(lea, "/lead/cases", command_id="y", action="release", case=ticked).status_code == 422
    assert len(desk.casework.written) == 3


# ---- what happened, and what must not be known ----


def story(*, is_told_anew: bool) -> list[str]:
    record = RequestRecord(
        opened=Opened(workflow="w", revision=1, stage=CaseStage.HUMAN, priority=Priority.NORMAL, due_at=None, at=1),
        moved=(Moved(sequence=6, revision=3, stage=CaseStage.HUMAN, at=6),),
        reopened=(Reopened(sequence=5, revision=2, workflow="w", at=5),),
        closed=Closed(sequence=3, revision=1, at=3, by=ClosedBy.REVIEWER),
        answers=(Answered(sequence=3, at=3, reviewer_id="ann"), Answered(sequence=7, at=7, reviewer_id="eva")),
    )
    return [each.what for each in happened(record, is_told_anew=is_told_anew, now=9)]


def test_a_decision_that_chance_drew_looks_like_any_case_of_an_expert() -> None:
    assert story(is_told_anew=False) == ["The case was opened for an expert", "It went to reviewers", "eva answered"]


def test_an_appeal_is_told_with_what_came_before() -> None:
    assert story(is_told_anew=True) == [
        "The case was opened for a reviewer", "ann answered", "It was opened again, to be judged anew",
        "It went to reviewers", "eva answered",
    ]  # fmt: skip


def test_a_change_counts_as_shown_once_all_that_a_page_shows_of_it_is_there() -> None:
    def shows(became: str, record: RequestRecord | None) -> bool:
        made = Carried(
            request_id="a", command_id="c", action="", accepted=True, became=became, holder="ben",
            priority=Priority.URGENT,
        )  # fmt: skip
        return is_visible(made, record)

    def known(queued: Priority, announced: Priority | None = None, holder: str | None = None) -> RequestRecord:
        said = None
        if announced is not None:
            said = Announced(
                revision=2, stage=CaseStage.HUMAN, priority=announced, escalated_by=None, created_at=0, due_at=None,
                review=Place(topic="review.urgent", partition=0, offset=1),
            )  # fmt: skip
        return RequestRecord(
            queued=Queued(workflow="w", stage=CaseStage.HUMAN, priority=queued, due_at=None, opened_at=0),
            announced=said, in_hand=InHand(reviewer_id=holder, expires_at=9) if holder else None,
        )  # fmt: skip

    urgent, low = Priority.URGENT, Priority.LOW
    told = [(low, low), (urgent, low), (urgent,), (urgent, urgent)]
    assert [shows("reprioritised", known(*each)) for each in told] == [False, False, False, True]
    assert [shows("handed_over", known(low, holder=who)) for who in (None, "ann", "ben")] == [False, False, True]
    assert [shows("released", known(low, holder=who)) for who in (None, "ann")] == [True, False]
    assert shows("reprioritised", None), "nothing is told of it any more"
