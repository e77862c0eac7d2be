"""The live state is the fold of the records, and the screen shows it."""

import io
from collections.abc import Mapping

import pytest
from rich.console import Console

from infra.kafka.log import Record, TopicPartition
from infra.kafka.publisher import publish
from infra.observe.flow import FlowState
from infra.observe.flow_command import snapshot
from infra.observe.flow_reading import FlowReader
from infra.observe.flow_screen import FlowScreen, plain
from schemas.events import CaseEscalated, CommandRefused, ModelPromoted, StageTallied
from schemas.topics import ASSIGNMENTS, MODELS, TALLIES
from schemas.values import DecidedBy, EscalatedBy, OffsetRange, Priority, SampleKind
from tests.support.people_log import PeopleLog
from tests.support.recorded import CODEC, START, Recorded
from tests.support.simlog import SimulatedLog, SimulatedReader


def flow(log: Recorded) -> FlowState:
    state = FlowState()
    for entry in log.entries:
        state.add(entry)
    return state


def test_decisions_and_shares_follow_the_outcomes() -> None:
    log = Recorded()
    for number in range(3):
        log.outcome(f"a{number}", log.request(f"a{number}"))
    log.reviewed("r", log.request("r"))
    state = flow(log)
    assert (state.decisions, state.automation, state.decided[DecidedBy.REVIEWER]) == (4, 0.75, 1)
    assert state.records["requests"] == 4


def test_each_workflow_has_its_own_figures() -> None:
    log = Recorded()
    for number in range(3):
        log.outcome(f"a{number}", log.request(f"a{number}"))
    log.outcome("r", log.request("r", workflow="loans"), by=DecidedBy.REVIEWER, workflow="loans")
    log.audited("a1", log.request("a1"))
    state = flow(log)
    made = snapshot(state)["workflows"]
    assert isinstance(made, dict)
    assert {name: (each["decisions"], each["automation"]) for name, each in made.items()} == {
        "moderation": (3, 1.0), "loans": (1, 0.0),
    }  # fmt: skip
    assert [state.workflows[name].automatic_accuracy for name in ("moderation", "loans")] == [1.0, None]


def test_before_any_answer_no_share_is_claimed() -> None:
    state = FlowState()
    assert (state.automation, state.weighted_accuracy, state.automatic_accuracy) == (None, None, None)


def test_a_case_is_in_its_queue_until_it_is_closed() -> None:
    log = Recorded()
    requests = {name: log.request(name) for name in ("a", "b")}
    for name, request in requests.items():
        log.opened(name, request)
    log.write(
        ASSIGNMENTS.message(
            CaseEscalated(
                event_id="e", request_id="b", workflow="moderation", sequence=2, revision=2, cause=requests["b"],
                occurred_at=START, escalated_by=EscalatedBy.PERSON,
            )
        )
    )  # fmt: skip
    state = flow(log)
    assert (state.queues()[Priority.NORMAL], state.queues()[Priority.HIGH], state.with_expert) == (1, 1, {"b"})
    log.closed("b", requests["b"])
    state = flow(log)
    assert (state.queues()[Priority.NORMAL], state.queues()[Priority.HIGH], state.with_expert) == (1, 0, set())


def test_who_has_a_case_is_shown_until_it_is_free_or_goes_on() -> None:
    people = PeopleLog()
    for name in ("claimed", "held", "answered", "returned", "resumed"):
        people.move("open", name, 0)
        people.move("claim", name, 0)
    for move, name in (("hold", "held"), ("receive", "answered"), ("pass_on", "returned"), ("return", "returned")):
        people.move(move, name, 0)
    people.move("hold", "resumed", 0)
    people.move("resume", "resumed", 0)
    people.move("prioritise", "claimed", 3)
    state = flow(people.log)
    assert (state.claimed, state.on_hold, state.with_expert) == ({"claimed"}, {"held"}, set())
    assert state.open_cases["claimed"] is Priority.LOW
    made = snapshot(state)
    assert (made["claimed"], made["on_hold"]) == (1, 1)
    out = io.StringIO()
    Console(file=out, width=140).print(FlowScreen(state))
    assert "(0 with experts, 1 claimed, 1 held)" in out.getvalue()
    people.move("answer", "claimed", 0)
    assert flow(people.log).claimed == set()


