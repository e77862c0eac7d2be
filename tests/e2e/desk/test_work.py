"""Work at the desk, by the keyboard: answers, undo, set aside, experts, hand-over; nothing typed is lost on the way."""

import pytest
from playwright.sync_api import expect

from producers.desk.signin.roles import Role
from schemas.events import CaseEscalated, LeaseEnded
from tests.e2e.desk.working import Works, office, shift, stand, url, worker  # noqa: F401 - fixtures
from tests.support.stand import wait_until
from tests.support.working import Shift

pytestmark = pytest.mark.integration
REVIEWER, EXPERT, LEAD = Role.REVIEWER, Role.EXPERT, Role.LEAD


def test_ten_cases_by_keyboard_alone(worker: Works, shift: Shift) -> None:  # noqa: F811
    names = shift.open(10)
    ann, expected = worker("ann"), {}
    for number in range(10):
        name, (key, label) = ann.current(), (("a", "approve"), ("r", "reject"))[number % 2]
        expected[name] = label
        ann.press(key)
        ann.hears("Approved" if key == "a" else "Rejected")
    assert set(expected) == set(names)
    expect(ann.page.locator("#work-why")).to_contain_text("No case waits")
    assert shift.closed(*names) == expected
    ann.press("u")
    ann.hears("too late")


def test_a_page_whose_clock_is_behind_says_the_same(worker: Works, shift: Shift) -> None:  # noqa: F811
    """It asks casework, which refuses: for the person nothing is different."""
    (name,) = shift.open(1)
    ann = worker("ann")
    ann.sees(name)
    ann.page.evaluate("() => { const real = Date.now; Date.now = () => real() - 60_000; }")
    ann.press("a")
    ann.hears("Approved")
    assert shift.closed(name) == {name: "approve"}
    with ann.page.expect_response(lambda answer: answer.url.endswith(":undo")) as undo:
        ann.press("u")
    assert undo.value.status == 409
    ann.hears("too late")
    expect(ann.page.locator("#work-notes")).to_be_empty()


def test_undo_brings_it_back_as_it_was_answered(worker: Works, shift: Shift) -> None:  # noqa: F811
    first, second, third = shift.open(3)
    ann = worker("ann")
    ann.sees(first)
    ann.press("f")
    ann.page.keyboard.type("arx: letters are no keys here")
    ann.press("Escape", "c", "ArrowLeft", "ArrowLeft", "r")
    ann.sees(second)
    ann.press("a")
    ann.sees(third)
    ann.press("u")
    ann.sees(second)
    ann.press("u")
    ann.sees(first)
    expect(ann.page.locator("[data-former]")).to_have_text("You had answered: Rejected.")
    expect(ann.page.get_by_label("Feedback")).to_have_value("arx: letters are no keys here")
    expect(ann.page.locator("[data-confidence]")).to_have_text("90 %")
    expect(ann.page.locator("#work-case h2")).to_be_focused()
    ann.press("a")
    ann.sees(second)
    assert shift.closed(first) == {first: "approve"}
    wait_until(lambda: ann.kept("outbox") == [] and first not in ann.kept("drafts"), what="nothing left")


def test_what_is_set_aside_is_taken_up_again(worker: Works, shift: Shift) -> None:  # noqa: F811
    first, second = shift.open(2)
    ann = worker("ann")
    ann.sees(first)
    ann.press("h")
    ann.page.get_by_label("for an hour").check()
    ann.page.get_by_role("dialog").get_by_label("Note").fill("asked the bank")
    ann.page.get_by_role("button", name="Set aside", exact=True).last.click()
    ann.sees(second)
    ann.hears("is set aside")
    row = ann.page.get_by_role("row").filter(has_text=first)

    def is_listed() -> bool:
        """The list is a moment behind, and as it was when it was opened."""
        with ann.page.expect_response("**/work/mine"):
            ann.press("Escape", "l")
        expect(ann.page.locator("#work-mine")).to_be_visible()
        return "set aside" in row.inner_text() if row.count() else False

    wait_until(is_listed, what="what is set aside in the list")
    row.get_by_role("button").click()
    ann.sees(first)
    ann.press("a")
    assert shift.closed(first) == {first: "approve"}


def test_an_expert_decides_what_was_escalated(worker: Works, shift: Shift) -> None:  # noqa: F811
    (name,) = shift.open(1)
    ann = worker("ann")
    ann.sees(name)
    eve = worker("eve", EXPERT)
    ann.press("f")
    ann.page.keyboard.type("is this irony?")
    ann.press("Escape", "e")
    ann.hears("Sent to an expert")
    eve.sees(name)
    expect(eve.page.get_by_text("is this irony?")).to_be_visible()
    expect(eve.page.get_by_role("button", name="Send to an expert")).to_have_count(0)
    eve.press("e")
    eve.hears("cannot be answered so")
    eve.press("a")
    assert shift.closed(name) == {name: "approve"}
    escalated = [each for each in shift.office.listener.of(CaseEscalated) if each.request_id == name]
    assert len(escalated) == 1


