"""The operator's pages in a browser, on the real stack: what fails is seen, mended, sent again, and decided."""

import re
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from infra.kafka.publisher import publish
from infra.settings import DESK_FILE
from producers.desk.signin.roles import Role
from schemas.events import PolicyPublished, ReviewRequested
from schemas.topics import POLICIES, REVIEW
from tests.e2e.desk.conftest import SignedIn, standing
from tests.support.browser import TABLET, axe
from tests.support.gateway import url_of
from tests.support.stand import DOCUMENT, Stand, wait_until
from tests.support.traffic import CODEC, WORKFLOW, Send, asked, request

pytestmark = pytest.mark.integration
HOSTILE = b"<script>alert(1)</script><img src=x onerror=alert(2)>\x00\xff"
PAGES = ("/operate", "/operate/dead-letters", "/figures")
LOOKS = [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"color_scheme": "light", **TABLET}]


@pytest.fixture(scope="module")
def stand(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """With everything that an operator looks at."""
    services = ("inference", "router", "casework", "index", "insights")
    with standing(tmp_path_factory.mktemp("operate"), *services) as stand:
        yield stand


@pytest.fixture(scope="module")
def url(stand: Stand) -> str:
    return url_of(stand, DESK_FILE)


def announced(stand: Stand, request_id: str) -> int:
    """How often people were asked about a request."""
    history = stand.history()
    found = [each for topic in REVIEW.values() for each in history.events(topic.name)]
    return sum(isinstance(each, ReviewRequested) and each.request_id == request_id for each in found)


def publish_policy(stand: Stand, workflow: str) -> None:
    document = DOCUMENT.replace(f'"{WORKFLOW}"', f'"{workflow}"')
    event = PolicyPublished(
        event_id=f"policy:{workflow}:1", workflow=workflow, version=1, digest="2" * 64, document=document,
        published_by="test", published_at=0,
    )  # fmt: skip
    publish(stand.log, CODEC, [POLICIES.message(event)])


def poisoned(stand: Stand, workflow: str) -> str:
    """The id of a request of a workflow that nobody published yet."""
    name = f"poison-{uuid.uuid4().hex[:8]}"
    stand.send([asked(request(name, "a garden", workflow=workflow))])
    stand.flush()
    return name


def opened_letter(page: Page, url: str, request_id: str) -> None:
    """The page of the dead letter of a request, from the list."""
    row = page.locator("tbody tr", has_text=request_id).first

    def is_there() -> bool:
        page.goto(f"{url}/operate/dead-letters")
        return row.count() > 0

    wait_until(is_there, what=f"a dead letter of {request_id}")
    row.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"Dead letter \d+:\d+"))


