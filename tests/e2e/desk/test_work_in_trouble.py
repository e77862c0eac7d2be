"""What goes wrong while people work: leases that run out, a desk or casework that is away, a session that is over."""

import signal
import time

import pytest
from playwright.sync_api import Page, Route, expect

from producers.desk.signin.links import folder_of, put_link
from producers.desk.signin.opening import wall
from producers.desk.signin.person import Person
from producers.desk.signin.roles import Role
from producers.desk.signin.secret import new_secret
from tests.e2e.desk.conftest import SignedIn
from tests.e2e.desk.working import Works, office, shift, stand, url, worker  # noqa: F401 - fixtures
from tests.support.stand import Stand, wait_until
from tests.support.working import SHORT_SECONDS, Shift, Worker

pytestmark = pytest.mark.integration

AWAY = "Object.defineProperty(document, 'visibilityState', { get: () => 'hidden', configurable: true })"
BACK = "delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange'))"


def refusing(route: Route) -> None:
    """As a desk that cannot ask casework."""
    route.fulfill(status=503, json={"detail": "Casework has not answered in time.", "reason": "not_judged"})


def test_a_lease_that_runs_out_is_told_and_the_case_taken_again(worker: Works, shift: Shift) -> None:  # noqa: F811
    first, _ = shift.open(2, workflow="quick")
    ann = worker("ann")
    ann.sees(first)
    ann.page.route("**/*:renew", refusing)
    ann.press("f")
    ann.page.keyboard.type("half a thou")
    ann.stands("Casework does not answer")
    ann.reads(f"{first} is no longer yours. Your lease has run out")
    ann.page.unroute("**/*:renew")
    expect(ann.page.get_by_label("Feedback")).to_have_value("half a thou")
    ann.press("Escape", "t")
    ann.hears("is yours")
    ann.sees(first)
    expect(ann.page.get_by_label("Feedback")).to_have_value("half a thou")
    ann.press("r")
    assert shift.closed(first) == {first: "reject"}


def test_leases_are_renewed_while_somebody_is_there(worker: Works, shift: Shift) -> None:  # noqa: F811
    (name,) = shift.open(1, workflow="quick")
    ann = worker("ann")
    ann.sees(name)
    renewed: list[str] = []
    ann.page.on("request", lambda request: renewed.append(request.url) if request.url.endswith(":renew") else None)
    ann.page.wait_for_timeout(SHORT_SECONDS * 1_000)
    deadline = time.monotonic() + 30
    while len(renewed) < 2 and time.monotonic() < deadline:
        ann.page.wait_for_timeout(200)  # time in which the page may go on
    assert len(renewed) >= 2 and ann.current() == name
    expect(ann.page.get_by_role("button", name="Approve")).not_to_have_attribute("aria-disabled", "true")


def test_nobody_there_nothing_renewed(worker: Works, shift: Shift) -> None:  # noqa: F811
    (name,) = shift.open(1)
    ann = worker("ann")
    ann.sees(name)
    ann.page.clock.install()
    with ann.page.expect_response("**/*:renew"):
        ann.page.reload()
    ann.sees(name)
    ann.page.clock.fast_forward("06:00")
    lease = ann.page.locator("[data-lease-words]")
    expect(lease).to_contain_text("not renewed while you are away")
    ann.page.clock.fast_forward("02:30")  # the last renewal may have been heard of after the first leap
    with ann.page.expect_request("**/*:renew"):
        ann.press("j")
    expect(lease).not_to_contain_text("away")


def test_answers_wait_while_the_desk_is_away(worker: Works, shift: Shift, stand: Stand) -> None:  # noqa: F811
    first, second, third = shift.open(3)
    ann = worker("ann")
    ann.sees(first)
    ann.holds_ahead("2 further cases")
    stand.kill("desk")
    ann.press("f")
    ann.page.keyboard.type("not lost")
    ann.press("Escape", "r")
    ann.sees(second)
    ann.press("a")
    ann.sees(third)
    ann.stands("The desk does not answer. It is tried again by itself. 2 answers wait here and are sent by themselves.")
    ann.all_is_well()
    assert shift.closed(first, second) == {first: "reject", second: "approve"}
    assert ann.kept("outbox") == []
    ann.sees(third)


def test_an_answer_waits_while_casework_is_away(worker: Works, shift: Shift, stand: Stand) -> None:  # noqa: F811
    first, second = shift.open(2)
    ann = worker("ann")
    ann.sees(first)
    ann.holds_ahead("1 further case")
    stand.stack.kill("casework", signal.SIGSTOP)
    try:
        ann.press("a")
        ann.sees(second)
        ann.stands("Casework does not answer. It is tried again by itself. 1 answer waits here and is sent by itself.")
        ann.page.reload()
        ann.sees(second)
        assert [each["request_id"] for each in ann.kept("outbox")] == [first]
    finally:
        stand.stack.kill("casework", signal.SIGCONT)
    assert shift.closed(first) == {first: "approve"}
    wait_until(lambda: ann.kept("outbox") == [], what="an empty outbox")
    ann.all_is_well()


