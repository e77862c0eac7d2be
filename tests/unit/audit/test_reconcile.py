"""The account of a log: what belongs where, and that every way of tampering with it shows."""

from collections.abc import Callable

import pytest

from consumers.audit.ledger import RECONCILED_TOPICS, Ledger
from consumers.audit.reconcile import Reconciliation, reconcile
from infra.kafka.log import TopicPartition
from infra.kafka.scan import Entry, scan
from schemas import events as e
from schemas.topics import CASES, PREDICTIONS
from schemas.values import Coordinates, DecidedBy, SampleKind
from tests.support.recorded import CODEC, PARTITIONS, Recorded
from tests.support.simlog import SimulatedLog

HOUR = 3_600_000


def account(entries: list[Entry]) -> Reconciliation:
    ledger = Ledger(PARTITIONS)
    for entry in entries:
        ledger.add(entry)
    return reconcile(ledger)


def healthy() -> Recorded:
    """One of everything that may happen to a request."""
    log = Recorded()
    automatic = log.request("automatic")
    log.prediction("automatic", automatic)
    log.outcome("automatic", automatic)
    log.reviewed("reviewed", log.request("reviewed"))
    log.reviewed("expert", log.request("expert"), by=DecidedBy.EXPERT)
    log.opened("waiting", log.request("waiting"))
    audited = log.request("audited")
    log.outcome("audited", audited)
    log.drawn("audited", audited)
    log.opened("audited", audited)
    log.audited("audited", audited)
    log.closed("audited", audited)
    auditing = log.request("auditing")
    log.outcome("auditing", auditing)
    log.drawn("auditing", auditing)
    log.opened("auditing", auditing)
    log.request("automatic")  # an identical repeat
    log.dead_letter(log.poison())
    conflict = log.request("reviewed", text="something else")
    log.dead_letter(log.prediction("reviewed", conflict), reason="id_conflict")
    return log


def test_every_record_of_requests_is_accounted_for() -> None:
    made = account(healthy().entries)
    assert made.reconciled, made.problems
    assert (made.requests, made.missing, made.double, made.foreign) == (9, 0, 0, 0)
    counts = made.workflows["moderation"]
    assert (counts.requests, counts.duplicates, counts.dead_letters) == (8, 1, 1)
    assert (counts.outcomes, counts.automatic, counts.reviewed, counts.expert) == (5, 3, 1, 1)
    assert (counts.open_cases, counts.open_audits, counts.audits) == (1, 1, 2)
    assert counts.requests == counts.outcomes + counts.open_cases + counts.duplicates + counts.dead_letters
    assert made.workflows["_unknown"].requests == made.workflows["_unknown"].dead_letters == 1


def test_the_order_in_which_topics_are_read_does_not_matter() -> None:
    by_topic = sorted(healthy().entries, key=lambda entry: entry.topic)
    assert account(by_topic) == account(by_topic[::1])
    assert account(by_topic).reconciled


def without(
    kind: type[e.DecisionMade | e.CaseSnapshot | e.AuditAnswered], request_id: str
) -> Callable[[list[Entry]], list[Entry]]:
    def tamper(entries: list[Entry]) -> list[Entry]:
        kept = [x for x in entries if not (isinstance(x.event, kind) and x.event.request_id == request_id)]
        assert len(kept) < len(entries)
        return kept

    return tamper


def without_dead_letter(number: int) -> Callable[[list[Entry]], list[Entry]]:
    def tamper(entries: list[Entry]) -> list[Entry]:
        dead = [entry for entry in entries if isinstance(entry.event, e.DeadLettered)][number]
        return [entry for entry in entries if entry is not dead]

    return tamper


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(without(e.DecisionMade, "automatic"), id="automatic outcome"),
        pytest.param(without(e.DecisionMade, "reviewed"), id="reviewed outcome"),
        pytest.param(without(e.CaseSnapshot, "waiting"), id="open case"),
        pytest.param(without(e.DecisionMade, "auditing"), id="outcome behind an open audit"),
        pytest.param(without_dead_letter(0), id="dead letter of poison"),
        pytest.param(without_dead_letter(1), id="dead letter of a conflict"),
    ],
)
def test_what_was_taken_out_is_missing(tamper: Callable[[list[Entry]], list[Entry]]) -> None:
    made = account(tamper(healthy().entries))
    assert not made.reconciled
    assert made.missing == 1
    assert made.double == 0


def place_of(log: Recorded, request_id: str) -> Coordinates:
    return next(
        entry.coordinates
        for entry in log.entries
        if isinstance(entry.event, e.DecisionRequested) and entry.event.request_id == request_id
    )


