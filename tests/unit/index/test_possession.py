"""Who has a case, whom it must not be given again, in which queue it waits: in whatever order it is read."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.index.batch import CachePolicy, activity, by_request, commands_of, folded
from consumers.index.possession import answered_by
from infra.redis.keys import Keys
from infra.redis.members import lane_name, queue_member
from infra.redis.records import Claimable, InHand, RequestRecord, decode_record
from schemas.values import CaseStage, EndedBy, Priority
from streams.casework.serving import PATIENCE
from tests.support.chronicle import LEASE, STEP, Chronicle
from tests.support.tables import Tables
from tests.unit.casework.driver import HOUR, START

KEYS = Keys("test.")
WORKFLOW = "content_moderation"
Deed = Callable[[Chronicle], Chronicle]


def record(chronicle: Chronicle) -> RequestRecord:
    found = folded(None, chronicle.messages)
    assert found is not None
    return found


def place(chronicle: Chronicle) -> Claimable | None:
    return record(chronicle).claimable


def test_an_open_case_waits_with_those_that_ask_for_the_same_skills() -> None:
    case = Chronicle("r", priority=Priority.HIGH, skills=("medical", "french", "french"))
    assert place(case) == Claimable(
        workflow=WORKFLOW, stage=CaseStage.HUMAN, skills=("french", "medical"), priority=Priority.HIGH,
        turn=START + 24 * HOUR, opened_at=START + STEP,
    )  # fmt: skip


def test_a_case_without_a_deadline_has_its_turn_after_its_patience() -> None:
    found = place(Chronicle("r", priority=Priority.LOW, due_at=None))
    assert found is not None and found.turn == START + STEP + PATIENCE[Priority.LOW]


@pytest.mark.parametrize(
    ("taken", "freed"),
    [
        (lambda c: c.granted("ada"), lambda c: c.ended("ada")),
        (lambda c: c.granted("ada").extended("ada"), lambda c: c.ended("ada", EndedBy.EXPIRED)),
        (lambda c: c.granted("ada").held("ada"), lambda c: c.hold_ended("ada")),
        (lambda c: c.granted("ada").received("ada"), lambda c: c.withdrawn("ada")),
        (lambda c: c.granted("ada"), lambda c: c.counted("ada")),
        (lambda c: c.granted("ada").received("ada"), lambda c: c.counted("ada")),
        (lambda c: c.granted("ada"), lambda c: c.escalated("ada")),
        (lambda c: c.escalated("ada").granted("eve"), lambda c: c.returned("eve")),
    ],
)
def test_a_case_in_somebodys_hands_cannot_be_claimed_until_it_is_free(taken: Deed, freed: Deed) -> None:
    case = Chronicle("r")
    taken(case)
    assert record(case).queued is not None, "it is open, and counts for the position of others"
    assert place(case) is None
    freed(case)
    assert place(case) is not None


def test_a_new_priority_moves_it_and_leaves_it_with_whoever_has_it() -> None:
    case = Chronicle("r").reprioritised("lead", Priority.URGENT)
    found = place(case)
    assert found is not None and found.priority is Priority.URGENT
    assert place(Chronicle("r").granted("ada").reprioritised("lead", Priority.URGENT)) is None


def test_a_case_waits_with_experts_and_comes_back_with_its_new_deadline() -> None:
    case = Chronicle("r").granted("ada").escalated("ada")
    found = place(case)
    assert found is not None and (found.stage, found.priority) == (CaseStage.EXPERT, Priority.HIGH)
    assert record(case).state == "expert_review"
    case.granted("eve").returned("eve")
    found = place(case)
    assert found is not None and (found.stage, found.turn) == (CaseStage.HUMAN, case.due_at)
    assert (record(case).state, record(case).status) == ("expert_review", "pending_human")


def test_nobody_is_asked_twice_about_an_open_case() -> None:
    case = Chronicle("r").granted("ada").counted("ada").granted("ben").escalated("ben")
    assert answered_by(record(case)) == {"ada"}, "who passed it on may be the only expert"
    assert answered_by(record(case.closed("eve"))) == frozenset()


def test_a_lease_is_in_the_hands_of_whoever_has_it_now() -> None:
    case = Chronicle("r").granted("ada")
    assert record(case).in_hand == InHand(reviewer_id="ada", expires_at=START + STEP + LEASE)
    case.extended("ada")
    assert record(case).in_hand == InHand(reviewer_id="ada", expires_at=START + 2 * STEP + LEASE)
    case.granted("ben", by="ada")
    assert record(case).in_hand == InHand(reviewer_id="ben", expires_at=START + 3 * STEP + LEASE)
    assert record(case.closed("ben")).in_hand is None


def test_a_case_cannot_be_claimed_before_its_announcement_is_read() -> None:
    case = Chronicle("r").granted("ada").escalated("ada")
    unread = folded(None, case.messages[:-1])
    assert unread is not None and unread.queued is not None and unread.claimable is None


def written(chronicle: Chronicle, cuts: list[int]) -> Tables:
    """The tables after the events in batches that end at these places."""
    tables = Tables()
    for first, last in zip([0, *cuts], [*cuts, len(chronicle.messages)], strict=True):
        batch = chronicle.messages[first:last]
        held = tables.strings.get(KEYS.request(chronicle.request_id))
        known = {chronicle.request_id: decode_record(held) if isinstance(held, bytes) else None}
        tables.apply(activity(batch, keys=KEYS, now=START))
        cache = CachePolicy(keep_ms=1, inline_bytes=0)
        tables.apply(commands_of(by_request(batch, 1), known, keys=KEYS, cache=cache, now=START))
    return tables


DEEDS: tuple[Deed, ...] = (
    lambda c: c.granted("ada"), lambda c: c.extended("ada"), lambda c: c.ended("ada"), lambda c: c.held("ada"),
    lambda c: c.hold_ended("ada"), lambda c: c.received("ada"), lambda c: c.withdrawn("ada"),
    lambda c: c.counted("ada"), lambda c: c.escalated("ben"), lambda c: c.returned("eve"),
    lambda c: c.granted("eve"), lambda c: c.reprioritised("lead", Priority.LOW), lambda c: c.closed("eve"),
)  # fmt: skip


@given(st.lists(st.sampled_from(DEEDS), max_size=12), st.integers(0, 1 << 30))
def test_any_history_in_any_batches_and_any_order_leaves_the_same(deeds: list[Deed], seed: int) -> None:
    case, random = Chronicle("r"), Random(seed)
    for deed in deeds:
        deed(case)
    shuffled = [*case.messages, *random.sample(case.messages, k=len(case.messages) // 2)]
    random.shuffle(shuffled)
    assert folded(None, shuffled) == record(case)
    cuts = sorted(random.sample(range(1, len(case.messages)), k=min(3, len(case.messages) - 1)))
    at_once, bit_by_bit = written(case, []), written(case, cuts)
    for tables in (at_once, bit_by_bit):
        for passed_through in (KEYS.lanes, KEYS.workflows):  # or not, where it was over within a batch
            tables.sets.pop(passed_through, None)
    assert bit_by_bit.content() == at_once.content()


def test_what_follows_is_in_the_tables_and_goes_when_the_case_ends() -> None:
    case = Chronicle("r", skills=("french",)).granted("ada").counted("ada")
    tables, lane = written(case, []), lane_name(WORKFLOW, CaseStage.HUMAN, ("french",))
    assert tables.sets[KEYS.lanes] == {lane}
    waiting = {queue_member(START + STEP, "r"): float(START + 24 * HOUR)}
    assert tables.sorted_sets[KEYS.claimable(lane, Priority.NORMAL)] == waiting
    assert tables.sets[KEYS.answered("ada")] == {"r"}
    case.granted("ben")
    tables = written(case, [2])
    assert tables.sorted_sets[KEYS.in_hand("ben")] == {"r": float(case.now + LEASE - STEP)}
    assert not tables.sorted_sets[KEYS.claimable(lane, Priority.NORMAL)]
    over = written(case.closed("ben"), [1, 3])
    assert not over.sets[KEYS.answered("ada")] and not over.sorted_sets[KEYS.in_hand("ben")]
    assert set(over.sorted_sets[KEYS.reviewers]) == {"ada", "ben"}


def test_what_ends_by_itself_was_done_by_nobody() -> None:
    case = Chronicle("r").granted("ada")
    seen_at = case.now
    case.ended("ada", EndedBy.EXPIRED)
    assert written(case, []).sorted_sets[KEYS.reviewers] == {"ada": float(seen_at)}
    handed = Chronicle("r").granted("ada").granted("ben", by="ada")
    assert set(written(handed, []).sorted_sets[KEYS.reviewers]) == {"ada"}, "who is handed a case has done nothing yet"
