"""What people and systems wrote is text on every page, found and not listed: nothing of it runs or is fetched."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

import httpx2
import pytest
from playwright.sync_api import Dialog, Error, Page, Request, Response, expect

from producers.desk.signin.roles import Role
from tests.e2e.desk.conftest import SignedIn
from tests.support.desk_pages import whole_desk
from tests.support.refused import Office
from tests.support.stand import Stand, wait_until

pytestmark = pytest.mark.integration
RUNS: Final = "window.ran=1"
HOSTILE: Final = (
    f'"\'><img src=x onerror={RUNS}><script>{RUNS}</script><svg/onload={RUNS}><a href="javascript:{RUNS}">a</a>'
    f'<iframe srcdoc="<script>parent.{RUNS}</script>"></iframe><style>*{{display:none}}</style><base href=//e.example>'
    "{{7*7}}${7*7}<!--\u2028</main></body>"
)
CASE: Final = f"<img src=x onerror={RUNS}>/../1"
WHO: Final = f"<svg/onload={RUNS}>"
NO_PAGES: Final = ("/v1/", "/static/", "/sign-in", "/openapi.json", "/health", "/ready")


@pytest.fixture(scope="module")
def office(stand: Stand) -> Iterator[Office]:
    made = Office(stand)
    yield made
    made.close()


@pytest.fixture(scope="module")
def planted(office: Office, stand: Stand, url: str) -> str:
    """A case in which everything that can be written is hostile: content, ids, notes, feedback, reasons."""
    office.open(CASE, text=HOSTILE)
    office.open(f"{CASE}2", text=HOSTILE)
    with httpx2.Client(base_url=url, headers={"reviewer-id": quote(WHO)}, timeout=30) as app:
        path, other = (f"/v1/cases/{quote(name, safe='')}" for name in (CASE, f"{CASE}2"))
        wait_until(lambda: {app.get(each).status_code for each in (path, other)} == {200}, what="the cases")
        for act in ({"note": HOSTILE},):
            assert app.post(f"{path}:note", json=act).status_code == 200
        said = {"action": "reject", "feedback": HOSTILE, "reason_codes": [HOSTILE[:100]], "confidence": 0.5}
        answer = app.post(f"{other}/decisions", json=said)
        assert answer.status_code == 200, answer.text
    return CASE


def pages() -> list[str]:
    """Every page that is served, by its path."""
    found = {each.path for each in whole_desk().addresses() if each.method == "GET"}
    return sorted(path for path in found if not path.startswith(NO_PAGES))


def filled(path: str, *, case: str, person: str) -> str:
    """With the hostile ids in place of its parameters."""
    parts = path.split("{")
    return parts[0] + "".join(
        quote(person if "reviewer" in part or "person" in part else case, safe="") + part.partition("}")[2]
        for part in parts[1:]
    )


def is_inert(page: Page) -> bool:
    """Nothing of what was planted has run, or became an element."""
    planted = "img[src=x], base, iframe, main style"
    return bool(page.evaluate("wanted => window.ran === undefined && !document.querySelector(wanted)", planted))


def gone_to(page: Page, address: str) -> Response | None:
    """What the page shows then; None for a file that is kept and not shown."""
    try:
        return page.goto(address)
    except Error as error:
        if "Download is starting" not in str(error):
            raise
        return None


def test_nothing_that_was_written_runs_on_any_page(signed_in: SignedIn, planted: str, url: str) -> None:
    page = signed_in(WHO, *Role)
    dialogs, foreign = list[str](), list[str]()

    def spoke(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    def asked(request: Request) -> None:
        if not request.url.startswith(url):
            foreign.append(request.url)

    page.on("dialog", spoke)
    page.on("request", asked)
    visited = [filled(path, case=planted, person=WHO) for path in pages()]
    for path in [*visited, f"/nothing/{quote(HOSTILE, safe='')}", f"/?x={quote(HOSTILE, safe='')}"]:
        answer = gone_to(page, f"{url}{path}")
        assert answer is None or answer.status != 500, path  # 503: what the page stands on does not run here
        if answer and "text/html" in answer.headers.get("content-type", ""):
            page.wait_for_timeout(200)  # for what pages fetch by themselves
            assert is_inert(page), path
    assert dialogs == [] and foreign == []
    page.goto(f"{url}/nothing")
    expect(page.locator("summary").first).to_have_text(WHO.title())
