"""Casework under every order of what people, the clock, aborts and crashes do to it, step by step.

After each step nobody shares a case, nothing counts twice, every refusal says why, and what is known is the fold of
what is on record. At the end no case is lost or starved, and the record replays to the same bytes.
"""

from collections import Counter
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schemas.events import (
    AppealNoted,
    AuditAnswered,
    CaseActionRequested,
    CommandRefused,
    DecisionMade,
    DecisionRefused,
    LeaseEnded,
    LeaseGranted,
    ReviewDecided,
)
from schemas.topics import APPEALS, EXPERT, REVIEW, REVIEW_COMMANDS, REVIEW_DECISIONS
from schemas.values import CaseStatus, Coordinates, SampleKind
from streams.casework.case import CaseEvent
from tests.simulation.holding import Written, nobody_answers_twice, one_owner_at_a_time
from tests.simulation.invariants import Place, place
from tests.unit.casework.appealing import appeal
from tests.unit.casework.driver import CLASSES, HOUR, Table, action, decision, expert_review, request_ids, review
from tests.unit.casework.replaying import fold, replayed
from tests.unit.casework.working import LEASE, MINUTE, enrolled, table

IDS: Final = request_ids(0, 3)
OWNER: Final = "whoever has it"
PEOPLE: Final = (OWNER, OWNER, OWNER, "ada", "bob", "cid", "lea", "lea", "rae", "ina")
ENROLLED: Final = (  # nobody says anything of the others, so nothing is forbidden to them
    enrolled("lea", "reviewer", "expert", "lead"),
    enrolled("rae", "reviewer"),
    enrolled("ina", active=False),
)
COMMANDS: Final = ("claim", "claim", "renew", "release", "hold", "note", "hand_over", "return", "reprioritise", "undo")
SEVERAL: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"overlap": 2, "most_answers": 3},
    {"overlap": 2, "most_answers": 3, "adaptive": True},
    {"four_eyes": (1,)},
    {"validation": 0.3},
)
ANNOUNCING: Final = (*(topic.name for topic in REVIEW.values()), EXPERT.name)
WRITTEN: Final = (REVIEW_COMMANDS.name, REVIEW_DECISIONS.name)
READ: Final = (*ANNOUNCING, *WRITTEN, APPEALS.name)
GRACE: Final = st.sampled_from([0.0, 0.0, 5.0])
KINDS: Final = (SampleKind.REVIEW, SampleKind.BLIND, SampleKind.AUDIT)
SOON: Final = st.integers(0, 4)
LEASES: Final = st.sampled_from(["", "now", "old"])
STEPS: Final = (0, 0, 1_000, 5_000, MINUTE, LEASE, LEASE, HOUR, 25 * HOUR)
people, ids = st.sampled_from(PEOPLE), st.sampled_from(IDS)


