"""The next case in one call, on a real Valkey with a casework that grants, refuses or keeps silent."""

import itertools
import threading

import pytest

from infra.redis.connection import Connection
from infra.redis.keys import Keys
from infra.redis.members import lane_name, queue_member
from infra.redis.reading import ReadModel
from infra.redis.records import Answerable, Place, RequestRecord, encode
from infra.redis.reserving import PASSED_OVER, Reservations
from producers.desk.next import SERVED, WHY, Next, NextCase, NextPolicy, NothingToDo, NotRuled, Unavailing
from producers.desk.rulings import Rulings, RulingsUnread
from producers.desk.surroundings import Surroundings
from schemas.codec import Codec
from schemas.values import CaseStage, Coordinates, Priority
from streams.casework.eligibility import Idle, Reviewer
from streams.casework.serving import HOUR, Because
from tests.support.casework_stand_in import LEASE, CaseworkStandIn

pytestmark = pytest.mark.integration
CODEC = Codec.of_repository()
KEYS = Keys("test.")
NOW = 1_800_000_000_000


class Desk:
    """`Next` over a Valkey, a simulated log, and a casework that is told what to do."""

    def __init__(self, redis: Connection) -> None:
        self.redis, self.now = redis, NOW
        self.rulings = Rulings(CODEC)
        self.casework = CaseworkStandIn(CODEC, self.rulings, now=NOW)
        ids, reservations = itertools.count(), Reservations(redis, KEYS)
        self._next = following = Next(
            reservations, Surroundings(ReadModel(redis, KEYS), reservations), self.rulings, self.casework,
            policy=NextPolicy(patience_seconds=0.2, attempts=3), wall=lambda: self.now, new_id=lambda: f"c{next(ids)}",
        )  # fmt: skip
        self.gives_back, self.kept, self.left = following.gives_back, following.kept, following.left

    def put(self, *names: str, skills: tuple[str, ...] = (), priority: Priority = Priority.NORMAL) -> None:
        """Cases that can be claimed, due one after the other, as the index writes them."""
        lane = lane_name("posts", CaseStage.HUMAN, skills)
        for number, name in enumerate(names):
            said = Answerable(sequence=1, revision=1, review=Place(topic="review.normal", partition=0, offset=number))
            self.redis.call("SET", KEYS.request(name), encode(RequestRecord(answerable=said)))
            turn = NOW + 9 * HOUR + number
            self.redis.call("ZADD", KEYS.claimable(lane, priority), turn, queue_member(NOW - HOUR, name))
            self.redis.call("SADD", KEYS.lanes, lane)

    def ask(self, who: str = "ada", *skills: str, limit: int = 10, token: str | None = None) -> NextCase | NothingToDo:
        person = Reviewer(reviewer_id=who, skills=frozenset(skills))
        return self._next.for_person(person, wip_limit=limit, token=token)


@pytest.fixture
def desk(redis: Connection) -> Desk:
    return Desk(redis)


def test_a_case_is_reserved_claimed_by_its_announcement_and_granted(desk: Desk) -> None:
    desk.put("a", "b", skills=("french",), priority=Priority.HIGH)
    found = desk.ask("ada", "french", token="signed")
    review = Coordinates(topic="review.normal", partition=0, offset=0)
    assert found == NextCase(
        request_id="a", workflow="posts", priority=Priority.HIGH, skills=("french",), review=review, lease=2,
        expires_at=NOW + LEASE, because=Because.PRIORITY,
    )  # fmt: skip
    (claim,) = desk.casework.claims
    assert (claim.reviewer_id, claim.action, claim.lease, claim.review, claim.token) == (
        "ada", "claim", None, review, "signed",
    )  # fmt: skip


def test_what_the_log_refuses_is_not_given_and_the_next_is_tried(desk: Desk) -> None:
    """Somebody claimed the first by its id, and the read model does not know yet."""
    desk.put("a", "b", "c")
    desk.casework.owners["a"] = "a reviewer app"
    found = desk.ask()
    assert isinstance(found, NextCase) and found.request_id == "b"
    assert [(each.request_id, each.reason) for each in found.refused] == [("a", "already_leased")]
    other = desk.ask("ben")
    assert isinstance(other, NextCase) and other.request_id == "c", "nobody else loses time with what is somebody's"
    assert len(desk.casework.claims) == 3


def test_it_is_given_up_after_a_few_refusals_with_the_reasons(desk: Desk) -> None:
    desk.put("a", "b", "c", "d")
    desk.casework.refusals = dict.fromkeys("abcd", "finished")
    found = desk.ask()
    assert isinstance(found, NothingToDo) and found.why is Unavailing.REFUSED
    assert [each.request_id for each in found.refused] == ["a", "b", "c"]
    assert "somebody has c" in found.detail