def test_refused_commands_are_counted_beside_refused_answers() -> None:
    log = Recorded()
    log.write(
        ASSIGNMENTS.message(
            CommandRefused(
                event_id="e", request_id="b", sequence=2, cause=log.request("b"), occurred_at=START, command_id="c",
                reviewer_id="ann", action="claim", reason="already_leased", detail="bob has it",
            )
        )
    )  # fmt: skip
    state = flow(log)
    assert snapshot(state)["refused_commands"] == {"already_leased": 1}
    assert "answers refused: 0; commands 1 (already_leased 1)" in plain(FlowScreen(state))


def test_accuracy_is_weighted_by_the_inclusion_probability() -> None:
    log = Recorded()
    for number in range(10):
        log.audited(f"a{number}", log.request(f"a{number}"), share=0.05)
        agrees = number >= 5
        log.audited(f"b{number}", log.request(f"b{number}"), kind=SampleKind.BLIND, share=0.5, agrees=agrees)
    state = flow(log)
    assert state.weighted_accuracy == pytest.approx((10 / 0.05 + 5 / 0.5) / (10 / 0.05 + 10 / 0.5))
    assert state.automatic_accuracy == 1.0


def test_a_stage_is_behind_by_what_it_has_not_tallied() -> None:
    log = Recorded()
    places = [log.request(f"a{number}") for number in range(50)]
    first = next(place for place in places if place.partition == 0)
    ranges = (OffsetRange(topic="requests", partition=0, first=0, last=first.offset),)
    log.write(
        TALLIES.message(
            StageTallied(event_id="t", stage="inference", slot="0", ranges=ranges, rows=(), occurred_at=START)
        )
    )
    assert flow(log).lags() == {"inference": 49}


def test_rates_are_taken_over_the_last_seconds() -> None:
    state, log = FlowState(), Recorded()
    for second in range(21):
        for number in range(10):
            log.request(f"{second}-{number}")
            state.add(log.entries[-1])
        state.sample(float(second))
    assert state.rate("requests") == pytest.approx(10.0)
    assert state.rate("decisions") == 0.0


def promoted(digest: str, previous: str | None) -> ModelPromoted:
    return ModelPromoted(
        event_id=digest, workflow="moderation", model_digest=digest, uri="u", previous_digest=previous, version=1,
        reason="log-loss fell", feedback_end_offset=0, promoted_at=START,
    )  # fmt: skip


def test_the_screen_shows_flow_queues_lag_and_models() -> None:
    log = Recorded()
    log.outcome("a", log.request("a"))
    log.opened("b", log.request("b"))
    log.dead_letter(log.poison())
    log.write(MODELS.message(promoted("first-model", None)))
    log.write(MODELS.message(promoted("second-model", "first-model")))
    state = flow(log)
    screen = FlowScreen(state, expected=10)
    screen.head = "streaming"
    out = io.StringIO()
    Console(file=out, width=140).print(screen)
    for text in (
        "1 of 10",
        "second-model",
        "1 promoted",
        "undecodable 1",
        "review.normal",
        "streaming",
        "log-loss fell",
    ):
        assert text in out.getvalue()
    assert any(line.startswith("automatic, of those decided: 100.0%") for line in plain(screen))
    assert snapshot(state)["promotions"] == 1


def test_what_was_written_before_is_caught_up_with_even_when_the_first_read_finds_nothing() -> None:
    class SlowToConnect(SimulatedLog):
        def reader(self, start: Mapping[TopicPartition, int]) -> SimulatedReader:
            return Slow(self, start)

    class Slow(SimulatedReader):
        connected = False

        def read(self, max_records: int, timeout_seconds: float) -> list[Record]:
            ready, self.connected = self.connected, True
            return super().read(max_records, timeout_seconds) if ready else []

    log = SlowToConnect(partitions=1, wall=lambda: START)
    publish(log, CODEC, [MODELS.message(promoted("m", None))])
    state = FlowState()
    FlowReader(log, CODEC, state).catch_up()
    assert state.model == "m"


def test_the_reader_counts_what_it_need_not_decode() -> None:
    log, recorded = SimulatedLog(partitions=4, wall=lambda: START), Recorded()
    recorded.outcome("a", recorded.request("a"))
    for entry in recorded.entries:
        log.append(next(p for p in log.data if p.topic == entry.topic), entry.key, entry.value, None)
    publish(log, CODEC, [MODELS.message(promoted("m", None))])
    state = FlowState()
    reader = FlowReader(log, CODEC, state)
    assert reader.step(0.0) == 3
    assert (state.records["requests"], state.decisions, state.model) == (1, 1, "m")