def test_an_expert_gives_a_case_back_to_reviewers(worker: Works, shift: Shift) -> None:  # noqa: F811
    (name,) = shift.open(1)
    ann = worker("ann")
    ann.sees(name)
    ann.press("b")
    ann.hears("Only an expert")
    ann.press("e")
    eve = worker("eve", EXPERT)
    eve.sees(name)
    ann.page.close()  # she may have it again, and would look for it
    eve.press("b")
    eve.page.get_by_role("button", name="Give it back to reviewers").click()
    expect(eve.page.get_by_role("alert").filter(has_text="Say why")).to_be_visible()
    eve.page.get_by_label("What should they look at?").fill("ask for the second page")
    eve.page.get_by_role("button", name="Give it back to reviewers").click()
    bea = worker("bea")
    bea.sees(name)
    expect(bea.page.get_by_text("ask for the second page")).to_be_visible()


def test_a_case_is_handed_over_and_comes_by_itself(worker: Works, shift: Shift) -> None:  # noqa: F811
    shift.enrol("bea")  # whom casework knows by the time that a case is handed over
    first, second = shift.open(2)
    ann = worker("ann")
    ann.sees(first)
    ann.holds_ahead("1 further case")
    bea = worker("bea")
    expect(bea.page.locator("#work-why")).to_be_visible()
    ann.press("g")
    ann.page.get_by_label("To whom").fill(f"bea-{shift.skill}")
    ann.page.get_by_label("Note", exact=True).last.fill("yours since Monday")
    ann.page.get_by_role("button", name="Give it to them").click()
    ann.sees(second)
    bea.sees(first)
    bea.reads(f"ann-{shift.skill} handed the case {first} over to you")
    bea.press("r")
    assert shift.closed(first) == {first: "reject"}


def test_what_a_lead_takes_away_is_told_at_once(worker: Works, shift: Shift) -> None:  # noqa: F811
    to = shift.enrol("lea")  # whom casework knows by the time that a case is handed over
    first, second, _ = shift.open(3)
    ann = worker("ann")
    ann.sees(first)
    ann.holds_ahead("2 further cases")
    lea = worker("lea", LEAD, REVIEWER)
    ann.press("f")
    ann.page.keyboard.type("half a thou")
    for name in (second, first):
        lea.posts(f"/v1/cases/{name}:hand-over", to_reviewer=to)
    ann.reads(f"{first} is no longer yours. lea-{shift.skill} handed the case over to lea-{shift.skill}.")
    expect(ann.page.get_by_role("button", name="Approve")).to_have_attribute("aria-disabled", "true")
    ann.press("Escape", "a")
    ann.hears("cannot be answered")
    assert ann.kept("drafts")[first]["fields"]["feedback"] == "half a thou"
    ann.page.get_by_role("button", name="Next case").click()
    assert ann.current() not in (first, second)


def test_a_reload_loses_nothing(worker: Works, shift: Shift) -> None:  # noqa: F811
    names = shift.open(5)
    ann = worker("ann")
    ann.sees(names[0])
    ann.holds_ahead("2 further cases")
    ann.press("a")
    ann.sees(names[1])
    ann.press("f")
    ann.page.keyboard.type("half a thou")
    ann.page.reload()
    ann.sees(names[1])
    expect(ann.page.get_by_label("Feedback")).to_have_value("half a thou")
    ann.holds_ahead("2 further cases")
    ann.press("r", "r")
    labels = shift.closed(*names[:2])
    assert labels == {names[0]: "approve", names[1]: "reject"}


def test_a_case_that_is_given_back_is_for_others(worker: Works, shift: Shift) -> None:  # noqa: F811
    (name,) = shift.open(1)
    ann = worker("ann")
    ann.sees(name)
    ann.press("x")
    ann.hears("was given back")
    worker("bea").sees(name)
    expect(ann.page.locator("#work-why")).to_contain_text("No case waits")


def test_who_leaves_lets_go_of_what_is_held_ahead(worker: Works, shift: Shift) -> None:  # noqa: F811
    first, *ahead = shift.open(3)
    ann = worker("ann")
    ann.sees(first)
    ann.holds_ahead("2 further cases")
    ann.page.goto("about:blank")

    def released() -> set[str]:
        ended = shift.office.listener.of(LeaseEnded)
        return {each.request_id for each in ended if each.request_id in (first, *ahead)}

    wait_until(lambda: released() == set(ahead), what="what was held ahead given back")
    ann.page.go_back()
    ann.sees(first)
    ann.holds_ahead("2 further cases")


def test_labels_of_other_workflows_have_digits(worker: Works, shift: Shift) -> None:  # noqa: F811
    classes = ("sports", "politics", "culture")
    first, second = shift.open(2, workflow="topics", classes=classes, approving_class="sports")
    ann = worker("ann")
    ann.sees(first)
    ann.press("a")
    ann.hears("cannot be answered so")
    ann.press("3")
    ann.hears("Answered “culture”")
    ann.sees(second)
    ann.press("1")
    assert shift.closed(first, second) == {first: "culture", second: "sports"}
