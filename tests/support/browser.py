"""A real browser, and what is asked of every page: nothing on the console, and nothing that keeps anybody out.

axe-core (tests/support/axe, MPL-2.0, unmodified) says what of WCAG 2.2 A and AA a page breaks.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

expect.set_options(timeout=30_000)  # milliseconds: an answer takes effect ten seconds after it was given
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
MISSING: Final = "no Chromium on PATH (on Debian: apt-get install chromium)"
AXE: Final = Path(__file__).parent / "axe" / "axe-4.14.1.min.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
TABLET: Final = {"viewport": {"width": 820, "height": 1180}, "has_touch": True}
PATIENCE: Final = 30_000  # milliseconds for what a test waits for: the machine may be busy


def executable() -> str:
    """Where the browser is. Skips, or fails where REQUIRE_BROWSER=1 says that it must be there."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(f"REQUIRE_BROWSER=1, but there is {MISSING}")
        pytest.skip(MISSING)
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """One browser for many tests, each in a context of its own."""
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """What pages complained of. A refusal that a test provokes is logged by the browser and is no complaint."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


def opened(browser: Browser, **options: Any) -> tuple[BrowserContext, Watched]:
    """A browser of somebody's own, with nothing in it."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    return context, Watched(context)


def axe(page: Page) -> list[str]:
    """What keeps people out of the page as it is now: each broken rule with the elements that break it."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(AXE.read_text(encoding="utf-8"))  # a script tag would be against the page's own policy
    found = page.evaluate("rules => axe.run({runOnly: {type: 'tag', values: rules}})", RULES)
    return [
        f"{broken['id']}: {broken['help']}: {', '.join(node['html'][:200] for node in broken['nodes'])}"
        for broken in found["violations"]
    ]