@pytest.mark.parametrize("closed", [False, True], ids=["reloaded", "closed"])
def test_granted_to_a_page_that_is_gone(
    worker: Works, shift: Shift, stand: Stand, closed: bool  # noqa: F811
) -> None:
    (first,) = shift.open(1)
    ann = worker("ann")
    ann.sees(first)
    ann.page.evaluate(AWAY)  # a page that nobody looks at does not ask
    (second,) = shift.open(1)
    stand.stack.kill("casework", signal.SIGSTOP)
    try:
        with ann.page.expect_request("**/work/next"):
            ann.page.evaluate(BACK)
        ann.page.wait_for_timeout(300)  # the claim is in the log, and casework has not ruled on it
        ann = in_its_place(ann, closed=closed)
        ann.sees(first)
    finally:
        stand.stack.kill("casework", signal.SIGCONT)
    ann.press("a")
    ann.sees(second)
    ann.press("r")
    assert shift.closed(first, second) == {first: "approve", second: "reject"}


def in_its_place(old: Worker, *, closed: bool) -> Worker:
    """The same page again, or a new tab after the old one was closed."""
    if not closed:
        old.page.reload()
        return old
    address, tab = old.page.url, Worker(old.page.context.new_page())
    old.page.close(run_before_unload=False)
    tab.page.goto(address)
    return tab


def test_who_reloads_at_once_has_every_case(worker: Works, shift: Shift) -> None:  # noqa: F811
    names = shift.open(2)
    ann, answered = worker("ann"), list[str]()
    for key in ("a", "r"):
        ann.page.reload()
        ann.page.reload()
        expect(ann.shown()).to_be_visible()
        answered.append(ann.current())
        ann.press(key)
    assert sorted(answered) == names


def test_what_was_just_answered_does_not_come_back_while_the_read_model_is_behind(
    worker: Works, shift: Shift, stand: Stand  # noqa: F811
) -> None:
    first, second = shift.open(2)
    ann = worker("ann")
    ann.sees(first)
    ann.holds_ahead("1 further case")
    stand.stack.kill("index", signal.SIGSTOP)
    try:
        ann.press("a")
        ann.sees(second)
        wait_until(lambda: ann.kept("outbox") == [], what="an empty outbox")
        ann.page.reload()
        ann.sees(second)
        ann.press("r")
        ann.hears("Rejected")
        expect(ann.shown()).to_have_count(0)
        expect(ann.page.locator("#work-notes")).to_be_empty()
    finally:
        stand.stack.kill("index", signal.SIGCONT)
    assert shift.closed(first, second) == {first: "approve", second: "reject"}


def test_a_refusal_says_why_and_shows_what_was_typed(worker: Works, shift: Shift) -> None:  # noqa: F811
    first, second = shift.open(2)
    ann = worker("ann")
    ann.sees(first)
    ann.page.route("**/v1/changes**", lambda route: route.abort())  # else it is told before
    with ann.page.expect_response("**/*:renew"):  # of which a page that is opened anew does not know the lease yet
        ann.page.reload()
    ann.sees(first)
    ann.posts(f"/v1/cases/{first}/decisions", action="approve", grace_seconds=60)
    ann.press("f")
    ann.page.keyboard.type("never lost")
    ann.press("Escape", "r")
    ann.sees(second)
    ann.reads(f"Your answer to {first} was refused")
    ann.reads("has just answered and may still take it back")
    expect(ann.page.locator("#work-notes pre")).to_have_text("never lost")


def again(page: Page, stand: Stand, url: str, reviewer_id: str, skill: str) -> None:  # noqa: F811
    """Signs in in another tab."""
    person = Person(reviewer_id=reviewer_id, name=reviewer_id, roles=(Role.REVIEWER,), skills=(skill,))
    secret = new_secret()
    put_link(folder_of(stand.settings), person, secret=secret, now=wall())
    tab = page.context.new_page()
    tab.goto(f"{url}/sign-in/link?token={secret}&next=/work/me")
    tab.close()


def test_a_session_that_is_over_loses_nothing_and_nobody_else_answers(
    worker: Works, shift: Shift, stand: Stand, url: str  # noqa: F811
) -> None:
    first, second, _ = shift.open(3)
    ann = worker("ann")
    ann.sees(first)
    ann.holds_ahead("2 further cases")
    ann.posts("/sign-out")
    ann.press("a")
    ann.sees(second)
    ann.stands("Your session is over. Sign in again in another tab: nothing is lost")
    again(ann.page, stand, url, "somebody else", shift.skill)
    ann.stands("somebody else is signed in in this browser now")
    assert len(ann.kept("outbox")) == 1
    again(ann.page, stand, url, f"ann-{shift.skill}", shift.skill)
    ann.all_is_well()
    assert shift.closed(first) == {first: "approve"}


def test_who_holds_enough_is_told_so_calmly(worker: Works, shift: Shift) -> None:  # noqa: F811
    shift.enrol("ann", wip_limit=2)
    first, second, third = shift.open(3)
    ann = worker("ann")
    ann.sees(first)
    ann.holds_ahead("1 further case is held ahead. You hold as many cases as you may.")
    ann.press("a")
    ann.sees(second)
    ann.press("a")
    ann.sees(third)
    ann.all_is_well()


def test_in_two_tabs_an_answer_counts_once(worker: Works, shift: Shift, signed_in: SignedIn) -> None:  # noqa: F811
    first, second = shift.open(2)
    ann = worker("ann")
    ann.sees(first)
    ann.holds_ahead("1 further case")
    tab = Worker(ann.page.context.new_page())
    tab.page.goto(ann.page.url)
    tab.sees(first)
    ann.press("r")
    ann.sees(second)
    tab.page.bring_to_front()
    tab.reads(f"{first} is no longer yours")
    assert shift.closed(first) == {first: "reject"}
