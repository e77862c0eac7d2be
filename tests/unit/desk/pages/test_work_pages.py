"""The page to work on without a browser: what it is made of, what its script is given, and who is given nothing."""

import re
from html import unescape
from typing import Any

import httpx2
import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from infra.http.application import with_problems
from infra.redis.members import AnswerRow
from infra.redis.records import Hands, Possession
from producers.desk.lookup import now
from producers.desk.next import NextCase, NothingToDo
from producers.desk.pages.behind import Behind
from producers.desk.pages.work.routes import routes
from producers.desk.signin.flow import AtWork
from producers.desk.signin.person import Person
from producers.desk.signin.roles import Role
from producers.desk.signin.sessions import How, Session
from schemas.events import CaseActionRequested, LeaseEnded, ReviewDecided
from schemas.values import CaseStage, Coordinates, EndedBy, Priority
from streams.casework.config import Config
from streams.casework.eligibility import Idle
from streams.casework.people import Assessment
from streams.casework.people import Person as Enrolled
from streams.casework.serving import Because
from tests.support.desk import World
from tests.support.recorded import CODEC

HOUR = 3_600_000  # milliseconds


class SignedIn:
    """As `SignIn` vouches for people."""

    def at_work(self, session: Session) -> AtWork:
        return AtWork(session.person.reviewer_id, frozenset({"reviewer"}), frozenset(), None)


class Office:
    """The pages over a desk without brokers, for somebody with these roles."""

    def __init__(self, *roles: Role) -> None:
        self.world = World()
        self.answers: list[tuple[int, AnswerRow]] = []
        person = Person(reviewer_id="ann", name="Ann", roles=roles or (Role.REVIEWER,))
        session = Session(person=person, how=How.LINK, csrf="proof", began_at=0, seen_at=0)
        pages = FastAPI()
        with_problems(pages)
        rest: Any = None
        told: Any = {"desk": lambda: self.world.desk, "sign_in": SignedIn, "model": lambda: self}
        behind = Behind(**told, log=rest, codec=CODEC, settings=rest, roster=rest)
        pages.include_router(routes(behind))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                Request(scope).state.session = session
            await pages(scope, receive, send)

        self.world.app = app  # type: ignore[assignment]

    def answers_of(self, reviewer_id: str, *, since: int) -> list[tuple[int, AnswerRow]]:
        """As `ReadModel` says it."""
        assert reviewer_id == "ann"
        return [each for each in self.answers if each[0] >= since]

    def holds(
        self, name: str, hands: Hands = Hands.LEASED, *, who: str = "ann", until: int | None = None
    ) -> Coordinates:
        until = until or now() + HOUR
        self.world.model.held.setdefault("ann", {})[name] = until
        return self.world.put(name, Possession(sequence=1, hands=hands, reviewer_id=who, expires_at=until))

    def get(self, path: str) -> httpx2.Response:
        return self.world.get(path)

    def next(self, *have: str) -> httpx2.Response:
        return self.world.post("/work/next", {"have": have})


def granted(review: Coordinates, name: str) -> NextCase:
    return NextCase(
        request_id=name, workflow="posts", priority=Priority.NORMAL, skills=(), review=review, lease=7,
        expires_at=now() + HOUR, because=Because.PRIORITY,
    )  # fmt: skip


def test_the_page_holds_what_the_person_has_and_not_what_is_set_aside_or_others_have() -> None:
    office = Office()
    for name, hands, who in (
        ("mine", Hands.LEASED, "ann"), ("aside", Hands.HELD, "ann"), ("theirs", Hands.LEASED, "bea"),
    ):  # fmt: skip
        office.holds(name, hands, who=who)
    got = office.get("/work")
    assert got.status_code == 200
    assert re.findall(r'<template data-held><section class="work-case" data-work-case="(\w+)"', got.text) == ["mine"]
    assert 'data-grace="10.0"' in got.text and 'data-person="ann"' in got.text


def test_the_page_comes_also_while_the_view_of_the_cases_is_away() -> None:
    office = Office()
    office.world.model.away = True
    got = office.get("/work")
    assert got.status_code == 200 and "data-held" not in got.text


