"""A case in a real browser, without a stack: who can see and hear it, what stays hidden, and that its clock goes on."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request

from producers.desk.pages.present.times import left_of
from producers.desk.pages.present.view import view_of
from streams.workflow.presentation import Presentation
from tests.support.browser import TABLET, Watched, axe, opened
from tests.support.presented import NOW, ORIGIN, POST, case_shown, json_of, put_on, samples

SAMPLES = samples()
LOOKS: dict[str, Any] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "tablet": TABLET,
    "enlarged": {"viewport": {"width": 320, "height": 600}},  # 1280 pixels at 400 %
}
COLOURS = ("light", "dark")  # the size of a page changes nothing of what axe looks at
MODULE = "import('/static/present.js')"


@pytest.fixture
def watched() -> list[Watched]:
    return []


@pytest.fixture
def page(browser: Browser, watched: list[Watched]) -> Iterator[Page]:
    context, watch = opened(browser, viewport={"width": 1280, "height": 800})
    watched.append(watch)
    page = context.new_page()
    page.clock.install(time=NOW / 1_000)
    yield page
    context.close()
    assert watch.complaints == []


@pytest.mark.parametrize("look", LOOKS)
def test_nobody_is_kept_out_of_a_case(browser: Browser, look: str) -> None:
    context, watch = opened(browser, **LOOKS[look])
    page = context.new_page()
    page.clock.install(time=NOW / 1_000)
    for name, case in SAMPLES.items():
        put_on(page, case)
        if look in COLOURS:
            assert axe(page) == [], name
            page.evaluate("document.querySelectorAll('.case details').forEach(each => { each.open = true; })")
            assert axe(page) == [], f"{name}, all unfolded"
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{name} scrolls to both sides"
    assert watch.complaints == []
    context.close()


def test_sensitive_content_is_told_of_and_neither_seen_nor_read_out_until_it_is_revealed(page: Page) -> None:
    put_on(page, SAMPLES["post"])
    content = page.get_by_role("region", name="Content")
    word = content.get_by_text("ashamed")
    assert not word.is_visible()
    assert "ashamed" not in content.aria_snapshot() and "hidden until revealed" in content.aria_snapshot()
    assert "ashamed" not in page.evaluate("document.body.innerText")
    assert page.evaluate(f"{MODULE}.then(case_ => case_.revealed(document.querySelector('.case')))") is True
    assert word.is_visible() and "ashamed" in content.aria_snapshot()
    assert content.locator("mark").all_inner_texts() == ["retards"]
    page.evaluate(f"{MODULE}.then(case_ => case_.revealed(document.querySelector('.case'), false))")
    assert not word.is_visible()


def test_whoever_has_no_script_reveals_it_all_the_same(browser: Browser) -> None:
    context, _ = opened(browser, java_script_enabled=False)
    page = context.new_page()
    put_on(page, SAMPLES["post"])
    page.get_by_text("Sensitive content, hidden until revealed").click()
    assert page.get_by_text("ashamed").is_visible()
    context.close()


def test_a_text_is_shown_letter_by_letter_as_it_came(page: Page) -> None:
    put_on(page, view_of(case_shown(f"{POST}\n\n  indented\n", content_type="text/plain"), Presentation(), now=NOW))
    assert page.locator(".prose").evaluate("each => each.textContent") == f"{POST}\n\n  indented\n"


def test_a_deadline_counts_down_in_the_words_of_the_server_and_moves_nothing(page: Page) -> None:
    page.clock.pause_at(NOW / 1_000 + 60)  # else it goes on with the time that this test takes
    put_on(page, SAMPLES["loan"])
    due = page.locator("time[data-due]")
    at = int(due.get_attribute("data-due") or "0")
    box = due.bounding_box()
    assert due.inner_text() == left_of(at - NOW) == "11 min 5 s left"
    page.clock.run_for(6_000)
    assert due.inner_text() == "10 min 59 s left"
    assert due.bounding_box() == box or due.bounding_box()["height"] == box["height"]  # type: ignore[index]
    page.clock.run_for(11 * 60_000)
    assert due.inner_text() == "overdue by 1 s"
    assert page.locator(".due").get_attribute("data-state") == "over"


def test_browser_and_server_write_the_same_spans(page: Page) -> None:
    put_on(page, SAMPLES["loan"])
    lefts = [n * sign for n in (0, 1, 999, 1_000, 59_999, 60_000, 61_500, 3_599_999, 3_600_000, 3_661_000, 86_399_999,
                                86_400_000, 90_061_000, 1_000 * 86_400_000 + 5_000) for sign in (1, -1)]  # fmt: skip
    written = page.evaluate(f"lefts => {MODULE}.then(case_ => lefts.map(case_.leftOf))", lefts)
    assert written == [left_of(left) for left in lefts]


def test_a_browser_whose_clock_is_wrong_counts_from_the_time_of_the_server(browser: Browser) -> None:
    context, _ = opened(browser)
    page = context.new_page()
    page.clock.install(time=NOW / 1_000 + 7_200)
    page.clock.pause_at(NOW / 1_000 + 7_260)
    put_on(page, SAMPLES["loan"])
    page.clock.run_for(1_000)
    assert page.locator("time[data-due]").inner_text() == "11 min 4 s left"
    context.close()


@pytest.mark.parametrize(("allowed", "asked"), [((), []), ((ORIGIN,), [f"{ORIGIN}/a.png"])])
def test_pictures_are_loaded_only_from_origins_in_the_headers(
    browser: Browser, allowed: tuple[str, ...], asked: list[str]
) -> None:
    """Also when the page itself were wrong: here it names a picture that the headers may not let in."""
    shown = Presentation(content="image", content_field="scan", image_origins=(ORIGIN,))
    case = view_of(case_shown(f'{{"scan":"{ORIGIN}/a.png"}}'), shown, now=NOW)
    context, _ = opened(browser)
    page = context.new_page()
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.url.startswith(ORIGIN):
            sent.append(request.url)

    context.on("requestfinished", note)
    context.route(f"{ORIGIN}/**", lambda route: route.fulfill(body=b"", content_type="image/png"))
    put_on(page, case, images=allowed)
    page.wait_for_load_state("networkidle")
    assert sent == asked
    context.close()


def test_marks_stacked_on_a_letter_stay_inside_their_text(page: Page) -> None:
    stacked = "Z" + "\u0301" * 500 + " end"
    put_on(page, view_of(case_shown(stacked, content_type="text/plain"), Presentation(), now=NOW))
    assert page.locator(".prose").evaluate("each => getComputedStyle(each).overflowX") == "clip"
    box = page.locator(".prose").bounding_box()
    assert box is not None and box["height"] < 60


def test_a_table_too_wide_scrolls_in_its_own_place_and_can_be_reached_by_keyboard(browser: Browser) -> None:
    rows = json_of([{f"column {n}": n for n in range(25)}] * 9)
    context, _ = opened(browser, viewport={"width": 400, "height": 700})
    page = context.new_page()
    put_on(page, view_of(case_shown(rows), Presentation(), now=NOW))
    place = page.get_by_role("region", name="9 rows")
    place.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.case .scroll').scrollLeft > 0")
    context.close()