def test_a_poison_record_is_seen_mended_sent_again_and_decided(stand: Stand, url: str, signed_in: SignedIn) -> None:
    workflow = f"mended-{uuid.uuid4().hex[:6]}"
    name = poisoned(stand, workflow)
    page = signed_in("ada", Role.ADMIN)
    opened_letter(page, url, name)
    expect(page.get_by_text("Publish it with")).to_be_visible()
    assert axe(page) == []
    publish_policy(stand, workflow)
    page.get_by_role("button", name="Send it again…").click()
    expect(page.get_by_text("Does it count twice?")).to_be_visible()
    assert axe(page) == []
    page.get_by_role("button", name="Send it again", exact=True).dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sent again")
    assert axe(page) == []
    page.reload()
    wait_until(lambda: announced(stand, name) == 1, what="a case of it")
    page.goto(f"{url}/operate/dead-letters")
    expect(page.locator("tbody tr", has_text=name)).to_contain_text("by ada")
    opened_letter(page, url, name)
    expect(page.get_by_role("heading", name="Sent again")).to_be_visible()
    page.get_by_role("button", name="Send it again…").click()
    page.get_by_role("button", name="Send it again", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not all was sent again")
    assert announced(stand, name) == 1, "it was asked about once"
    wait_until(lambda: stand.history().account.reconciled, what="a case that casework has opened")


def test_many_are_chosen_by_keyboard_and_each_is_told(stand: Stand, url: str, signed_in: SignedIn) -> None:
    workflow = f"never-{uuid.uuid4().hex[:6]}"
    names = [poisoned(stand, workflow) for _ in range(2)]
    page = signed_in("ada", Role.ADMIN)
    for name in names:
        opened_letter(page, url, name)
    page.goto(f"{url}/operate/dead-letters")
    for name in names:
        page.locator("tbody tr", has_text=name).get_by_role("checkbox").focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Send the chosen ones again…").press("Enter")
    page.get_by_role("button", name="Send them again").press("Enter")
    expect(page.locator("main li")).to_have_count(2)
    page.locator("main li").get_by_role("link").first.click()
    wait_until(lambda: _came_back(page), what="the dead letter that came of it")
    expect(page.get_by_text("by ada").first).to_be_visible()
    assert axe(page) == []


def _came_back(page: Page) -> bool:
    page.reload()
    return page.get_by_text("It could not be processed again").count() > 0


def test_an_auditor_sees_dead_letters_and_cannot_send_them(stand: Stand, url: str, signed_in: SignedIn) -> None:
    name = poisoned(stand, "seen")
    page = signed_in("vic", Role.AUDITOR)
    opened_letter(page, url, name)
    assert page.get_by_role("button", name="Send it again…").count() == 0
    place = page.url.rpartition("dead-letters/")[2].replace("/", ":")
    page.goto(f"{url}/operate/dead-letters/confirm?place={place}")
    expect(page.get_by_role("heading", level=1)).to_have_text("This is not for you")


def test_hostile_bytes_are_shown_and_do_nothing(stand: Stand, url: str, signed_in: SignedIn) -> None:
    key = f"hostile-{uuid.uuid4().hex[:8]}"
    stand.send([Send("requests", key.encode(), HOSTILE + bytes(900_000))])
    stand.flush()
    page = signed_in("ada", Role.ADMIN)
    row = page.locator("tbody tr", has_text="900,0").first
    wait_until(lambda: page.goto(f"{url}/operate/dead-letters") is not None and row.count() > 0, what="the letter")
    row.get_by_role("link").first.click()
    expect(page.get_by_text(key).first).to_be_visible()
    expect(page.get_by_text("3c 73 63 72 69 70 74")).to_be_visible()
    assert page.locator("main script, main img").count() == 0 and axe(page) == []


@contextmanager
def halted(stand: Stand, service: str) -> Iterator[None]:
    stand.stack.kill(service, signal.SIGSTOP)
    try:
        yield
    finally:
        stand.stack.kill(service, signal.SIGCONT)


def test_what_waits_before_a_halted_stage_is_seen_live(stand: Stand, url: str, signed_in: SignedIn) -> None:
    page = signed_in("lea", Role.LEAD, path="/operate")
    inference = page.locator("section tr", has=page.get_by_role("rowheader", name="inference"))
    expect(inference.first).to_contain_text("works")
    with halted(stand, "inference"):
        stand.send([asked(request(f"late-{uuid.uuid4().hex[:8]}", "a garden")) for _ in range(30)])
        stand.flush()
        expect(inference.first).to_contain_text("does not answer")
        expect(inference.first).to_contain_text("the brokers")
        expect(page.locator("svg text", has_text="wait").first).to_be_visible()
        expect(page.get_by_text("Look at inference.").first).to_be_attached()
        assert axe(page) == []
    expect(inference.first).to_contain_text("works")


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "tablet"])
def test_every_page_keeps_nobody_out(stand: Stand, url: str, signed_in: SignedIn, look: dict[str, object]) -> None:
    poisoned(stand, "looked-at")
    page = signed_in("ada", Role.ADMIN, **look)
    for path in PAGES:
        page.goto(f"{url}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert axe(page) == [], path
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), path


def test_figures_are_told_against_their_targets(url: str, signed_in: SignedIn) -> None:
    page = signed_in("lea", Role.LEAD)

    def is_measured() -> bool:
        page.goto(f"{url}/figures")
        return page.get_by_role("rowheader", name="Automation rate").count() > 0

    wait_until(is_measured, what="figures")
    expect(page.get_by_text("Not measured yet, because").first).to_be_visible()
    expect(page.locator("svg.bullet").first).to_be_visible()
