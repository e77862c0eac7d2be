"""The page to work on as it is seen: cases that look alike, nobody kept out, keys of one's own, and how fast it is."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from producers.desk.signin.roles import Role
from schemas.values import SampleKind
from tests.e2e.desk.working import Works, office, shift, stand, url, worker  # noqa: F401 - fixtures
from tests.support.browser import TABLET, axe
from tests.support.working import Shift, kept_back

pytestmark = pytest.mark.integration
MODEL = {"model_label": "approve", "confidence": 0.99, "model_digest": "d" * 64}
KINDS = (
    kept_back(SampleKind.REVIEW), kept_back(SampleKind.BLIND, **MODEL), kept_back(SampleKind.AUDIT, **MODEL),
    kept_back(SampleKind.GOLD, gold_id="g", gold_label="approve"),
)  # fmt: skip
LISTEN = """
() => {
  window.told = [];
  const source = new EventSource("/v1/changes?mine=true");
  for (const name of ["LeaseGranted", "AnswerReceived", "CaseClosed", "CaseEscalated", "AnswerCounted"]) {
    source.addEventListener(name, (event) => window.told.push(JSON.parse(event.data)));
  }
  return new Promise((done) => source.addEventListener("opened", () => done()));
}
"""


def alike(value: Any, name: str) -> str:
    """Without what tells any two cases apart: ids, numbers, and what follows from the order in which they are given."""
    said = re.sub(r"Why you: [^<]*|data-lease-words=\"\">[^<]*", "", str(value).replace(name, "CASE"))
    return re.sub(r"(\b0 (d|h|min|s) ?)+", "SPAN ", re.sub(r"\d+(\.\d+)?", "0", said))


def test_nothing_tells_audits_and_known_questions_from_ordinary_cases(worker: Works, shift: Shift) -> None:  # noqa: F811
    names = [shift.open(1, sealed=kind)[0] for kind in KINDS]
    ann = worker("ann")
    ann.page.evaluate(LISTEN)
    pages, answers = dict[str, str](), dict[str, str]()
    for _ in names:
        name = ann.current()
        pages[name] = alike(ann.page.locator("#work-case").inner_html(), name)
        with ann.page.expect_response("**/decisions") as posted:
            ann.press("a")
        answers[name] = alike(sorted(posted.value.json().items()), name)
        ann.page.wait_for_timeout(300)
    assert set(pages) == set(names) and "CASE" in pages[names[0]]
    assert len({re.sub("decision_id', '[^']+'", "", each) for each in answers.values()}) == 1
    shift.closed(*names)
    closed = "window.told.filter(each => each.event === 'CaseClosed').length"
    ann.page.wait_for_function(f"{closed} >= {len(names)}")
    told = ann.page.evaluate("window.told")
    seen = {name: [said for said in told if said["request_id"] == name] for name in names}
    shapes = {
        name: [
            (each["event"], sorted(each), alike(each["text"], name), each.get("closed_by"))
            for each in said
            if each["event"] != "LeaseGranted"
        ]
        for name, said in seen.items()
    }
    assert len(set(map(str, shapes.values()))) == 1 and len(shapes[names[0]]) == 2
    assert [pages[name] for name in names[1:]] == [pages[names[0]]] * 3


def states(page: Page) -> dict[str, Callable[[], object]]:
    """How the page can be brought to look like."""
    return {
        "the case": lambda: None,
        "the keys": lambda: page.keyboard.press("?"),
        "set aside": lambda: page.keyboard.press("h"),
        "a note": lambda: page.keyboard.press("n"),
        "give away": lambda: page.keyboard.press("g"),
        "my cases": lambda: page.keyboard.press("l"),
    }


@pytest.mark.parametrize(
    "options", [{"color_scheme": "light"}, {"color_scheme": "dark"}, TABLET], ids=["light", "dark", "tablet"]
)
def test_nobody_is_kept_out(worker: Works, shift: Shift, options: dict[str, Any]) -> None:  # noqa: F811
    (name,) = shift.open(1)
    ann = worker("ann", **options)
    ann.sees(name)
    for state, go in states(ann.page).items():
        go()
        expect(ann.page.locator("dialog[open]")).to_have_count(0 if state == "the case" else 1)
        assert axe(ann.page) == [], state
        ann.page.keyboard.press("Escape")
        expect(ann.page.locator("dialog[open]")).to_have_count(0)
    ann.press("a")
    expect(ann.page.locator("#work-why")).to_be_visible()
    assert axe(ann.page) == []
    ann.press("s")
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("Your statistics")
    assert axe(ann.page) == []


def test_an_expert_is_not_kept_out(worker: Works, shift: Shift) -> None:  # noqa: F811
    (name,) = shift.open(1)
    eve = worker("eve", Role.EXPERT)
    eve.sees(name)
    assert axe(eve.page) == []


def test_a_narrow_window_scrolls_one_way_only(worker: Works, shift: Shift) -> None:  # noqa: F811
    (name,) = shift.open(1)
    ann = worker("ann", viewport={"width": 320, "height": 256})  # 1280 by 1024 at 400 %
    ann.sees(name)
    assert ann.page.evaluate("document.documentElement.scrollWidth") <= 320
    assert axe(ann.page) == []


def test_by_touch_everything_has_a_button(worker: Works, shift: Shift) -> None:  # noqa: F811
    first, second = shift.open(2)
    ann = worker("ann", **TABLET)
    ann.sees(first)
    ann.page.get_by_role("button", name="Reject").tap()
    ann.sees(second)
    ann.page.get_by_role("button", name="Undo").tap()
    ann.sees(first)
    ann.page.get_by_role("button", name="Approve").tap()
    ann.sees(second)
    assert shift.closed(first) == {first: "approve"}


def test_a_key_of_ones_own_is_kept(worker: Works, shift: Shift) -> None:  # noqa: F811
    first, second, third = shift.open(3)
    ann = worker("ann")
    ann.sees(first)
    ann.press("?")
    field = ann.page.get_by_label("Approve", exact=True)
    field.focus()
    ann.press("r")
    expect(ann.page.locator("#work-help [data-wrong]")).to_contain_text("“r” is the key of “Reject”")
    ann.press("y")
    expect(field).to_have_value("y")
    ann.press("Escape")
    ann.page.reload()
    ann.sees(first)
    ann.press("a")
    ann.sees(first)
    expect(ann.page.get_by_role("button", name="Approve")).to_contain_text("y")
    ann.press("y")
    ann.sees_one_of(second, third)  # what was ahead was let go by the reload, and may come in another order
    shown = ann.current()
    ann.press("?")
    ann.page.get_by_label("Keys are on").uncheck()
    ann.press("Escape", "y")
    ann.sees(shown)
    ann.page.get_by_role("button", name="Approve").click()
    ann.sees(third if shown == second else second)


def test_the_next_case_is_painted_while_the_desk_says_nothing(worker: Works, shift: Shift) -> None:  # noqa: F811
    """How long it takes is measured by `python -m tests.benchmarks desk`; here it waits for no answer at all."""
    first, second, third = shift.open(3)
    ann = worker("ann")
    ann.sees(first)
    ann.holds_ahead("2 further cases")
    held: list[Route] = []
    ann.page.route(re.compile("/v1/cases/|/work/next"), lambda route: held.append(route))  # noqa: PLW0108 - it is marked
    ann.press("a")
    ann.sees(second)
    ann.press("r")
    ann.sees(third)
    ann.page.wait_for_function("performance.getEntriesByName('hitl: next case').length === 2")
    assert held
    ann.page.route(re.compile("/v1/cases/|/work/next"), lambda route: route.continue_())  # the last one said rules
    for waiting in held:
        waiting.continue_()
    assert shift.closed(first, second) == {first: "approve", second: "reject"}
