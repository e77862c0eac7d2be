"""What must hold of the log after any schedule."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from infra.kafka.log import Record
from schemas.codec import Undecodable
from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AppealNoted,
    AppealRefused,
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    CaseReopened,
    CaseSnapshot,
    CommandRefused,
    DecisionMade,
    DecisionRefused,
    DecisionRequested,
    OutcomeAmended,
    OutcomeUpheld,
    ReviewDecided,
)
from schemas.topics import BY_NAME, EXPERT, REVIEW
from schemas.values import CaseStatus, Coordinates, GivenAnswer, SampleKind
from streams.casework.answer import given_answer, read_answer
from streams.casework.case import Announcement, CaseEvent, evolve
from streams.casework.refusal import Refused
from streams.casework.sealing import Sealer
from tests.simulation.world import StageActor

Place = tuple[str, int, int]
ANNOUNCEMENTS = (*(topic.name for topic in REVIEW.values()), EXPERT.name)


class Readable(Protocol):
    """A log from which everything committed can be read, partition by partition."""

    def read_all(self, topic: str) -> Sequence[Record]: ...


class World(Protocol):
    """Whatever ran, simulated or real: its log, and the processes whose memory can be looked into."""

    @property
    def log(self) -> Readable: ...

    @property
    def actors(self) -> Sequence[object]: ...

    def events(self, topic: str) -> list[Any]:
        """Every event of a topic."""

    def decode(self, value: bytes | None) -> Any:
        """The event in wire bytes. Raises `Undecodable`."""


def place(coordinates: Coordinates) -> Place:
    return coordinates.topic, coordinates.partition, coordinates.offset


def check(world: World, sealer: Sealer) -> None:
    """Raise AssertionError with what is wrong."""
    every_record_is_accounted_for_once(world)
    event_ids_are_unique(world)
    every_request_ends_once(world, sealer)
    changes_of_a_case_are_in_order(world)
    cases_are_the_fold_of_their_events(world)
    every_answer_has_one_effect(world)
    every_appeal_has_one_effect(world)
    what_reviewers_can_read_tells_of_no_appeal(world)
    every_second_look_makes_one_judgement_of_the_original(world)
    every_draw_is_answered_expired_or_open(world)
    tallies_cover_the_inputs_once(world)


def dead(world: World) -> Counter[Place]:
    return Counter(place(letter.origin) for letter in world.events("dead-letters"))


def every_record_is_accounted_for_once(world: World) -> None:
    """Each request has one prediction or one dead letter; nothing has two dead letters."""
    letters = dead(world)
    assert not [p for p, n in letters.items() if n > 1], "two dead letters for one record"
    predicted = Counter(place(p.request) for p in world.events("predictions"))
    for record in world.log.read_all("requests"):
        here = record[:3]
        found = predicted[here] + letters[here]
        assert found == 1, f"request at {here}: {predicted[here]} predictions, {letters[here]} dead letters"


def event_ids_are_unique(world: World) -> None:
    """Whoever decided, decided once: no event twice, in no topic. (A repeated request is predicted again.)"""
    for topic in BY_NAME:
        if topic in ("cases", "requests", "predictions", "review-decisions", "review-commands", "appeals"):
            continue
        counts = Counter(event.event_id for event in world.events(topic))
        twice = [i for i, n in counts.items() if n > 1]
        assert not twice, f"{topic}: {twice[:3]} written more than once"


def every_request_ends_once(world: World, sealer: Sealer) -> None:
    """The first valid record of an id ends in one outcome or one open case; a conflict in one dead letter."""
    letters = dead(world)
    prediction_of = {
        place(p.request): ("predictions", r.partition, r.offset)
        for r in world.log.read_all("predictions")
        for p in [world.decode(r.value)]
        if hasattr(p, "request")
    }
    outcomes: dict[str, list[DecisionMade]] = defaultdict(list)
    for outcome in world.events("outcomes"):
        if isinstance(outcome, DecisionMade):
            outcomes[outcome.request_id].append(outcome)
    cases = _open_cases(world, sealer)
    seen: dict[str, bytes] = {}
    for record in world.log.read_all("requests"):
        if record[:3] in letters:
            continue
        request = world.decode(record.value)
        assert isinstance(request, DecisionRequested) and record.value is not None
        conflict = letters[prediction_of[record[:3]]]
        if request.request_id in seen:
            expected = int(seen[request.request_id] != record.value)
            assert conflict == expected, f"{request.request_id}: conflict {expected}, dead letters {conflict}"
            continue
        seen[request.request_id] = record.value
        ends = len(outcomes[request.request_id]) + cases[request.request_id]
        assert not conflict and ends == 1, f"{request.request_id} ends {ends} times ({conflict} dead letters)"
    assert set(outcomes) <= set(seen), "an outcome of nobody's request"


def _open_cases(world: World, sealer: Sealer) -> Counter[str]:
    """Open cases that owe an outcome, by request."""
    return Counter(
        case.request_id
        for case in latest_cases(world).values()
        if case.status is CaseStatus.OPEN
        and case.reopened_by is None
        and case.sealed is not None
        and sealer.open(case.sealed, request_id=case.request_id, revision=case.revision).kind is not SampleKind.AUDIT
    )


def latest_cases(world: World) -> dict[str, CaseSnapshot]:
    return {case.request_id: case for case in world.events("cases")}


def changes_of_a_case_are_in_order(world: World) -> None:
    """1, 2, 3 … without a gap, in the order of the log."""
    last: Counter[str] = Counter()
    for event in world.events("assignments"):
        if isinstance(event, DecisionRefused | CommandRefused):
            continue
        assert event.sequence == last[event.request_id] + 1, f"case {event.request_id}: {event.sequence} out of order"
        last[event.request_id] = event.sequence


def changes_of_cases(world: World) -> list[CaseEvent]:
    """What changed cases, each case's changes in their order: an appeal is noted after the change that it names."""
    numbered = [e for e in world.events("assignments") if not isinstance(e, DecisionRefused | CommandRefused)]
    noted = [e for e in rulings(world).values() if isinstance(e, AppealNoted)]
    return sorted([*numbered, *noted], key=lambda e: e.sequence)


