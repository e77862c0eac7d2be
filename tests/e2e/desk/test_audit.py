"""What an auditor sees: any request's whole story, an appeal to its end, models and policies; and who may see it."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from infra.redis.connection import connect as connect_redis
from infra.redis.keys import Keys
from producers.desk.pages.audit.listing import path_of
from producers.desk.signin.roles import Role
from tests.e2e.desk.conftest import SignedIn
from tests.support.browser import TABLET, axe
from tests.support.gateway import ADDRESS, served
from tests.support.stand import Stand, wait_until
from tests.support.told import FIRST, ask, fit_models, outcomes, publish_policies, until_finished

pytestmark = pytest.mark.integration
HOSTILE = "<script>alert(1)</script>/../a&b=\"c\"'d%2F é.json"


@pytest.fixture(scope="module")
def gateway(stand: Stand) -> Iterator[str]:
    yield from served(stand.settings.with_changes(gateway_address=ADDRESS))


@pytest.fixture(scope="module")
def told(stand: Stand) -> None:
    """Some requests that automation decided, some that people did, and models."""
    auto, people = [f"auto-{n}" for n in range(8)], [f"person-{n}" for n in range(4)]
    ask(stand, auto, confidence=0.99)
    ask(stand, people, confidence=None)
    ask(stand, [HOSTILE], confidence=0.99, text="<img src=x onerror=alert(2)> & <b>bold</b>")
    fit_models(stand)
    publish_policies(stand)
    until_finished(stand, *auto, *people, HOSTILE)


def shot(page: Page, name: str) -> None:
    """A picture to look at, where SHOTS names a folder."""
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def of(request_id: str) -> str:
    return path_of(request_id)


@pytest.mark.usefixtures("told")
def test_an_auditor_finds_a_request_and_reads_its_whole_story(signed_in: SignedIn, url: str) -> None:
    page = signed_in("otto", Role.AUDITOR, path="/audit")
    expect(page.get_by_role("heading", level=1)).to_have_text("Requests")
    expect(page.get_by_role("link", name="auto-7")).to_be_visible()
    assert axe(page) == []
    page.get_by_label("Request id").fill("auto-7")
    page.get_by_role("button", name="Show its story").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Request auto-7")
    moments = page.locator(".timeline > li")
    expect(moments.filter(has_text="A decision was asked for.")).to_have_count(1)
    expect(moments.filter(has_text="The model answered approve with confidence 0.990.")).to_have_count(1)
    expect(moments.filter(has_text="The outcome is approved, without a person.")).to_have_count(1)
    decided = moments.filter(has_text="The outcome is approved")
    decided.get_by_text("Why").click()
    expect(decided.get_by_text("Policy version")).to_be_visible()
    expect(decided).to_contain_text(re.compile(r"outcomes\[\d\]@\d+"))
    decided.get_by_text("JSON").click()
    expect(decided.locator("pre")).to_contain_text('"decided_by": "automation"')
    assert axe(page) == []
    with page.expect_download() as started:
        page.get_by_role("link", name="Download as JSON").click()
    document = json.loads(Path(started.value.path()).read_text())
    assert document["request_id"] == "auto-7"
    assert {record["type"] for record in document["records"]} >= {"DecisionRequested", "PredictionMade", "DecisionMade"}


@pytest.mark.usefixtures("told")
def test_what_people_did_is_told_with_what_reviewers_must_not_know(signed_in: SignedIn) -> None:
    page = signed_in("otto", Role.AUDITOR, path=of("person-1"))
    expect(page.get_by_role("table", name="Answers of people")).to_contain_text("anna")
    learnt = page.locator(".timeline > li").filter(has_text="The answer teaches")
    expect(learnt).to_contain_text("sealed")


@pytest.mark.usefixtures("told")
def test_lists_are_narrowed_and_gone_through_page_by_page(signed_in: SignedIn, url: str) -> None:
    page = signed_in("otto", Role.AUDITOR, path="/audit?by=automation&workflow=posts")
    expect(page.get_by_role("link", name="auto-0")).to_be_visible()
    expect(page.get_by_role("link", name="person-0")).to_have_count(0)
    page.goto(f"{url}/audit?reviewer=anna")
    expect(page.get_by_role("link", name="person-0")).to_be_visible()
    page.goto(f"{url}/audit?what=failed")
    expect(page.get_by_text("No request fits.")).to_be_visible()
    page.goto(f"{url}/audit?from=yesterday")
    expect(page.get_by_role("alert")).to_contain_text("a day is written as")
    page.goto(f"{url}/audit?from=2001-01-01&to=2001-01-02")
    expect(page.get_by_text("No request fits.")).to_be_visible()


@pytest.mark.usefixtures("told")
def test_hostile_ids_and_contents_are_only_text(signed_in: SignedIn, url: str) -> None:
    page = signed_in("otto", Role.AUDITOR, path="/audit")
    page.get_by_role("link", name=HOSTILE).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Request {HOSTILE}")
    page.get_by_text("What was to be decided").click()
    expect(page.get_by_text("<img src=x onerror=alert(2)>").first).to_be_visible()
    assert page.locator("main script, main img, main b").count() == 0
    for hostile in ("x\r\nset-cookie: a=b", "x\0y", "../../../etc/passwd", "'\"><svg/onload=alert(1)>", "ä" * 400):
        page.goto(f"{url}{of(hostile)}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Request")
        assert page.locator("main svg").count() == 0


def test_an_unknown_request_is_looked_for_in_the_log_and_that_is_said(signed_in: SignedIn, url: str) -> None:
    page = signed_in("otto", Role.AUDITOR, path=of("nobody-asked"))
    expect(page.get_by_text("there is no event of this request")).to_be_visible()
    assert axe(page) == []
    page.get_by_role("link", name="All time").click()
    expect(page.get_by_text("In the log of all time there is no event of this request.")).to_be_visible()


@pytest.mark.usefixtures("told")
def test_what_the_index_forgot_is_told_from_the_log(signed_in: SignedIn, stand: Stand) -> None:
    redis, keys = connect_redis(stand.settings), Keys(stand.settings.topic_prefix)
    redis.call("UNLINK", keys.request("auto-5"))
    redis.close()
    page = signed_in("otto", Role.AUDITOR, path=of("auto-5"))
    expect(page.get_by_text("This is from the log of the last 30 days")).to_be_visible()
    expect(page.locator(".timeline > li").filter(has_text="The outcome is approved")).to_have_count(1)


@pytest.mark.usefixtures("told")
def test_an_appeal_is_followed_to_its_end(signed_in: SignedIn, stand: Stand, gateway: str, url: str) -> None:
    """Upstream appeals; an expert decides at the desk; the auditor reads all of it."""
    statement = "This is <b>unfair</b>."
    body = {"statement": statement, "appeal_id": "ap-1"}
    answer = httpx2.post(f"{gateway}/v1/requests/auto-2/appeal", json=body, timeout=60)
    assert answer.status_code == 202, answer.text
    reader = signed_in("otto", Role.AUDITOR)
    wait_until(lambda: len(events(reader, url, "CaseReopened")) == 1, what="the case that is reopened")
    reader.goto(f"{url}{of('auto-2')}")
    expect(reader.get_by_text("The case was reopened for an expert")).to_be_visible()
    expect(reader.locator(".facts").first).to_contain_text("under review")
    expert = signed_in("eva", Role.EXPERT)
    csrf = expert.locator('meta[name="csrf-token"]').get_attribute("content") or ""

    def is_reopened() -> bool:
        shown = expert.request.get(f"{url}/v1/cases/auto-2", max_retries=2)
        return shown.ok and shown.json()["reopened_by"] == "appeal"

    wait_until(is_reopened, what="the case at the desk")
    said = expert.request.post(
        f"{url}/v1/cases/auto-2/decisions", headers={"x-csrf-token": csrf, "origin": url},
        data={"action": "reject", "feedback": "The appeal is right.", "confidence": 0.9}, max_retries=2,
    )  # fmt: skip
    assert said.ok, said.text()
    wait_until(lambda: len(events(reader, url, "OutcomeAmended")) == 1, what="the amendment in the story")
    reader.reload()
    outcome = reader.locator(".outcomes > li")
    expect(outcome).to_have_count(2)
    expect(outcome.nth(1)).to_contain_text("rejected")
    expect(outcome.nth(1)).to_contain_text("expert eva")
    moments = reader.locator(".timeline > li")
    order = [moments.filter(has_text=text) for text in (
        "The decision was appealed", "The case was reopened", "eva answered reject", "The outcome is amended",
    )]  # fmt: skip
    numbers = [int((each.first.get_attribute("id") or "").removeprefix("event-")) for each in order]
    assert numbers == sorted(numbers)
    appealed = order[0]
    appealed.get_by_text("Why").click()
    expect(appealed).to_contain_text(statement)

    def is_listed() -> bool:
        reader.goto(f"{url}/audit?what=amended")
        return reader.get_by_role("link", name="auto-2").count() == 1

    wait_until(is_listed, what="the request among the amended ones")
    told = httpx2.get(f"{gateway}/v1/requests/auto-2?timeline=true", timeout=60).json()
    assert told["amended_from"] == "approved" and told["appeal"]["status"] == "amended"


def events(page: Page, url: str, kind: str) -> list[object]:
    found = page.request.get(f"{url}/audit/requests/auto-2.json", max_retries=2).json()
    return [record for record in found["records"] if record["type"] == kind]


@pytest.mark.usefixtures("told")
def test_models_tell_who_and_why(signed_in: SignedIn, url: str) -> None:
    page = signed_in("otto", Role.AUDITOR, path="/models")
    expect(page.get_by_role("heading", level=1)).to_have_text("Models")
    expect(page.get_by_text(f"version 3, {FIRST[:12]}")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="3d3d3d3d3d3d")
    expect(row).to_contain_text("<b>no better</b> than the running model")
    page.get_by_text("History: 8 events").click()
    steps = page.locator(".timeline > li")
    expect(steps.first).to_contain_text("rolled back to")
    promoted = steps.filter(has_text="promoted").filter(has_text="2e2e2e2e2e2e")
    expect(promoted).to_contain_text("enough labels: 60 new labels")
    assert axe(page) == []
    page.goto(f"{url}/policies")
    expect(page.get_by_text("by test")).to_be_visible()
    letters = page.locator("section").filter(has_text="letters")
    expect(letters.locator("li").first).to_contain_text("<i>approving_class</i> is none of the classes")
    second = letters.locator("li").nth(1)
    expect(second).to_contain_text("in force")
    expect(second.locator(".added").first).to_have_text('+ featurizer = "tabular"')
    expect(second.locator(".removed")).to_have_text('- featurizer = "text"')
    assert axe(page) == []


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("role", "requests", "models"),
    [
        (Role.REVIEWER, False, False), (Role.EXPERT, False, False), (Role.LEAD, True, True),
        (Role.AUDITOR, True, True), (Role.ADMIN, False, True),
    ],
)  # fmt: skip
def test_who_may_look_and_who_may_not(
    signed_in: SignedIn, url: str, role: Role, requests: bool, models: bool
) -> None:
    page = signed_in("rolf", role)
    paths = {"/audit": requests, of("auto-1"): requests, "/audit/requests/auto-1.json": requests,
             "/audit/reading?id=auto-1": requests, "/models": models, "/policies": models}  # fmt: skip
    for path, may in paths.items():
        answer = page.request.get(f"{url}{path}", headers={"accept": "text/html"})
        assert answer.status == (200 if may else 403), path
        assert may or "The model answered" not in answer.text()
    assert httpx2.get(f"{url}{of('auto-1')}").status_code == 401


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("look", ["light", "dark", "tablet"])
def test_pages_in_every_size_and_theme(signed_in: SignedIn, url: str, look: str, stand: Stand) -> None:
    options = TABLET if look == "tablet" else {"color_scheme": look, "viewport": {"width": 1280, "height": 900}}
    page = signed_in("otto", Role.AUDITOR, **options)
    assert outcomes(stand, "auto-2")
    for name, path in (
        ("search", "/audit"), ("request", of("auto-2")), ("person", of("person-2")), ("unknown", of("nobody-asked")),
        ("models", "/models"), ("policies", "/policies"),
    ):  # fmt: skip
        page.goto(f"{url}{path}")
        if name == "unknown":  # what is not read yet loads itself again
            expect(page.get_by_text("there is no event of this request")).to_be_visible()
        assert axe(page) == [], name
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} scrolls sideways by {wide}"
        shot(page, f"{name}-{look}")
    page.set_viewport_size({"width": 320, "height": 640})  # as 1280 at 400 %
    page.goto(f"{url}{of('auto-2')}")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
