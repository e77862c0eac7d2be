"""The pages in a real browser with very many open cases: from the key press to the next case, and what a load costs."""

import os
import statistics
import time
from collections.abc import Sequence
from typing import Any, Final

import httpx2
from playwright.sync_api import Page, Response

from infra.settings import Settings
from producers.desk.pages.places import PLACES
from producers.desk.signin.links import folder_of, local_person, put_link
from producers.desk.signin.opening import wall
from producers.desk.signin.secret import new_secret
from tests.benchmarks.desk.ground import Ground
from tests.benchmarks.desk.measures import shares
from tests.support.browser import launched, opened

LOOKS: Final = 600  # milliseconds for which a person looks at a case
PAINTED: Final = "performance.getEntriesByName('hitl: next case').map(each => each.duration)"
TIMES: Final = 5  # that each page is asked for
SHOWN: Final = "#work-case [data-work-case]"


def by_keys(place: Ground, *, answers: int) -> dict[str, Any]:
    """Approve by one key, again and again; milliseconds, and bytes of the first load."""
    with launched() as browser:
        context, _ = opened(browser)
        page, loaded, served = context.new_page(), list[int](), dict[str, list[float]]()

        def heard(response: Response) -> None:
            path = response.url.removeprefix(place.url)
            spent = response.headers.get("server-timing", "")
            if response.status == 200 and spent and response.request.method == "POST":
                kind = "decisions" if path.endswith("/decisions") else path.partition("?")[0]
                served.setdefault(kind, []).append(float(spent.rpartition("dur=")[2]))

        page.goto(_link(place.url, place.settings, "keys"))
        page.wait_for_selector(SHOWN)
        loaded.append(_bytes(page))
        page.on("response", heard)
        for _ in range(answers):
            page.wait_for_timeout(LOOKS)
            page.keyboard.press("a")
        page.wait_for_timeout(LOOKS)
        painted: list[float] = page.evaluate(PAINTED)
        context.close()
    return {
        "answers": len(painted), "load": round(os.getloadavg()[0], 1), "key_to_painted": _rounded(painted),
        "in_server": {kind: _rounded(times) for kind, times in served.items()}, "first_load_bytes": loaded[0],
    }  # fmt: skip


def each_page(place: Ground) -> dict[str, float]:
    """Milliseconds within the server, the median of a few, of each place that people can go to.

    Without those that show what a service tells that does not run here, such as the figures of `insights`.
    """
    headers = {"accept": "text/html"}
    with httpx2.Client(base_url=place.url, headers=headers, follow_redirects=True, timeout=60) as browser:
        browser.get(_link("", place.settings, "looks"))
        found = {each.path: _served(browser, each.path) for each in PLACES}
    return {path: spent for path, spent in found.items() if spent is not None}


def _served(browser: httpx2.Client, path: str) -> float | None:
    times = []
    for _ in range(TIMES):
        got = browser.get(path)
        if got.status_code == 503:
            return None
        assert got.status_code == 200, f"{path}: {got.status_code} {got.text[:200]}"
        times.append(float(got.headers["server-timing"].rpartition("dur=")[2]))
        time.sleep(0.2)
    return round(statistics.median(times), 1)


def _bytes(page: Page) -> int:
    """Of the page and everything it loads, as they travel."""
    return int(
        page.evaluate(
            "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".reduce((sum, each) => sum + each.transferSize, 0)"
        )
    )


def _link(url: str, settings: Settings, name: str) -> str:
    secret = new_secret()
    put_link(folder_of(settings), local_person(name), secret=secret, now=wall())
    return f"{url}/sign-in/link?token={secret}&next=/work"


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 1) for value in shares(values, 50, 95, 99)]
