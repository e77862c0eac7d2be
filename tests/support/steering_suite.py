"""What whoever steers is told by a read model, whichever Redis holds it: the suite that both pass."""

from collections.abc import Callable, Iterable
from random import Random

from consumers.index.disagreement import rows
from infra.redis.connection import Command
from infra.redis.members import DisagreementRow
from infra.redis.records import Decided, Hands, Origin, Place, RequestRecord
from infra.redis.said import Said, Voice
from infra.redis.steering import AtRisk, Counted, Due, Steering
from schemas.values import CaseStage, DecidedBy, Outcome, Priority
from tests.support.recorded import START, Recorded
from tests.support.steered import KEYS, waiting, written_commands

Apply = Callable[[Iterable[Command]], None]
HUMAN, EXPERT = ("posts", CaseStage.HUMAN), ("posts", CaseStage.EXPERT)
MINUTE = 60_000


def counts_are_of_their_queue(steering: Steering, apply: Apply) -> None:
    for number, due in enumerate((-1, 0, 10, 15, 16, 59, 61, None)):
        at = None if due is None else START + due * MINUTE
        apply(waiting(f"r{number}", due_at=at, priority=list(Priority)[number % 4]))
    apply(waiting("e", due_at=START - 1, stage=CaseStage.EXPERT))
    assert steering.due([HUMAN, EXPERT], now=START, soon=15 * MINUTE, later=60 * MINUTE) == {
        HUMAN: Due(overdue=1, soon=4, later=6), EXPERT: Due(overdue=1, soon=1, later=1),
    }  # fmt: skip
    assert sum(steering.sizes([HUMAN])[HUMAN].values()) == 8


def pages_of_what_is_at_risk_leave_nobody_out(steering: Steering, apply: Apply) -> None:
    """Also where many have one deadline, as after an import."""
    random = Random(4)
    dues = [START] * 40 + [START + random.randrange(5) for _ in range(60)]
    for number, due in enumerate(dues):
        stage, priority = random.choice(list(CaseStage)), random.choice(list(Priority))
        apply(waiting(f"r:{number}", due_at=due, stage=stage, priority=priority, at=START + random.randrange(3)))
    apply(waiting("without", due_at=None))
    queues, found, after = [HUMAN, EXPERT], list[AtRisk](), None
    while page := steering.at_risk(queues, until=1 << 53, count=7, after=after):
        found += page
        after = page[-1]
    assert found == sorted(found) and sorted(each.request_id for each in found) == sorted(
        f"r:{number}" for number in range(100)
    )
    assert [each.due_at for each in steering.at_risk(queues, until=START + 1, count=99)].count(START) >= 40


def pages_of_disagreements_leave_none_out(steering: Steering, apply: Apply) -> None:
    for number in range(25):
        apply(rows(KEYS, f"r{number}", None, contradicted(f"r{number}", at=START + number // 4)))
    everything = list(steering.disagreements("posts"))
    assert [at for at, _ in everything] == sorted((at for at, _ in everything), reverse=True)
    assert len({row.request_id for _, row in everything}) == 25
    after: tuple[int, DisagreementRow] | None = None
    found = []
    while page := [each for each, _ in zip(steering.disagreements("posts", after), range(4), strict=False)]:
        found += page
        after = page[-1]
    assert found == everything


def gold_is_counted_once_by_request(steering: Steering, apply: Apply) -> None:
    log = Recorded()
    beside = log.request("r")
    for number in range(5):
        log.known(f"q{number}", beside, agrees=number != 2)
    for _ in range(2):
        apply(written_commands(log.entries))
    assert steering.gold_answers("moderation", ["g1", "g2"]) == {"g1": Counted(5, 4), "g2": Counted(0, 0)}


def what_is_in_hands_is_counted(steering: Steering, apply: Apply) -> None:
    apply([("SADD", KEYS.in_hands("posts", CaseStage.HUMAN, Hands.HELD), name) for name in "ab"])
    assert steering.in_hands([HUMAN]) == {HUMAN: {Hands.LEASED: 0, Hands.HELD: 2, Hands.ANSWERED: 0}}
    assert steering.in_hand_of(["ann"]) == {"ann": []} and steering.records([]) == []


def contradicted(name: str, *, at: int = START, workflow: str = "posts", who: str = "ann") -> RequestRecord:
    """A finished request that somebody decided otherwise than the model."""
    place = Place(topic="requests", partition=0, offset=0)
    return RequestRecord(
        origin=Origin(confirmed=True, workflow=workflow, request=place, requested_at=at),
        decided=Decided(
            at=at, request_offset=0, outcome=Outcome.REJECTED, label="reject", by=DecidedBy.REVIEWER, reviewer_id=who
        ),
        said=(Said(voice=Voice.MODEL, at=at, label="approve"),), finished_at=at, state="completed",
    )  # fmt: skip


SUITE = (
    counts_are_of_their_queue, pages_of_what_is_at_risk_leave_nobody_out, pages_of_disagreements_leave_none_out,
    gold_is_counted_once_by_request, what_is_in_hands_is_counted,
)  # fmt: skip
