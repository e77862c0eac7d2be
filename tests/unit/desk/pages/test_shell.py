"""The frame of all pages, what they load, and how each is told what went wrong."""

import gzip
import re
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

import producers.desk.pages
from infra.http.problems import Problem
from producers.desk.pages.assets import address_of, assets
from producers.desk.pages.places import PLACES, first_place, places_of
from producers.desk.pages.shell import page
from producers.desk.signin.person import Person
from producers.desk.signin.roles import Role
from tests.support.signing_in import ANN, PAGE, Desk

FRAGMENT = PAGE | {"hx-request": "true"}
HOSTILE = "<script>alert(1)</script>\"'&"
TEMPLATES = sorted((Path(producers.desk.pages.__file__).parent / "templates").rglob("*.html"))


@pytest.fixture
def desk() -> Desk:
    desk = Desk()

    @desk.pages.get("/conflict")
    async def conflict() -> Response:
        raise Problem(409, f"It has changed: {HOSTILE}.", reason="changed", retry_seconds=3)

    @desk.pages.get("/count/{number}")
    async def count(number: int) -> Response:
        return Response(str(number))

    @desk.pages.get("/titled")
    async def titled(request: Request) -> Response:
        return page(request, "message.html", title=HOSTILE, sentence=HOSTILE, ways=())

    return desk


@pytest.mark.parametrize("name", sorted(assets()))
def test_what_pages_load_is_kept_for_ever_under_an_address_that_changes_with_it(desk: Desk, name: str) -> None:
    stranger = desk.browser()
    here = stranger.get(address_of(name))
    assert here.status_code == 200 and here.content == assets()[name].content
    assert "immutable" in here.headers["cache-control"] and here.headers["vary"] == "accept-encoding"
    former = stranger.get(f"/static/{name}?v=0")
    assert former.headers["cache-control"] == "no-cache" and former.content == here.content
    assert gzip.decompress(assets()[name].packed) == assets()[name].content
    again = stranger.get(f"/static/{name}", **{"if-none-match": former.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.css", "..%2fshell.py", "LICENSE-htmx.txt", "%00", "a/b.css"])
def test_no_other_file_is_served(desk: Desk, name: str) -> None:
    assert desk.browser().get(f"/static/{name}").status_code == 404


def test_an_app_a_page_and_a_script_are_told_the_same_each_in_its_form(desk: Desk) -> None:
    ann = desk.signed_in()
    app, person, script = (ann.get("/conflict", **headers) for headers in ({}, PAGE, FRAGMENT))
    assert app.json()["reason"] == "changed" and HOSTILE in app.json()["detail"]
    assert "<title>This has changed meanwhile" in person.text
    assert "<html" not in script.text and script.headers["hx-retarget"] == "#messages"
    for answer in (app, person, script):
        assert (answer.status_code, answer.headers["retry-after"]) == (409, "3")
    for answer in (person, script):
        assert "It has changed: &lt;script&gt;" in answer.text and "<script>alert" not in answer.text


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [("/nothing", 404, "no page at this address"), ("/count/x", 422, "not understood"), ("/broken", 500, "log says")],
)
def test_what_nobody_expected_is_a_page_that_says_what_to_do(desk: Desk, path: str, status: int, words: str) -> None:
    answer = desk.signed_in().get(path, **PAGE)
    assert answer.status_code == status and words in answer.text and 'href="/"' in answer.text


def test_everything_a_page_is_given_is_text(desk: Desk) -> None:
    hostile = Person(reviewer_id=HOSTILE, name=HOSTILE, roles=tuple(Role))
    text = desk.signed_in(hostile).get("/titled", **PAGE).text
    assert "<script>alert" not in text and text.count("&lt;script&gt;") >= 4
    assert "\"'&" not in text.replace("&#34;&#39;&amp;", "")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_what_the_policy_forbids(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on|\|\s*safe|autoescape", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))


def test_everybody_sees_only_places_that_they_may_go_to() -> None:
    for role in Role:
        for place in places_of([role]):
            assert first_place([role]) in PLACES and place in PLACES
    assert len({place.path for place in PLACES}) == len(PLACES) and places_of([]) == []


def test_the_menu_names_the_person_and_a_stranger_has_none(desk: Desk) -> None:
    assert ANN.name in desk.signed_in().get("/titled", **PAGE).text
    assert "csrf-token" not in desk.browser().get("/titled", **PAGE).text