def cases_are_the_fold_of_their_events(world: World) -> None:
    announcements = {(a.request_id, a.revision): a for t in ANNOUNCEMENTS for a in world.events(t)}
    folded: dict[str, CaseSnapshot] = {}
    for event in changes_of_cases(world):
        case = folded.get(event.request_id)
        said: Announcement | GivenAnswer | None = announcements.get((event.request_id, event.revision))
        if isinstance(event, AnswerReceived | AnswerCounted) and case is not None:
            said = case.pending.answer if case.pending else given_at(world, case, event)
        folded[event.request_id] = evolve(case, event, said)
    snapshots = latest_cases(world)
    assert folded == snapshots, f"cases differ: {_differences(folded, snapshots)}"
    for actor in world.actors:
        if isinstance(actor, StageActor) and actor.name.startswith("casework") and actor.loop is not None:
            for lane in actor.loop.lanes.values():
                for name, case in lane.state.committed.items():
                    assert snapshots[name] == case, f"{actor.name} believes {name} to be otherwise"


def given_at(world: World, case: CaseSnapshot, event: AnswerReceived | AnswerCounted) -> GivenAnswer:
    """The answer at an event's cause, as the case keeps it."""
    where = event.cause
    (record,) = (r for r in world.log.read_all(where.topic) if r[:3] == place(where))
    decision = world.decode(record.value)
    said = read_answer(case, decision)
    assert not isinstance(said, Refused)
    return given_answer(decision, said, cause=where, at=event.occurred_at)


def _differences(left: dict[str, Any], right: dict[str, Any]) -> list[str]:
    return [k for k in left.keys() | right.keys() if left.get(k) != right.get(k)][:5]


def every_answer_has_one_effect(world: World) -> None:
    """Accepted, refused with a reason, or a dead letter; and never refused as unknown when it was announced."""
    letters = dead(world)
    accepted: set[Place] = set()
    refused: Counter[Place] = Counter()
    reasons: dict[Place, str] = {}
    for event in world.events("assignments"):
        if isinstance(event, DecisionRefused):
            reasons[place(event.cause)] = event.reason
            refused[place(event.cause)] += 1
        elif not isinstance(event, CommandRefused):
            accepted.add(place(event.cause))
    announced = {
        (record[:3], world.decode(record.value).request_id)
        for topic in ANNOUNCEMENTS
        for record in world.log.read_all(topic)
    }
    for record in world.log.read_all("review-decisions"):
        here = record[:3]
        effects = (here in accepted) + refused[here] + letters[here]
        assert effects == 1, f"answer at {here}: {effects} effects"
        try:
            decision = world.decode(record.value)
        except Undecodable:
            continue
        assert isinstance(decision, ReviewDecided)
        if (place(decision.review), decision.request_id) in announced and record.partition == decision.review.partition:
            assert reasons.get(here) not in ("unknown_case", "impossible_coordinates"), f"{here}: {reasons.get(here)}"


