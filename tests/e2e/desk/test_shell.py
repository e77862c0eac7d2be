"""What all pages share, in a browser: the frame, what is told, and that nobody is kept out."""

import pytest
from playwright.sync_api import Browser, expect

from producers.desk.signin.roles import Role
from tests.e2e.desk.conftest import SignedIn
from tests.support.browser import TABLET, axe, opened

pytestmark = pytest.mark.integration


def test_a_stranger_is_told_how_to_sign_in(browser: Browser, url: str) -> None:
    context, watched = opened(browser)
    page = context.new_page()
    for path in ("/sign-in", "/signed-out"):
        page.goto(f"{url}{path}")
        assert page.locator("h1").count() == 1 and axe(page) == []
    page.goto(f"{url}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.get_by_text("hitl desk link")).to_be_visible()
    assert axe(page) == []
    assert watched.complaints == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_that_is_not_there_is_told_in_words(signed_in: SignedIn, url: str, scheme: str) -> None:
    page = signed_in("ann", Role.AUDITOR, color_scheme=scheme)
    page.goto(f"{url}/nothing/here")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is here")
    page.locator("summary").click()
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    assert axe(page) == []


def test_a_chosen_theme_is_kept(signed_in: SignedIn, url: str) -> None:
    page = signed_in("ann", Role.AUDITOR, color_scheme="light", **TABLET)
    page.goto(f"{url}/nothing")
    page.locator("summary").click()
    page.get_by_label("dark", exact=True).check()
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_who_signs_out_is_out(signed_in: SignedIn, url: str) -> None:
    page = signed_in("ann", Role.AUDITOR)
    page.goto(f"{url}/nothing")
    page.locator("summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page.goto(f"{url}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
