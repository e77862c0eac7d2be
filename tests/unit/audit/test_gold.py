"""Questions whose answer is known in the account: cases of no request, open or answered, in no figure of requests."""

from consumers.audit.export import feedback_row, outcome_row
from consumers.audit.ledger import IsGold, known_by, nobody_knows
from consumers.audit.report import Report, report
from consumers.audit.show import gold_text, report_text
from schemas.values import ClosedBy
from streams.casework.sealing import Sealer
from streams.workflow.telling import told_by
from tests.support.recorded import CODEC, PARTITIONS, SEALER, Recorded

BY_SEAL = known_by(SEALER)


def asked(*, answered: bool = True) -> Recorded:
    """A request that a reviewer decided, one that waits, and a question that seems to lie in the latter's place."""
    log = Recorded()
    log.reviewed("reviewed", log.request("reviewed"), took=60_000)
    waiting = log.request("waiting")
    log.opened("waiting", waiting)
    log.question("question", waiting)
    if answered:
        log.known("question", waiting, agrees=False)
    return log


def made(log: Recorded, is_gold: IsGold = BY_SEAL) -> Report:
    return report(log.entries, partitions=PARTITIONS, is_gold=is_gold)


def test_an_open_question_is_counted_apart_and_hides_no_request() -> None:
    found = made(asked(answered=False))
    assert found.reconciliation.reconciled, found.reconciliation.problems
    counts = found.workflows["moderation"]
    assert (counts.gold_cases, counts.requests, counts.open_cases, counts.outcomes) == (1, 2, 1, 1)
    assert counts.kpis and counts.kpis.automation_rate.details["requests"] == 2


def test_an_answered_question_is_known_without_the_seal_key() -> None:
    found = made(asked(), nobody_knows)
    assert found.reconciliation.reconciled, found.reconciliation.problems
    counts = found.workflows["moderation"]
    assert (counts.gold_cases, counts.open_cases, counts.reviewed) == (1, 1, 1)
    assert counts.kpis and counts.kpis.human_review_latency.details["count"] == 1, "no request was reviewed by it"
    assert counts.kpis.automation_rate.details["requests"] == 2


def test_without_the_key_an_open_question_is_an_open_case_of_no_request() -> None:
    for is_gold in (nobody_knows, known_by(Sealer(bytes(64)))):
        found = made(asked(answered=False), is_gold)
        assert not found.reconciliation.reconciled
        assert {problem.request_id for problem in found.reconciliation.problems} == {"question", "waiting"}


def test_a_question_that_nobody_answered_is_still_one() -> None:
    log = asked(answered=False)
    log.closed("question", log.entries[0].coordinates, by=ClosedBy.EXPIRED)
    found = made(log)
    assert found.reconciliation.reconciled and found.workflows["moderation"].gold_cases == 1


def test_a_question_under_the_id_of_a_request_shows() -> None:
    log = asked()
    log.known("reviewed", log.entries[0].coordinates)
    found = made(log).reconciliation
    assert not found.reconciled
    assert [problem.request_id for problem in found.problems if problem.kind == "foreign"] == ["reviewed"]


def test_the_account_and_the_story_say_what_it_was() -> None:
    log = asked()
    assert "gold cases" in report_text(made(log)).replace("_", " ")
    told = told_by([entry for entry in log.entries if getattr(entry.event, "request_id", None) == "question"])
    assert told is not None and told.story.gold is not None
    assert "ann answered reject, where approve is right" in gold_text(told.story.gold)


def test_no_export_of_outcomes_or_labels_holds_it() -> None:
    entries = asked().entries
    outcomes = [row.request_id for row in map(outcome_row, entries) if row is not None]
    assert outcomes == ["reviewed"]
    assert [row for row in (feedback_row(each, CODEC) for each in entries) if row is not None] == []