class Interleaving(RuleBasedStateMachine):
    """A table at which anything may happen next."""

    def __init__(self) -> None:
        super().__init__()
        self.at: Table = table("review_timeout_hours = 24", *ENROLLED)
        self.written = 0

    # ---- what people write; it is read at once, later, or in a transaction that aborts ----

    @initialize(kinds=st.lists(st.sampled_from(KINDS), min_size=2, max_size=2), several=st.sampled_from(SEVERAL))
    def ask(self, kinds: list[SampleKind], several: dict[str, Any]) -> None:
        due = self.at.lane.now + 24 * HOUR
        for name, kind in zip(IDS, kinds, strict=False):
            self.at.write("review.normal", review(name, kind=kind, due_at=due, **several))
        self.at.write("expert", expert_review(IDS[-1], due_at=due))

    @rule(name=ids, who=people, label=st.sampled_from(CLASSES), lease=LEASES, grace=GRACE, escalates=SOON, soon=SOON)
    def decide(self, name: str, who: str, label: str, lease: str, grace: float, escalates: int, soon: int) -> None:
        if (where := self._announced(name)) is not None:
            said = "escalate" if not escalates else "approve" if label == CLASSES[0] else "reject"
            event = decision(
                where, said, request_id=name, label=None if not escalates else label, reviewer_id=self._who(name, who),
                decision_id=self._next(), lease=self._token(name, lease), grace_seconds=grace,
            )  # fmt: skip
            self.at.write(REVIEW_DECISIONS.name, event, at=self.at.lane.now)
            self._read_if(soon, REVIEW_DECISIONS.name)

    @rule(name=ids, what=st.sampled_from(COMMANDS), who=people, lease=LEASES, to=people, soon=SOON)
    def command(self, name: str, what: str, who: str, lease: str, to: str, soon: int) -> None:
        now = self.at.lane.now
        event = action(
            what, self._who(name, who), request_id=name, lease=self._token(name, lease), resumes_at=now + HOUR,
            note="look", to_reviewer=self._who(name, to), priority=("urgent", "low")[self.written % 2],
        )  # fmt: skip
        self.at.write(REVIEW_COMMANDS.name, event, at=now)
        self._read_if(soon, REVIEW_COMMANDS.name)

    @precondition(lambda self: any(isinstance(event, DecisionMade) for event in self.at.events))
    @rule(filed_by=people)
    def contest(self, filed_by: str) -> None:
        made = next(event for event in reversed(self.at.events) if isinstance(event, DecisionMade))
        filed = appeal(made, made.request_id, appeal_id=self._next(), filed_by=filed_by)
        self.at.write(APPEALS.name, filed, at=self.at.lane.now)

    def _read_if(self, soon: int, topic: str) -> None:
        if soon:
            for each in (*ANNOUNCING, topic):
                self.read(each, 1)

    def _who(self, name: str, who: str) -> str:
        """This person, or whoever has the case, set it aside or has just answered it."""
        case = self.at.lane.state.get(name)
        if who != OWNER or case is None:
            return "ada" if who == OWNER else who
        pending = case.pending.answer if case.pending is not None else None
        return next((each.reviewer_id for each in (case.lease, case.hold, pending) if each is not None), "ada")

    def _announced(self, name: str) -> Coordinates | None:
        """Where the newest announcement of a case lies, read by casework or not."""
        case = self.at.lane.state.get(name)
        found = [
            Coordinates(topic=topic, partition=0, offset=offset)
            for topic in ANNOUNCING
            for offset, (key, _) in enumerate(self.at.topics[topic])
            if key.decode() == name
        ]
        return case.review if case is not None and case.review is not None else found[-1] if found else None

    def _token(self, name: str, which: str) -> int | None:
        granted = [e.lease for e in self.at.events if isinstance(e, LeaseGranted) and e.request_id == name]
        return None if not granted or not which else granted[-1] if which == "now" else granted[0]

    def _next(self) -> str:
        self.written += 1
        return f"w{self.written}"

    # ---- what machines do ----

    @rule(topic=st.sampled_from(READ), commit=st.integers(0, 4))
    def read(self, topic: str, commit: int) -> None:
        self.at.read(self._unread(topic), commit=commit > 0)

    @rule(commit=st.integers(0, 4))
    def read_everything(self, commit: int) -> None:
        self.at.read([each for topic in READ for each in self._unread(topic)], commit=commit > 0)

    @rule(step=st.sampled_from(STEPS), commit=st.integers(0, 2))
    def time_passes(self, step: int, commit: int) -> None:
        """And casework looks at the clock: it ends no lease before everything written in its term was read."""
        self.at.lane.now += step
        unread = [self.at.message(*each).timestamp for topic in WRITTEN for each in self._unread(topic)]
        before = dict(self.at.lane.state.committed)
        for event in self.at.tick(commit=commit > 0):
            if isinstance(event, LeaseEnded) and (lease := before[event.request_id].lease) is not None:
                assert all(at >= lease.expires_at for at in unread), event

    @rule()
    def crash(self) -> None:
        self.at.restart()

    def _unread(self, topic: str) -> list[tuple[str, int]]:
        return [(topic, n) for n in range(self.at.reached[topic], len(self.at.topics[topic]))]

    def _settle(self) -> None:
        """Everything is read, and the clock has done what is due."""
        for _ in range(50):
            before = len(self.at.events)
            self.read_everything(1)
            self.at.tick()
            if len(self.at.events) == before and not any(self._unread(topic) for topic in READ):
                return
        raise AssertionError("casework does not come to rest")

    # ---- what must hold ----

    @invariant()
    def nobody_shares_a_case_and_nothing_counts_twice(self) -> None:
        written = self._written()
        for name in IDS:
            history = [
                event
                for event in self.at.events
                if isinstance(event, CaseEvent) and event.request_id == name and not isinstance(event, AppealNoted)
            ]
            one_owner_at_a_time(name, history, written)
            nobody_answers_twice(name, history, written)
        for kind in (DecisionMade, AuditAnswered):
            counts = Counter(event.request_id for event in self.at.events if isinstance(event, kind))
            assert set(counts.values()) <= {1}, (kind, counts)

    def _written(self) -> dict[Place, Written]:
        return {
            (topic, 0, offset): Written(event, self.at.message(topic, offset).timestamp)
            for topic in WRITTEN
            for offset, (_, event) in enumerate(self.at.topics[topic])
            if isinstance(event, ReviewDecided | CaseActionRequested)
        }

    @invariant()
    def every_refusal_says_why_and_is_the_only_one(self) -> None:
        refused = [event for event in self.at.events if isinstance(event, DecisionRefused | CommandRefused)]
        assert all(event.reason and len(event.detail) > 20 for event in refused)
        counts = Counter(place(event.cause) for event in refused)
        assert set(counts.values()) <= {1}

    @invariant()
    def what_is_known_is_the_fold_of_what_is_on_record(self) -> None:
        assert self.at.cases() == self.at.lane.state.committed == fold(self.at.history())

    @invariant()
    def a_case_is_in_one_hand_at_most(self) -> None:
        for case in self.at.lane.state.committed.values():
            assert sum(each is not None for each in (case.lease, case.hold, case.pending)) <= 1, case

    def teardown(self) -> None:
        self._settle()
        self.every_answer_had_its_effect()
        self.what_ran_out_is_free_after_the_next_look()
        self.what_is_known_is_the_fold_of_what_is_on_record()
        replayed(self.at)

    def every_answer_had_its_effect(self) -> None:
        told = (event for event in self.at.events if isinstance(event, CaseEvent | DecisionRefused | CommandRefused))
        causes = {place(event.cause) for event in told}
        assert set(self._written()) <= causes

    def what_ran_out_is_free_after_the_next_look(self) -> None:
        """No case is lost, and none waits for ever: once whoever had it let their time pass, a stranger gets it."""
        assert set(self.at.lane.state.committed) == {key.decode() for t in ANNOUNCING for key, _ in self.at.topics[t]}
        self.at.lane.now += LEASE + HOUR
        self._settle()
        for name, case in self.at.cases().items():
            if case.status is CaseStatus.OPEN:
                self.at.command(action("claim", "zoe", request_id=name), at=self.at.lane.now)
                lease = self.at.cases()[name].lease
                assert lease is not None and lease.reviewer_id == "zoe", case


TestInterleaving = Interleaving.TestCase
TestInterleaving.settings = settings(max_examples=250, stateful_step_count=50, deadline=None)