@pytest.mark.parametrize("reason", ["missing_skill", "same_person", "not_qualified", "self_appeal"])
def test_what_this_person_must_not_have_is_for_others_at_once(desk: Desk, reason: str) -> None:
    desk.put("a", "b")
    desk.casework.refusals["a"] = reason
    found = desk.ask()
    assert isinstance(found, NextCase) and found.request_id == "b"
    desk.casework.refusals.clear()
    other = desk.ask("ben")
    assert isinstance(other, NextCase) and other.request_id == "a"
    desk.casework.owners.clear()
    desk.now += PASSED_OVER - 1
    again = desk.ask()
    assert isinstance(again, NextCase) and again.request_id == "b", "it is not offered to them again for a while"


@pytest.mark.parametrize("reason", ["missing_token", "not_active"])
def test_whoever_is_not_admitted_is_told_after_one_attempt(desk: Desk, reason: str) -> None:
    desk.put("a", "b")
    desk.casework.refusals = dict.fromkeys("ab", reason)
    found = desk.ask()
    assert isinstance(found, NothingToDo) and found.why is Unavailing.NOT_ADMITTED and len(found.refused) == 1
    desk.casework.refusals.clear()
    other = desk.ask("ben")
    assert isinstance(other, NextCase) and other.request_id == "a"


def test_it_says_why_there_is_nothing(desk: Desk) -> None:
    assert isinstance(found := desk.ask(), NothingToDo) and found.why is Idle.NO_LANE
    desk.now += 1_000
    desk.put("a", "b", "c", "d", skills=("french",))
    desk.now += 1_000
    assert isinstance(found := desk.ask("ben"), NothingToDo) and found.why is Idle.NO_LANE
    desk.now += 1_000
    for _ in range(2):
        assert isinstance(desk.ask("ada", "french", limit=2), NextCase)
    assert isinstance(found := desk.ask("ada", "french", limit=2), NothingToDo)
    assert (found.why, found.in_hand) == (Idle.ENOUGH_IN_HAND, 2)


def test_what_a_person_gave_back_goes_to_others_first(desk: Desk) -> None:
    desk.put("a", "b")
    found = desk.ask()
    assert isinstance(found, NextCase) and found.request_id == "a"
    desk.gives_back("ada", "a")
    desk.casework.owners.clear()  # released
    desk.now += 60_000  # and reserved no longer, whether or not the desk has heard of it
    second = desk.ask("ada")
    assert isinstance(second, NextCase) and second.request_id == "b"
    assert isinstance(desk.ask("ada"), NothingToDo)
    desk.left("ada", "a")
    other = desk.ask("ben")
    assert isinstance(other, NextCase) and other.request_id == "a"


def test_what_a_person_could_not_give_back_may_be_offered_to_them_again(desk: Desk) -> None:
    desk.put("a")
    found = desk.ask()
    assert isinstance(found, NextCase)
    desk.gives_back("ada", "a")
    desk.kept("ada", "a")
    desk.casework.owners.clear()  # their lease ran out
    desk.now += 60_000
    again = desk.ask("ada")
    assert isinstance(again, NextCase) and again.request_id == "a"


def test_what_a_person_left_unseen_is_for_whoever_asks_next(desk: Desk) -> None:
    desk.put("a")
    for who in ("ada", "ada", "ben"):
        found = desk.ask(who)
        assert isinstance(found, NextCase) and found.request_id == "a"
        desk.casework.owners.clear()  # released
        desk.left(who, "a")


def test_every_reason_has_a_sentence() -> None:
    assert set(SERVED) == set(Because)
    assert set(WHY) == {*Idle, *Unavailing}


def test_a_casework_that_does_not_answer_is_not_waited_for_for_ever(desk: Desk) -> None:
    desk.put("a")
    desk.casework.silent = True
    with pytest.raises(NotRuled):
        desk.ask()


def test_a_reader_that_has_ended_is_no_reason_to_wait(desk: Desk) -> None:
    desk.put("a")
    desk.rulings.end()
    with pytest.raises(RulingsUnread):
        desk.ask()


def test_many_who_ask_at_once_have_a_case_each(desk: Desk) -> None:
    names = [f"r{number:03d}" for number in range(120)]
    desk.put(*names)
    found: list[NextCase | NothingToDo] = []

    def ask(who: str) -> None:
        found.extend(desk.ask(who) for _ in range(6))

    threads = [threading.Thread(target=ask, args=(f"p{number}",)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [each.request_id for each in found if isinstance(each, NextCase)]
    assert sorted(given) == names
    assert all(not each.refused for each in found), "nobody was sent to a case of another's"
