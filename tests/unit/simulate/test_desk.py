"""Simulated people on the simulated log: every announcement answered, also after a crash."""

from msgspec.structs import replace

from infra.kafka.publisher import publish
from producers.simulate.desk import GROUP, SimulatedDesk
from producers.simulate.people import Crowd
from schemas.codec import Codec
from schemas.events import AnswerCounted, ExpertReviewRequested, ReviewDecided
from schemas.topics import ASSIGNMENTS, EXPERT, REVIEW, REVIEW_DECISIONS
from schemas.values import Priority
from tests.support.simlog import SimulatedLog
from tests.unit.simulate.test_people import Unanimous, announced

CODEC = Codec.of_repository()


def cluster() -> SimulatedLog:
    return SimulatedLog(partitions=2, wall=lambda: 1_700_000_000_000)


def announce(log: SimulatedLog, *names: str) -> None:
    for name in names:
        announcement = announced(name, expert=name.startswith("expert"))
        if isinstance(announcement, ExpertReviewRequested):
            publish(log, CODEC, [EXPERT.message(announcement)])
        else:
            publish(log, CODEC, [REVIEW[Priority.NORMAL].message(announcement)])


def answers(log: SimulatedLog) -> list[ReviewDecided]:
    events = [CODEC.decode(record.value) for record in log.read_all(REVIEW_DECISIONS.name)]
    return [event for event in events if isinstance(event, ReviewDecided)]


def desk(log: SimulatedLog, **behaviour: float) -> SimulatedDesk:
    return SimulatedDesk(log, CODEC, Unanimous(), Crowd(escalate_share=0, **behaviour), instance="people-0")  # type: ignore[arg-type]


def test_every_announcement_is_answered_once_at_its_own_coordinates() -> None:
    log = cluster()
    announce(log, "a", "b", "expert")
    people = desk(log)
    for turn in range(5):
        people.step(float(turn))
    made = answers(log)
    assert sorted(decision.request_id for decision in made) == ["a", "b", "expert"]
    places = {(r.topic, r.partition, r.offset) for t in (REVIEW[Priority.NORMAL], EXPERT) for r in log.read_all(t.name)}
    assert {(d.review.topic, d.review.partition, d.review.offset) for d in made} == places


def test_nobody_answers_before_having_thought() -> None:
    log = cluster()
    announce(log, "a", "b")
    people = desk(log, think_seconds=10.0)
    for now in (0.0, 0.1, 4.9):
        people.step(now)
    assert answers(log) == []
    people.step(15.1)
    assert len(answers(log)) == 2


def test_what_was_not_answered_before_a_crash_is_answered_after_it() -> None:
    log = cluster()
    announce(log, "a", "b", "c")
    people = desk(log, think_seconds=10.0)
    for now in (0.0, 0.1):
        people.step(now)
    announce(log, "d")
    again = desk(log)
    for now in (100.0, 100.1, 100.2):
        again.step(now)
    assert sorted(decision.request_id for decision in answers(log)) == ["a", "b", "c", "d"]


def test_positions_pass_only_what_was_answered() -> None:
    log = cluster()
    announce(log, *(f"a{n}" for n in range(20)))
    people = desk(log, think_seconds=10.0)
    people.step(0.0)
    people.step(0.0)
    people.step(10.0)
    answered = {decision.request_id for decision in answers(log)}
    assert 0 < len(answered) < 20
    for record in log.read_all(REVIEW[Priority.NORMAL].name):
        position = log.groups[GROUP].positions.get((record.topic, record.partition))  # type: ignore[call-overload]
        if position is not None and record.offset < position.offset:
            assert (record.key or b"").decode() in answered


def test_poison_among_the_announcements_is_passed_over() -> None:
    log = cluster()
    log.append(next(tp for tp in log.data if tp.topic == "review.high"), b"k", b"\x00poison", None)
    announce(log, "a")
    people = desk(log)
    for now in (0.0, 0.1, 0.2):
        people.step(now)
    assert [decision.request_id for decision in answers(log)] == ["a"]


def test_a_further_person_answers_where_casework_asks_for_one() -> None:
    log = cluster()
    announce(log, "a")
    people = desk(log)
    for now in (0.0, 0.1):
        people.step(now)
    (first,) = answers(log)
    counted = AnswerCounted(
        event_id="case:a:2", request_id="a", workflow="content_moderation", sequence=2, revision=1, cause=first.review,
        occurred_at=0, reviewer_id=first.reviewer_id, decision_id=first.decision_id, answers=1,
    )  # fmt: skip
    publish(log, CODEC, [ASSIGNMENTS.message(counted), ASSIGNMENTS.message(replace(counted, request_id="unheard of"))])
    for now in (1.0, 1.1, 1.2):
        people.step(now)
    _, second = answers(log)
    assert (second.request_id, second.review) == (first.request_id, first.review)
    assert second.reviewer_id != first.reviewer_id
