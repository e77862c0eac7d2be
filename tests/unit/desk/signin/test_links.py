"""A link of the terminal lets one person in, once, soon, on this machine."""

import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.desk.signin.links import TERM, local_person, put_link, take_link
from producers.desk.signin.roles import Role
from tests.support.signing_in import AWAY, NOW, PAGE, Desk, reason

SECRET = "s" * 43
ANN = local_person("ann")


def test_it_is_good_once(tmp_path: Path) -> None:
    put_link(tmp_path / "links", ANN, secret=SECRET, now=NOW)
    assert take_link(tmp_path / "links", SECRET, now=NOW) == ANN
    assert take_link(tmp_path / "links", SECRET, now=NOW) is None


def test_of_many_who_come_at_once_one_is_let_in(tmp_path: Path) -> None:
    put_link(tmp_path, ANN, secret=SECRET, now=NOW)
    let_in: list[object] = []
    start = threading.Barrier(8)

    def come() -> None:
        start.wait()
        let_in.append(take_link(tmp_path, SECRET, now=NOW))

    people = [threading.Thread(target=come) for _ in range(8)]
    for each in people:
        each.start()
    for each in people:
        each.join()
    assert sorted(map(repr, let_in)) == sorted(map(repr, [ANN] + [None] * 7))


def test_it_is_good_for_five_minutes_and_then_swept_away(tmp_path: Path) -> None:
    put_link(tmp_path, ANN, secret=SECRET, now=NOW)
    assert take_link(tmp_path, SECRET, now=NOW + TERM) is None
    put_link(tmp_path, ANN, secret=SECRET, now=0)
    other = "t" * 43
    put_link(tmp_path, ANN, secret=other, now=4_000_000_000_000)  # long after any clock of a file system
    assert len(list(tmp_path.iterdir())) == 1


def test_nobody_else_on_the_machine_can_read_it_and_the_secret_is_not_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "links"
    put_link(folder, ANN, secret=SECRET, now=NOW)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SECRET not in file.name and SECRET.encode() not in file.read_bytes()


@given(st.text() | st.sampled_from(["../" * 14 + "a", "/etc/passwd", "s" * 42, "s" * 44, "s" * 42 + "\n"]))
def test_a_secret_that_was_never_given_opens_nothing(secret: str) -> None:
    assert take_link(Path("/nonexistent"), secret, now=NOW) is None


# ---- in a browser ----


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(links=tmp_path)


def test_who_opens_it_is_in_with_every_role_and_goes_where_they_wanted(desk: Desk) -> None:
    browser = desk.browser()
    answer = browser.get(f"{desk.link()}&next=/page")
    assert (answer.status_code, answer.headers["location"]) == (303, "/page")
    assert browser.get("/page").text == "ann"
    assert browser.get("/session").json()["person"]["roles"] == list(Role)
    (cookie,) = [each for each in answer.headers.get_list("set-cookie") if "hitl_session" in each]
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax")


def test_a_second_time_it_opens_nothing_and_says_how_to_get_a_new_one(desk: Desk) -> None:
    link = desk.link()
    desk.browser().get(link)
    thief = desk.browser()
    assert reason(thief.get(link)) == (400, "bad_link")
    assert "hitl desk link" in thief.get(link, **PAGE).text
    assert not thief.cookies


def test_from_another_machine_or_through_a_proxy_it_opens_nothing_and_stays_good(desk: Desk) -> None:
    link = desk.link()
    assert reason(desk.browser(at="10.0.0.9").get(link)) == (403, "not_local")
    assert reason(desk.browser().get(link, **{"x-forwarded-for": "10.0.0.9"})) == (403, "not_local")
    assert reason(desk.browser().get(link, host="evil.example")) == (421, "wrong_host")
    assert desk.browser().get(link).status_code == 303


def test_a_desk_that_is_reached_from_elsewhere_takes_none(tmp_path: Path) -> None:
    desk = Desk(url=AWAY)
    assert reason(desk.browser().get("/sign-in/link?token=" + SECRET)) == (403, "not_local")


def test_it_leads_to_no_other_site(desk: Desk) -> None:
    for trick in ("//evil.example", "https://evil.example", "/%5Cevil.example", "/a%0d%0aset-cookie:x=1"):
        answer = desk.browser().get(f"{desk.link()}&next={trick}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "x" not in answer.cookies


def test_the_session_before_is_over(desk: Desk) -> None:
    browser = desk.browser()
    browser.get(desk.link("ann"))
    before = browser.cookies["hitl_session"]
    browser.get(desk.link("ben"))
    assert browser.get("/page").text == "ben"
    old = desk.browser()
    old.cookies.set("hitl_session", before)
    assert reason(old.get("/page")) == (401, "no_session")


def test_who_guesses_links_is_slowed_down(desk: Desk) -> None:
    browser = desk.browser()
    answers = [reason(browser.get(f"/sign-in/link?token={n:0>43}")) for n in range(41)]
    assert answers[-1] == (429, "too_often") and answers[0] == (400, "bad_link")
    assert int(browser.get(desk.link()).headers["retry-after"]) >= 1
    desk.now += 60_000
    assert browser.get(desk.link()).status_code == 303