@pytest.mark.parametrize("event_id", ["outcome:automatic", "invented"])
def test_a_second_outcome_of_a_request_is_double(event_id: str) -> None:
    log = healthy()
    log.outcome("automatic", place_of(log, "automatic"), event_id=event_id)
    made = account(log.entries)
    assert (made.reconciled, made.double, made.missing) == (False, 1, 0)


def test_an_outcome_beside_an_open_case_is_double() -> None:
    log = healthy()
    log.outcome("waiting", place_of(log, "waiting"))
    assert account(log.entries).double == 1


def test_an_outcome_of_a_duplicate_is_double() -> None:
    log = healthy()
    repeat = log.request("automatic")
    assert account(log.entries).reconciled
    log.outcome("automatic", repeat)
    assert account(log.entries).double == 1


def test_a_second_dead_letter_and_an_outcome_beside_one_are_double() -> None:
    log = Recorded()
    conflict = log.request("a", text="b")
    log.dead_letter(conflict)
    log.dead_letter(conflict)
    assert account(log.entries).double == 1
    log.outcome("a", conflict)
    assert account(log.entries).double == 2


def test_a_repeat_beyond_the_window_is_late_and_not_double() -> None:
    log = Recorded()
    log.outcome("a", log.request("a"))
    log.clock += HOUR + 1_000
    repeat = log.request("a")
    assert account(log.entries).reconciled
    log.outcome("a", repeat)
    made = account(log.entries)
    assert made.reconciled, made.problems
    counts = made.workflows["moderation"]
    assert (counts.late_repeats, counts.duplicates, counts.outcomes) == (1, 0, 1)


def test_a_repeat_renews_its_id_in_the_window() -> None:
    log = Recorded()
    log.outcome("a", log.request("a"))
    for _ in range(3):
        log.clock += HOUR - 10_000
        log.request("a")
    made = account(log.entries)
    assert made.reconciled
    assert (made.workflows["moderation"].duplicates, made.workflows["moderation"].late_repeats) == (3, 0)


def test_a_late_repeat_decided_under_another_event_id_is_double() -> None:
    log = Recorded()
    log.outcome("a", log.request("a"))
    log.clock += HOUR + 1_000
    log.outcome("a", log.request("a"), event_id="minted")
    assert account(log.entries).double == 1


def test_a_conflict_within_the_window_needs_its_dead_letter() -> None:
    log = Recorded()
    log.outcome("a", log.request("a"))
    log.request("a", text="other")
    made = account(log.entries)
    assert (made.missing, made.problems[0].detail) == (
        1, "no dead letter, though it conflicts with an earlier request of the same id",
    )  # fmt: skip


def test_what_was_dead_lettered_does_not_count_as_the_first() -> None:
    log = Recorded()
    log.dead_letter(log.request("a", text="bad"), reason="unknown_workflow")
    log.outcome("a", log.request("a", text="good"))
    assert account(log.entries).reconciled


def test_a_record_under_a_foreign_key_needs_a_dead_letter() -> None:
    log = Recorded()
    log.request("a")
    stray = log.entries.pop()._replace(key=b"other")
    log.entries.append(stray)
    assert account(log.entries).missing == 1
    log.dead_letter(stray.coordinates, reason="wrong_key")
    assert account(log.entries).reconciled


def test_an_outcome_case_draw_or_dead_letter_of_nobodys_request_is_foreign() -> None:
    nowhere = Coordinates(topic="requests", partition=0, offset=999)
    intruders: list[Callable[[Recorded], object]] = [
        lambda log: log.outcome("ghost", nowhere),
        lambda log: log.opened("ghost", nowhere),
        lambda log: log.drawn("ghost", nowhere, kind=SampleKind.BLIND),
        lambda log: log.dead_letter(nowhere),
    ]
    for intrude in intruders:
        log = healthy()
        intrude(log)
        made = account(log.entries)
        assert (made.reconciled, made.foreign) == (False, 1)


def test_junk_among_the_predictions_is_a_dead_letter_of_nobodys_request() -> None:
    log = healthy()
    log.dead_letter(Coordinates(topic="predictions", partition=0, offset=999), reason="undecodable")
    made = account(log.entries)
    assert (made.reconciled, made.other_dead_letters) == (True, 1), made.problems


def test_an_outcome_among_the_predictions_is_none() -> None:
    log = healthy()
    log.outcome("automatic", place_of(log, "automatic"), event_id="by hand")
    stray = log.entries.pop()._replace(topic=PREDICTIONS.name, offset=999)
    log.entries.append(stray)
    log.dead_letter(stray.coordinates, reason="wrong_event")
    made = account(log.entries)
    assert made.reconciled, made.problems
    assert made.other_dead_letters == 1
    assert made.unreadable == account(healthy().entries).unreadable + 1