def test_a_further_case_comes_with_lease_place_and_the_reason_why_it_is_this_one() -> None:
    office = Office()
    review = office.world.put("c/1")
    office.world.following.gives = granted(review, "c/1")
    text = office.next().text
    assert 'data-work-case="c/1"' in text and 'data-lease="7"' in text
    said = re.search(r'data-review="([^"]+)"', text)
    assert said is not None and msgspec.json.decode(unescape(said[1]), type=Coordinates) == review
    assert "The most urgent that can be in time" in text
    assert re.findall(r'data-action="(\w+)"', text) == ["approve", "reject", "escalate"]


def test_why_there_is_none_is_told_in_words() -> None:
    office = Office()
    office.world.following.gives = NothingToDo(why=Idle.FAIR_SHARE, in_hand=1, detail="it is shared out")
    text = office.next().text
    assert 'data-none="fair_share"' in text and "It is shared out." in text


def test_what_was_given_while_the_page_was_closed_is_not_forgotten() -> None:
    office = Office()
    office.holds("forgotten")
    office.holds("aside", Hands.HELD)
    office.holds("over", until=now() - 1)
    office.world.following.gives = NothingToDo(why=Idle.NONE_WAITS, in_hand=2, detail="no case waits")
    assert 'data-work-case="forgotten"' in office.next().text
    assert "data-none" in office.next("forgotten").text


def test_a_case_of_somebody_else_is_not_shown() -> None:
    office = Office()
    office.holds("theirs", who="bea")
    got = office.get("/work/case/theirs")
    assert (got.status_code, got.json()["reason"]) == (409, "not_yours")
    assert office.get("/work/case/nothing").status_code == 404


def test_ones_own_list_has_what_is_held_and_what_is_set_aside() -> None:
    office = Office()
    office.holds("aside", Hands.HELD)
    office.holds("mine")
    text = office.get("/work/mine").text
    assert re.findall(r'data-id="(\w+)"', text) == ["mine", "aside"] and text.count("set aside</span>") == 1


def test_what_is_left_is_released_and_may_come_back() -> None:
    office = Office()
    office.holds("left")

    def says(said: CaseActionRequested | ReviewDecided, at: Coordinates) -> list[Any]:
        event = LeaseEnded(
            event_id="e", request_id=said.request_id, workflow="posts", sequence=1, revision=1, cause=at, occurred_at=0,
            reviewer_id="ann", lease=3, ended_by=EndedBy.RELEASED,
        )  # fmt: skip
        return [event]

    office.world.casework.says = says
    got = office.world.post("/work/leave", {"cases": [{"request_id": "left", "lease": 3}]})
    assert got.status_code == 204
    (said,) = office.world.casework.written
    assert isinstance(said, CaseActionRequested) and (said.action, said.lease) == ("release", 3)
    assert office.world.following.passed_over == []
    assert office.world.following.left_free == [("ann", "left")]


def test_statistics_say_what_is_known_and_nothing_of_known_questions() -> None:
    office = Office()
    row = AnswerRow(stage=CaseStage.HUMAN, workflow="posts", sequence=1, waited_ms=1, request_id="r")
    office.answers = [(now() - 60_000 * minutes, row) for minutes in (3, 2, 1)]
    said = Assessment(may_adjudicate=False, suspect=True, reason="gold: 3 of 9", overlap_answers=40, overlap_agreed=30)
    people = Config().people.with_person("ann", Enrolled(assessed={"posts": said}))
    office.world.config = Config(people=people)
    text = office.get("/work/me").text
    assert "60 s" in text and "75 %" in text and "not open to you now" in text
    assert "gold" not in text and "suspect" not in text


def test_an_auditor_is_given_no_case() -> None:
    office = Office(Role.AUDITOR)
    for path in ("/work", "/work/mine", "/work/case/mine", "/work/me"):
        assert office.get(path).status_code == 403
    assert office.next().status_code == 403


def test_what_strangers_wrote_is_text() -> None:
    office = Office()
    evil = '"><script>alert(1)</script>'
    review = office.world.put(evil)
    office.world.following.gives = granted(review, evil)
    assert "<script>" not in office.next().text
