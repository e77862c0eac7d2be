"""Every act of a person at the desk is kept with their identity, once, and with nothing that must not be kept."""

from pathlib import Path

import msgspec
import pytest

from producers.desk.access.recording import REFUSALS, SAME_LOOK, UNRECORDED, AccessEvent, EventRecorder
from producers.desk.signin.person import Person
from producers.desk.signin.refusal import Reason
from producers.desk.signin.roles import Deed, Role
from producers.desk.signin.sessions import How, Session
from schemas.events import AccessRefused, DeedDone, PersonSignedIn, PersonSignedOut, RequestViewed, SessionsEnded
from schemas.topics import ACCESS
from schemas.values import Coordinates
from tests.support.recorded import CODEC
from tests.support.signing_in import ANN, NOW, Desk

ADA = Person(reviewer_id="ada", name="Ada", roles=(Role.ADMIN,))
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(links=tmp_path)


def session(person: Person = ADA) -> Session:
    return Session(person=person, how=How.PROVIDER, csrf="c" * 43, began_at=NOW, seen_at=NOW)


def test_who_signs_in_and_out_is_on_record(desk: Desk) -> None:
    browser = desk.browser()
    browser.get(desk.link("ann"))
    browser.csrf = browser.get("/session").json()["csrf"]
    browser.post("/sign-out")
    came, left = desk.kept
    assert isinstance(came, PersonSignedIn) and (came.reviewer_id, came.how, came.address) == ("ann", "link", None)
    assert came.roles == tuple(role.value for role in Role) and came.happened_at == NOW
    assert isinstance(left, PersonSignedOut) and left.reviewer_id == "ann"
    assert came.event_id != left.event_id


def test_who_signs_in_after_another_at_the_same_browser_signs_them_out(desk: Desk) -> None:
    browser = desk.browser()
    browser.get(desk.link("ann"))
    browser.get(desk.link("ben"))
    assert [(type(event), event.reviewer_id) for event in desk.kept] == [
        (PersonSignedIn, "ann"), (PersonSignedOut, "ann"), (PersonSignedIn, "ben"),
    ]  # fmt: skip


def test_whose_sessions_were_ended_by_whom_is_on_record(desk: Desk) -> None:
    desk.signed_in(ADA).post("/people/ann/end-sessions")
    desk.now += 1  # what began in the same millisecond is over, too
    desk.signed_in(ANN).post("/sign-out/everywhere")
    assert [(event.reviewer_id, event.ended_by) for event in desk.kept if isinstance(event, SessionsEnded)] == [
        ("ann", "ada"), ("ann", "ann"),
    ]  # fmt: skip


def test_a_refusal_is_on_record_with_the_person_where_they_are_known_and_without_what_was_sent(desk: Desk) -> None:
    desk.browser().get("/sign-in/link?token=" + "s" * 43)
    desk.signed_in().get("/steer")
    desk.signed_in().post("/work", csrf=False, headers=FORM, content=b"csrf_token=forged&note=private")
    desk.signed_in().post("/work", headers={"origin": "https://evil.example"})
    assert [(e.reviewer_id, e.reason, e.method, e.path) for e in desk.kept if isinstance(e, AccessRefused)] == [
        ("", "bad_link", "'GET'", "'/sign-in/link'"),
        ("ann", "missing_role", "'GET'", "'/steer'"),
        ("ann", "bad_csrf", "'POST'", "'/work'"),
        ("", "foreign_origin", "'POST'", "'/work'"),
    ]  # fmt: skip
    said = msgspec.json.encode(desk.kept).decode()
    assert not any(word in said for word in ("sss", "forged", "private", "evil", *desk.made))


def test_what_attackers_write_is_kept_short_and_escaped(desk: Desk) -> None:
    desk.signed_in().post(f"/{'%0a%1b[31m' * 100}", headers={"origin": "https://evil.example"})
    (event,) = desk.kept
    assert isinstance(event, AccessRefused) and event.path.isprintable() and len(event.path) < 500


def test_a_first_visit_is_no_refusal_to_keep(desk: Desk) -> None:
    assert desk.browser().get("/page").status_code == 401
    assert desk.kept == [] and Reason.NO_SESSION in UNRECORDED


@pytest.mark.parametrize("kept", [True, False])
def test_addresses_are_kept_only_where_a_setting_says_so(kept: bool, tmp_path: Path) -> None:
    desk = Desk(links=tmp_path, with_addresses=kept)
    browser = desk.browser()
    browser.get(desk.link("ann"))
    browser.get("/sign-in/link")
    address = "127.0.0.1" if kept else None
    assert [getattr(event, "address", "") for event in desk.kept] == [address, address]


def test_a_flood_of_refusals_is_counted_and_not_kept(desk: Desk) -> None:
    ann, ben = desk.signed_in(), desk.signed_in(Person(reviewer_id="ben", name="Ben", roles=(Role.REVIEWER,)))
    for number in range(int(REFUSALS.burst) + 7):
        (ann, ben)[number % 2].get("/steer")  # two, since each has a pace of their own
    assert (len(desk.kept), desk.spared) == (REFUSALS.burst, 7)
    desk.now += 1_000
    ann.get("/steer")
    assert len(desk.kept) == REFUSALS.burst + 1


def test_a_look_is_kept_once_however_often_the_page_renews_itself(desk: Desk) -> None:
    recorder = desk.sign_in.recorder
    for request_id in ("r-1", "r-1", "r-2"):
        recorder.viewed(session(), request_id)
    recorder.viewed(session(ANN), "r-1")
    recorder.viewed(session(), "r-1", "sealed")
    desk.now += SAME_LOOK
    recorder.viewed(session(), "r-1")
    looks = [event for event in desk.kept if isinstance(event, RequestViewed)]
    assert [(look.reviewer_id, look.request_id, look.what) for look in looks] == [
        ("ada", "r-1", "story"), ("ada", "r-2", "story"), ("ann", "r-1", "story"), ("ada", "r-1", "sealed"),
        ("ada", "r-1", "story"),
    ]  # fmt: skip


def test_what_somebody_did_is_kept_with_what_it_was_done_to(desk: Desk) -> None:
    desk.sign_in.recorder.did(session(), Deed.REPLAY_DEAD_LETTERS, Coordinates(topic="x", partition=1, offset=2))
    desk.sign_in.recorder.did(session(), Deed.STEER, "w" * 1_000)
    first, second = desk.kept
    assert isinstance(first, DeedDone) and (first.deed, first.about) == ("replay_dead_letters", "x[1]@2")
    assert isinstance(second, DeedDone) and len(second.about) == 300


def test_every_event_can_be_written_under_its_person(desk: Desk, tmp_path: Path) -> None:
    kept = list[AccessEvent]()
    recorder = EventRecorder(
        kept.append, wall=lambda: NOW, new_id=lambda: "e", with_addresses=True, spared=lambda: None
    )  # fmt: skip
    recorder.viewed(session(), "r-1")
    recorder.did(session(), Deed.STEER)
    recorder.sessions_ended("ann", by="ada")
    desk.browser().get("/sign-in/link")
    desk.browser().get(desk.link())
    for event in [*kept, *desk.kept]:
        assert CODEC.decode(CODEC.encode(event)) == event
        assert ACCESS.message(event).key == event.reviewer_id.encode()
