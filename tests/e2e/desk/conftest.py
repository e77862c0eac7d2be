"""The desk on the real stack, and people who sit at it, each at a browser of their own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from infra.settings import DESK_FILE
from producers.desk.signin.links import folder_of, put_link
from producers.desk.signin.opening import wall
from producers.desk.signin.person import Person
from producers.desk.signin.roles import Role
from producers.desk.signin.secret import new_secret
from tests.support.browser import Watched, launched, opened
from tests.support.gateway import ADDRESS, url_of
from tests.support.stand import Stand

SignedIn = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@contextmanager
def standing(folder: Path, *services: str) -> Iterator[Stand]:
    """A desk with these services beside it, and a workflow."""
    stand = Stand(folder, desk_address=ADDRESS)
    try:
        stand.up([*services, "desk"])
        stand.publish_policy()
        yield stand
    finally:
        stand.down()


@pytest.fixture(scope="package")
def stand(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """What the desk needs; tests say themselves what a model predicts. Not started where there is no browser."""
    with standing(tmp_path_factory.mktemp("desk"), "router", "casework", "index") as stand:
        yield stand


@pytest.fixture(scope="package")
def url(stand: Stand) -> str:
    return url_of(stand, DESK_FILE)


@pytest.fixture
def signed_in(browser: Browser, stand: Stand, url: str) -> Iterator[SignedIn]:
    """Signs somebody in at a browser of their own; at the end no page may have complained."""
    contexts, watches = [], list[Watched]()

    def sign_in(reviewer_id: str, *roles: Role, skills: Sequence[str] = (), path: str = "/", **options: Any) -> Page:
        person = Person(reviewer_id=reviewer_id, name=reviewer_id.title(), roles=roles, skills=tuple(skills))
        secret = new_secret()
        put_link(folder_of(stand.settings), person, secret=secret, now=wall())
        context, watched = opened(browser, **options)
        contexts.append(context)
        watches.append(watched)
        page = context.new_page()
        page.goto(f"{url}/sign-in/link?token={secret}&next={quote(path, safe='/')}")
        return page

    yield sign_in
    for context in contexts:
        context.close()
    assert [said for watched in watches for said in watched.complaints] == []
