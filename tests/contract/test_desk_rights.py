"""Laws of who may what at the desk: every address, found and not listed, looks at rights before it does anything."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import httpx2
import pytest

from infra.http.openapi import STYLESHEET
from producers.desk.signin import guard
from producers.desk.signin.flow import CALLBACK
from producers.desk.signin.person import Person
from producers.desk.signin.roles import ALLOWED, Deed, Denied, Role, may
from tests.support.desk_pages import Address, WholeDesk, whole_desk

# Without a session: whether it works, how it is asked, how it looks, and coming and going.
OPEN: Final = {
    "/health", "/ready", "/docs", STYLESHEET, "/openapi.json", "/static/{name}", "/sign-in", CALLBACK, "/sign-in/link",
    "/signed-out", "/sign-out",
}  # fmt: skip
OWN: Final = {"/", "/session", "/sign-out/everywhere"}  # whoever is signed in, whatever they may do
ADDRESSES: Final = list(whole_desk().addresses())
GUARDED: Final = [address for address in ADDRESSES if address.path not in OPEN | OWN]
EVERY: Final = pytest.mark.parametrize("address", GUARDED, ids=str)


@pytest.fixture
def desk() -> WholeDesk:
    return whole_desk()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Deed]]:
    """The rights that were looked at: one of each is needed."""
    looked: list[Sequence[Deed]] = []

    def look(roles: Collection[Role], *deeds: Deed) -> Denied | None:
        looked.append(deeds)
        return may(roles, *deeds)

    monkeypatch.setattr(guard, "may", look)
    return looked


def called(desk: WholeDesk, address: Address, role: Role | None) -> httpx2.Response:
    path = "".join("0" if part.startswith("{") else part for part in _parts(address.path))
    if role is None:
        return desk.browser().send(address.method, path, headers={"origin": desk.url})
    browser = desk.signed_in(Person(reviewer_id="p", name="P", roles=(role,)))
    if address.method == "GET":
        return browser.get(path)
    headers = {"origin": desk.url, "x-csrf-token": browser.csrf}
    return browser.send(address.method, path, headers=headers)


def _parts(path: str) -> Iterator[str]:
    """The fixed texts and the parameters of a path.

    >>> list(_parts("/cases/{request_id:path}:claim"))
    ['/cases/', '{request_id:path}', ':claim']
    """
    while path:
        before, brace, rest = path.partition("{")
        yield before
        inside, _, path = rest.partition("}")
        if brace:
            yield f"{{{inside}}}"


def test_the_addresses_are_found() -> None:
    paths = {address.path for address in ADDRESSES}
    assert paths >= OPEN | OWN and "/people/{reviewer_id:path}/end-sessions" in paths and len(GUARDED) > 10


@EVERY
def test_without_a_session_nothing_is_there(desk: WholeDesk, address: Address) -> None:
    assert called(desk, address, None).status_code == 401


@EVERY
def test_who_may_not_is_refused_before_anything_is_touched(
    desk: WholeDesk, address: Address, asked: list[Sequence[Deed]]
) -> None:
    refused = set[Role]()
    for role in Role:
        asked.clear()
        answer = called(desk, address, role)
        assert asked, f"{address} names no Deed: begin it with require(request, Deed.…), before it checks a thing"
        if not any(role in ALLOWED[deed] for deed in asked[0]):
            assert answer.status_code == 403 and answer.json()["reason"] == "missing_role"
            refused.add(role)
        else:
            assert answer.status_code != 401
    assert refused, f"{address} is for everybody: then it belongs to OWN"


@pytest.mark.parametrize("address", [each for each in ADDRESSES if each.path in OWN], ids=str)
@pytest.mark.parametrize("role", Role)
def test_what_is_ones_own_is_there_for_every_role_and_for_nobody_else(
    desk: WholeDesk, address: Address, role: Role
) -> None:
    assert called(desk, address, role).status_code in (200, 303)
    assert called(desk, address, None).status_code == 401


@EVERY
def test_an_auditor_changes_nothing(desk: WholeDesk, address: Address) -> None:
    if address.method != "GET":
        assert called(desk, address, Role.AUDITOR).status_code == 403


@pytest.mark.parametrize("address", [each for each in ADDRESSES if each.method != "GET"], ids=str)
def test_every_act_of_a_session_needs_its_token_and_the_desks_own_origin(desk: WholeDesk, address: Address) -> None:
    every = desk.signed_in(Person(reviewer_id="p", name="P", roles=tuple(Role)))
    path = "".join("x" if part.startswith("{") else part for part in _parts(address.path))
    for headers, why in (
        ({"origin": desk.url}, "bad_csrf"),
        ({"origin": desk.url, "x-csrf-token": "x" * 43}, "bad_csrf"),
        ({"origin": "https://evil.example", "x-csrf-token": every.csrf}, "foreign_origin"),
        ({"x-csrf-token": every.csrf}, "foreign_origin"),
    ):
        answer = every.send(address.method, path, headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (403, why)


@pytest.mark.parametrize("address", ADDRESSES, ids=str)
def test_every_answer_says_that_nothing_foreign_may_run_frame_or_keep_it(desk: WholeDesk, address: Address) -> None:
    for role in (None, Role.REVIEWER, Role.ADMIN):
        headers = called(desk, address, role).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        if not address.path.startswith("/static/"):
            assert "no-store" in headers["cache-control"]