def every_appeal_has_one_effect(world: World) -> None:
    """Judged anew, noted, refused with a reason, or a dead letter; and what was noted is judged after its audit."""
    letters, effects, cases = dead(world), Counter[Place](), latest_cases(world)
    reopened = {e.appeal.appeal_id for e in world.events("assignments") if isinstance(e, CaseReopened) and e.appeal}
    said = rulings(world)
    for event in (*world.events("assignments"), *said.values()):
        if isinstance(event, (AppealNoted, AppealRefused)) or (
            isinstance(event, CaseReopened) and event.cause.topic == "appeals"
        ):
            effects[place(event.cause)] += 1
        if isinstance(event, AppealNoted) and event.appeal.appeal_id not in reopened:
            assert cases[event.request_id].status is CaseStatus.OPEN, f"{event.appeal.appeal_id} waits for nothing"
    for record in world.log.read_all("appeals"):
        here = record[:3]
        expected = 0 if here in said else 1
        assert effects[here] + letters[here] == expected, f"appeal at {here}: {effects[here]} effects"


def rulings(world: World) -> dict[Place, AppealNoted | AppealRefused]:
    """What casework said on `appeals`, where outsiders may have written what is no event."""
    said: dict[Place, AppealNoted | AppealRefused] = {}
    for record in world.log.read_all("appeals"):
        try:
            event = world.decode(record.value)
        except Undecodable:
            continue
        if isinstance(event, (AppealNoted, AppealRefused)):
            said[record[:3]] = event
    return said


def what_reviewers_can_read_tells_of_no_appeal(world: World) -> None:
    """An appeal of an open case is one of an audit: whoever may answer must not learn of it before."""
    asked = {(e.request_id, e.revision) for t in ANNOUNCEMENTS for e in world.events(t) if getattr(e, "appeal", None)}
    told = {(e.request_id, e.revision) for e in world.events("assignments") if getattr(e, "appeal", None)}
    since: dict[str, int] = {}  # the revision from which on everybody may know
    for event in world.events("assignments"):
        if isinstance(event, CaseReopened) and event.appeal is not None:
            since.setdefault(event.request_id, event.revision)
    early = sorted(each for each in asked | told if each[1] < since.get(each[0], each[1] + 1))
    assert not early, f"told before its time: {early[:3]}"


def every_second_look_makes_one_judgement_of_the_original(world: World) -> None:
    """A reopened case ends in one amendment or confirmation, about the outcome in force, never in a second original."""
    standing = {o.request_id: (o.event_id, o.label) for o in world.events("outcomes") if isinstance(o, DecisionMade)}
    judged: Counter[str] = Counter()
    for outcome in world.events("outcomes"):
        if not isinstance(outcome, (OutcomeAmended, OutcomeUpheld)):
            continue
        original, label = standing[outcome.request_id]
        assert outcome.original == original, f"{outcome.event_id} is about another original"
        if isinstance(outcome, OutcomeAmended):
            assert outcome.previous_label == label != outcome.label, f"{outcome.event_id} amends what does not stand"
        else:
            assert outcome.label == label, f"{outcome.event_id} upholds what does not stand"
        standing[outcome.request_id] = (original, outcome.label)
        judged[outcome.request_id] += 1
    looks = Counter(event.request_id for event in world.events("assignments") if isinstance(event, CaseReopened))
    for name, case in latest_cases(world).items():
        under_way = case.status is CaseStatus.OPEN and case.reopened_by is not None
        assert judged[name] == looks[name] - under_way, f"{name}: {looks[name]} second looks, {judged[name]} judgements"


def every_draw_is_answered_expired_or_open(world: World) -> None:
    """No appeal, and no second look, makes an audit disappear."""
    audits = world.events("audits")
    over = Counter(event.request_id for event in audits if isinstance(event, (AuditAnswered, AuditExpired)))
    cases = latest_cases(world)
    for event in audits:
        if isinstance(event, AuditDrawn):
            name, case = event.request_id, cases[event.request_id]
            ends = over[name] + (case.status is CaseStatus.OPEN and case.reopened_by is None)
            assert ends == 1, f"the draw of {name} ends {ends} times"


def tallies_cover_the_inputs_once(world: World) -> None:
    """Ranges of one stage never overlap, and hold every record that it has read."""
    covered: dict[tuple[str, str, int], list[tuple[int, int]]] = defaultdict(list)
    for tally in world.events("tallies"):
        for r in tally.ranges:
            covered[(tally.stage, r.topic, r.partition)].append((r.first, r.last))
    for where, ranges in covered.items():
        ordered = sorted(ranges)
        for (_, last), (first, _) in zip(ordered, ordered[1:], strict=False):
            assert last < first, f"{where}: ranges overlap at {first}"
    for record in world.log.read_all("requests"):
        ranges = covered[("inference", "requests", record.partition)]
        assert _inside(record.offset, ranges), f"no tally covers the request at {record[:3]}"


def _inside(offset: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= offset <= last for first, last in ranges)
