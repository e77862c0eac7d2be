"""Which case is given next: each clause of the rule by itself, and what it promises over any course of events."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.values import CaseStage, Priority
from streams.casework.eligibility import Lane, Reviewer, can_do, lanes_of
from streams.casework.serving import (
    CYCLE,
    HOUR,
    Because,
    Served,
    ServingPolicy,
    Waiting,
    longest_queueing,
    serve,
    turn_of,
)
from tests.support.shop import InMemory

NOW = 1_000 * HOUR
MINUTE = 60_000
POLICY = ServingPolicy(review_ms=5 * MINUTE, last_call_ms=2 * HOUR)
PLAIN, FRENCH = Lane("posts", CaseStage.HUMAN), Lane("posts", CaseStage.HUMAN, ("french",))
FIRST, LAST_CALL, OVERDUE = 0, CYCLE // 2 - 1, CYCLE - 1  # cases given before


def queues(*cases: tuple[str, Lane, Priority, int]) -> InMemory:
    """Cases by name, lane, priority and when their turn is, in minutes from now."""
    made = InMemory()
    for name, lane, priority, minutes in cases:
        made.put(lane, priority, Waiting(NOW + minutes * MINUTE, NOW - HOUR, name))
    return made


def given_first(waiting: InMemory, lanes: dict[Lane, int], before: int = FIRST) -> tuple[str, Because]:
    served = serve(waiting, lanes, given=before, now=NOW, policy=POLICY)
    assert served is not None
    return served.case.request_id, served.because


def test_the_most_urgent_goes_first_and_of_these_the_one_due_first() -> None:
    waiting = queues(
        ("normal", PLAIN, Priority.NORMAL, 10), ("later", PLAIN, Priority.URGENT, 60),
        ("sooner", PLAIN, Priority.URGENT, 50),
    )  # fmt: skip
    assert given_first(waiting, {PLAIN: 1}) == ("sooner", Because.PRIORITY)


def test_what_is_too_late_waits_behind_what_can_be_in_time() -> None:
    waiting = queues(
        ("late", PLAIN, Priority.URGENT, -60), ("hopeless", PLAIN, Priority.URGENT, 4),
        ("can be", PLAIN, Priority.LOW, 5),
    )  # fmt: skip
    assert given_first(waiting, {PLAIN: 1}) == ("can be", Because.PRIORITY)
    waiting.take(PLAIN, Priority.LOW, Waiting(NOW + 5 * MINUTE, NOW - HOUR, "can be"))
    assert given_first(waiting, {PLAIN: 1}) == ("late", Because.NOTHING_IN_TIME)


def test_one_in_a_cycle_is_the_longest_overdue_of_any_priority() -> None:
    waiting = queues(
        ("late", PLAIN, Priority.URGENT, -60), ("later", FRENCH, Priority.LOW, -90), ("new", PLAIN, Priority.URGENT, 90)
    )
    lanes = {PLAIN: 2, FRENCH: 1}
    found = [given_first(waiting, lanes, before)[0] for before in range(2 * CYCLE)]
    assert found == ["new", "new", "new", "later"] * 2
    assert given_first(waiting, lanes, OVERDUE) == ("later", Because.OVERDUE)


def test_one_in_a_cycle_is_the_one_whose_last_chance_passes_first() -> None:
    waiting = queues(
        ("urgent", PLAIN, Priority.URGENT, 100), ("low", PLAIN, Priority.LOW, 90), ("not yet", PLAIN, Priority.LOW, 121)
    )
    assert given_first(waiting, {PLAIN: 1}, FIRST) == ("urgent", Because.PRIORITY)
    assert given_first(waiting, {PLAIN: 1}, LAST_CALL) == ("low", Because.LAST_CALL)
    early = queues(("urgent", PLAIN, Priority.URGENT, 300), ("not yet", PLAIN, Priority.LOW, 121))
    assert given_first(early, {PLAIN: 1}, LAST_CALL) == ("urgent", Because.PRIORITY)


def test_the_only_one_who_knows_french_does_what_asks_for_french() -> None:
    waiting = queues(("anybody", PLAIN, Priority.HIGH, 300), ("french", FRENCH, Priority.HIGH, 900))
    assert given_first(waiting, {PLAIN: 5, FRENCH: 1}) == ("french", Because.SCARCE_SKILL)
    assert given_first(waiting, {PLAIN: 5}) == ("anybody", Because.PRIORITY)
    assert given_first(waiting, {PLAIN: 5, FRENCH: 5}) == ("anybody", Because.PRIORITY)


def test_a_skill_does_not_go_before_a_priority() -> None:
    waiting = queues(("urgent", PLAIN, Priority.URGENT, 300), ("french", FRENCH, Priority.HIGH, 300))
    assert given_first(waiting, {PLAIN: 5, FRENCH: 1}) == ("urgent", Because.PRIORITY)


def test_nothing_is_made_up() -> None:
    assert serve(queues(), {PLAIN: 1}, given=OVERDUE, now=NOW, policy=POLICY) is None
    assert serve(queues(("x", FRENCH, Priority.LOW, 9)), {PLAIN: 1}, given=0, now=NOW, policy=POLICY) is None


def test_a_case_without_a_deadline_has_a_turn_by_its_priority() -> None:
    turns = [turn_of(priority, None, NOW) for priority in Priority]
    assert turns == sorted(turns) and turns[0] == NOW + HOUR
    assert turn_of(Priority.LOW, NOW + 5, NOW) == NOW + 5


PEOPLE = (
    Reviewer(reviewer_id="ada", skills=frozenset({"french"})),
    Reviewer(reviewer_id="ben"),
    Reviewer(reviewer_id="eve", skills=frozenset({"french"})),
)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32), st.floats(0.3, 0.95))
def test_whatever_comes_an_overdue_case_queues_no_longer_than_the_rule_says(seed: int, pressure: float) -> None:
    """New cases that can be in time arrive all the time; people take turns at random. The old ones still come."""
    random, waiting = Random(seed), InMemory()
    number = random.randrange(1, 12)
    overdue = [Waiting(NOW - random.randrange(HOUR), NOW - 9 * HOUR, f"old {n}") for n in range(number)]
    lane = random.choice((PLAIN, FRENCH))
    for case in overdue:
        waiting.put(lane, Priority.LOW, case)
    able = sum(can_do(person, lane) for person in PEOPLE)
    before, passed, given_by = sorted(overdue), 0, dict.fromkeys(PEOPLE, 0)
    for step in range(1_000):
        if not before:
            break
        while random.random() < pressure:
            new = Waiting(NOW + random.randrange(1, 9) * HOUR, NOW + step, f"new {step} {random.random()}")
            waiting.put(random.choice((PLAIN, FRENCH)), random.choice(list(Priority)), new)
        person = random.choice(PEOPLE)
        lanes = lanes_of(person, (PLAIN, FRENCH), PEOPLE)
        served = serve(waiting, lanes, given=given_by[person], now=NOW, policy=POLICY)
        if served is None:
            continue
        _take(waiting, served)
        given_by[person] += 1
        passed += can_do(person, lane)
        if served.case in before:
            before.remove(served.case)
        elif before:
            at = sorted(overdue).index(before[0])
            assert passed <= longest_queueing(at, able), f"{before[0].request_id} was passed over {passed} times"
    assert not before


def _take(waiting: InMemory, served: Served) -> None:
    waiting.take(served.lane, served.priority, served.case)
