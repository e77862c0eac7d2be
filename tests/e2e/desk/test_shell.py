"""What all pages share, in a browser: the frame, what is told, and that nobody is kept out."""

import pytest
from playwright.sync_api import Browser, expect

from producers.desk.pages.places import PLACES
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


@pytest.mark.parametrize("width, most", [(1280, 56), (820, 56), (390, 104)])
def test_all_places_take_one_line_and_the_one_where_one_is_is_in_sight(
    signed_in: SignedIn, url: str, width: int, most: int
) -> None:
    page = signed_in("ann", *Role, viewport={"width": width, "height": 800})
    for place in (PLACES[0], PLACES[-1]):
        page.goto(f"{url}{place.path}")
        here = page.get_by_role("navigation", name="Places").get_by_role("link", name=place.text, exact=True)
        expect(here).to_have_attribute("aria-current", "page")
        expect(here).to_be_in_viewport(ratio=0.9)
        assert page.get_by_role("navigation", name="Places").get_by_role("link").count() == len(PLACES)
        assert page.evaluate("document.querySelector('.bar').offsetHeight") <= most
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_who_signs_out_is_out(signed_in: SignedIn, url: str) -> None:
    page = signed_in("ann", Role.AUDITOR)
    page.goto(f"{url}/nothing")
    page.locator("summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    page.goto(f"{url}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