def test_a_copy_of_a_prediction_under_another_key_is_not_the_requests() -> None:
    log = healthy()
    log.prediction("automatic", place_of(log, "automatic"))
    copy = log.entries.pop()._replace(key=b"other", offset=999)
    log.entries.append(copy)
    log.dead_letter(copy.coordinates, reason="wrong_key")
    made = account(log.entries)
    assert made.reconciled, made.problems
    assert made.other_dead_letters == 1


class Arriving(SimulatedLog):
    """A log to which a request comes, with all that it leads to, whenever somebody has asked where a topic ends."""

    def __init__(self, lead: Callable[[Recorded, str, Coordinates], object]) -> None:
        super().__init__(partitions=PARTITIONS, wall=lambda: 1_700_000_000_000)
        self.lead, self.told, self.is_busy = lead, Recorded(), True

    def watermark(self, partition: TopicPartition) -> int:
        end, before = super().watermark(partition), len(self.told.entries)
        if self.is_busy:
            request_id = f"r{before}"
            self.lead(self.told, request_id, self.told.request(request_id))
            for entry in self.told.entries[before:]:
                self.append(TopicPartition(entry.topic, entry.partition), entry.key, entry.value, None)
        return end


@pytest.mark.parametrize(
    "lead",
    [
        pytest.param(lambda log, name, asked: log.outcome(name, asked), id="outcome"),
        pytest.param(lambda log, name, asked: log.opened(name, asked), id="open case"),
        pytest.param(lambda log, name, asked: log.reviewed(name, asked), id="answered case"),
        pytest.param(lambda log, _, asked: log.dead_letter(asked), id="dead letter"),
        pytest.param(lambda log, name, asked: log.dead_letter(log.prediction(name, asked)), id="letter of prediction"),
    ],
)
def test_under_live_traffic_nothing_is_foreign_or_double(
    lead: Callable[[Recorded, str, Coordinates], object],
) -> None:
    log = Arriving(lead)
    busy = account(list(scan(log, CODEC, RECONCILED_TOPICS)))
    assert busy.requests > 0
    assert (busy.foreign, busy.double, busy.other_dead_letters) == (0, 0, 0), busy.problems
    log.is_busy = False
    quiet = account(list(scan(log, CODEC, RECONCILED_TOPICS)))
    assert quiet.reconciled, quiet.problems


def test_an_outcome_that_names_another_requests_place_is_foreign() -> None:
    log = healthy()
    log.outcome("waiting", place_of(log, "automatic"))
    assert account(log.entries).foreign == 1


def test_an_audit_that_vanished_is_noticed() -> None:
    for kind in (e.AuditAnswered, e.CaseSnapshot):
        request_id = "audited" if kind is e.AuditAnswered else "auditing"
        made = account(without(kind, request_id)(healthy().entries))
        assert (made.reconciled, made.audits_missing) == (False, 1)


def test_an_expired_audit_is_accounted_for() -> None:
    log = Recorded()
    request = log.request("a")
    log.outcome("a", request)
    log.drawn("a", request)
    assert account(log.entries).audits_missing == 1
    log.expired("a", request)
    assert account(log.entries).reconciled


def test_a_tombstone_forgets_a_finished_case() -> None:
    log = healthy()
    log.append(CASES.name, b"reviewed", None, None)
    assert account(log.entries).reconciled
    log.append(CASES.name, b"waiting", None, None)
    made = account(log.entries)
    assert (made.missing, made.cases_apart) == (1, 1)  # the request has no case, and the case was never closed


def test_refused_answers_count_under_the_workflow_of_their_request() -> None:
    log = healthy()
    for request_id, workflow in (("waiting", None), ("ghost", None), ("x", "moderation")):
        refused = e.DecisionRefused(
            event_id=f"refused:{request_id}", request_id=request_id, workflow=workflow, sequence=0,
            cause=place_of(log, "waiting"), occurred_at=log.clock, decision_id="d", reviewer_id="ann",
            reason="finished", detail="tested",
        )  # fmt: skip
        log.append("assignments", request_id.encode(), b"", refused)
    made = account(log.entries)
    assert made.workflows["moderation"].refused == 2
    assert made.workflows["_unknown"].refused == 1


def test_dead_letters_of_other_topics_are_counted_apart() -> None:
    log = healthy()
    log.dead_letter(Coordinates(topic="review-decisions", partition=0, offset=0))
    made = account(log.entries)
    assert made.reconciled
    assert made.other_dead_letters == 1
