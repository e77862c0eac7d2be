"""Every reason to refuse an answer is reachable, says what to do, and changes nothing."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from schemas.events import DecisionRefused, ReviewDecided
from schemas.topics import ASSIGNMENTS, EXPERT
from schemas.values import Coordinates, SampleKind
from streams.casework.answer import MAX_NOTE_BYTES
from streams.casework.config import Config
from streams.casework.refusal import QUOTED, Refusal
from tests.unit.casework.driver import CODEC, Table, decision, expert_review, policies, review

Scene = Callable[[Table], tuple[ReviewDecided, bytes | None]]


def beside(place: Coordinates, **changes: int | str) -> Coordinates:
    return replace(place, **changes)


def simple(**changes: object) -> Scene:
    """An answer to an open ordinary case, with something wrong in it."""
    return lambda table: (replace(decision(table.announce(review())), **changes), None)


def moved(**changes: int | str) -> Scene:
    """An answer that names other coordinates than those of its case."""
    return lambda table: (decision(beside(table.announce(review()), **changes)), None)


def unknown(table: Table) -> tuple[ReviewDecided, None]:
    return decision(table.announce(review("r6")), request_id="r"), None


def finished(table: Table) -> tuple[ReviewDecided, None]:
    place = table.announce(review())
    table.answer(decision(place))
    return decision(place), None


def finished_beyond(table: Table) -> tuple[ReviewDecided, None]:
    place = table.announce(review())
    table.answer(decision(place))
    return decision(beside(place, offset=99)), None


def superseded(table: Table) -> tuple[ReviewDecided, None]:
    place = table.announce(review())
    table.answer(decision(place, "escalate"))
    return decision(place), None


def superseded_and_announced(table: Table) -> tuple[ReviewDecided, None]:
    refused = superseded(table)
    table.read_all(EXPERT.name)
    return refused


def other_review(table: Table) -> tuple[ReviewDecided, None]:
    place = table.announce(review("r6"))
    table.announce(review())
    return decision(place), None


def other_expert_review(table: Table) -> tuple[ReviewDecided, None]:
    place = table.announce(expert_review("r6"))
    table.answer(decision(table.announce(review()), "escalate"))
    table.read_all(EXPERT.name)
    return decision(place), None


def wrong_key(table: Table) -> tuple[ReviewDecided, bytes]:
    return decision(table.announce(review())), b"another"


def wrong_partition(table: Table) -> tuple[ReviewDecided, None]:
    return decision(table.announce(review()), request_id="s"), None


def blind_marked_wrong(table: Table) -> tuple[ReviewDecided, None]:
    return decision(table.announce(review(kind=SampleKind.BLIND)), "mark_wrong"), None


def judged_by_who_contradicted(table: Table) -> tuple[ReviewDecided, None]:
    table.config = Config(policies=policies())
    table.answer(decision(table.announce(review(kind=SampleKind.AUDIT)), "approve"))
    table.read_all(EXPERT.name)
    return decision(Coordinates(topic=EXPERT.name, partition=0, offset=0)), None


def expert(action: str) -> Scene:
    return lambda table: (decision(table.announce(expert_review()), action), None)


SCENES: list[tuple[Refusal, str, Scene]] = [
    (Refusal.WRONG_KEY, "request id as key", wrong_key),
    (Refusal.WRONG_PARTITION, "murmur2_random", wrong_partition),
    (Refusal.IMPOSSIBLE_COORDINATES, "is no announcement", moved(topic="requests")),
    (Refusal.IMPOSSIBLE_COORDINATES, "is no announcement", moved(topic="")),
    (Refusal.IMPOSSIBLE_COORDINATES, "is no announcement", moved(partition=1)),
    (Refusal.IMPOSSIBLE_COORDINATES, "is no announcement", moved(offset=-1)),
    (Refusal.IMPOSSIBLE_COORDINATES, "beyond the end", moved(offset=1)),
    (Refusal.IMPOSSIBLE_COORDINATES, "beyond the end", moved(topic="expert")),
    (Refusal.IMPOSSIBLE_COORDINATES, "beyond the end", finished_beyond),
    (Refusal.UNKNOWN_CASE, "check the request id", unknown),
    (Refusal.FINISHED, "finished by reviewer", finished),
    (Refusal.SUPERSEDED, "revision 2", superseded),
    (Refusal.SUPERSEDED, "revision 2", superseded_and_announced),
    (Refusal.OTHER_REVIEW, "'review.normal'[0]@1", other_review),
    (Refusal.OTHER_REVIEW, "'expert'[0]@1", other_expert_review),
    (Refusal.BAD_VALUE, "is none of", simple(action="maybe")),
    (Refusal.BAD_VALUE, "is none of", simple(action="x" * 100_000)),
    (Refusal.BAD_VALUE, "between 0 and 1", simple(confidence=float("nan"))),
    (Refusal.BAD_VALUE, "between 0 and 1", simple(confidence=1.0000001)),
    (Refusal.BAD_VALUE, "between 0 and 1", simple(confidence=-0.1)),
    (Refusal.BAD_VALUE, "shorten it", simple(feedback="ü" * (MAX_NOTE_BYTES // 2) + "x")),
    (Refusal.BAD_VALUE, "reviewer_id", simple(reviewer_id="")),
    (Refusal.BAD_VALUE, "decision_id", simple(decision_id="x" * 257)),
    (Refusal.BAD_VALUE, "leave the label out", simple(label="hate")),
    (Refusal.BAD_VALUE, "no label is given", simple(action="reject")),
    (Refusal.BAD_VALUE, "'hate', 'offensive'", simple(action="reject", label="neither")),
    (Refusal.BAD_VALUE, "the label is", simple(action="reject", label="y" * 100_000)),
    (Refusal.BAD_VALUE, "leave it out", simple(action="escalate", label="hate")),
    (Refusal.NO_RECOMMENDATION, "shows no recommendation", blind_marked_wrong),
    (Refusal.NOT_ALLOWED, "instead of escalate", expert("escalate")),
    (Refusal.NOT_ALLOWED, "instead of mark_wrong", expert("mark_wrong")),
    (Refusal.SAME_PERSON, "somebody else must answer", judged_by_who_contradicted),
]


@pytest.mark.parametrize(("reason", "says", "scene"), SCENES, ids=[f"{r}-{n}" for n, (r, _, _) in enumerate(SCENES)])
def test_a_refused_answer_says_why_and_changes_nothing(reason: Refusal, says: str, scene: Scene) -> None:
    table = Table(0)
    answer, key = scene(table)
    before = (dict(table.lane.state.committed), len(table.outgoing))
    (refused,) = table.answer(answer, key)
    assert isinstance(refused, DecisionRefused)
    assert refused.reason == reason
    assert says in refused.detail
    assert len(refused.detail) < 10 * QUOTED
    assert table.lane.state.committed == before[0]
    assert [o.topic for o in table.outgoing[before[1] :]] == [ASSIGNMENTS.name]
    assert CODEC.decode(CODEC.encode(refused)) == refused


def test_every_reason_is_reachable() -> None:
    assert {reason for reason, _, _ in SCENES} == set(Refusal)


def test_coordinates_beyond_the_log_are_refused_with_the_watermark_on_record() -> None:
    table = Table(0)
    place = table.announce(review())
    (refused,) = table.answer(decision(beside(place, offset=5)))
    assert isinstance(refused, DecisionRefused)
    assert refused.watermark == 1


def test_a_refusal_names_its_answer_and_the_case_as_it_stood() -> None:
    table = Table(0)
    place = table.announce(review())
    table.answer(decision(place))
    (refused,) = table.answer(decision(place, decision_id="again", reviewer_id="bob"))
    assert isinstance(refused, DecisionRefused)
    assert (refused.decision_id, refused.reviewer_id) == ("again", "bob")
    assert (refused.workflow, refused.sequence) == ("content_moderation", 2)
    assert refused.event_id == "refused:review-decisions:0:1"
    assert refused.config_offsets == {"policies": 3}


def test_a_note_at_the_limit_is_accepted() -> None:
    table = Table(0)
    made = table.answer(decision(table.announce(review()), feedback="x" * MAX_NOTE_BYTES))
    assert not any(isinstance(event, DecisionRefused) for event in made)
