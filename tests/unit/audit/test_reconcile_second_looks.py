"""Decisions judged anew in the account: they owe no outcome, and make no second original."""

from consumers.audit.reconcile import Counts
from consumers.audit.report import overturn_rate, report
from tests.support.recorded import PARTITIONS, Recorded
from tests.unit.audit.test_reconcile import account


def appealed(*, closed: bool = True, amends: bool = True, original: str | None = None) -> Recorded:
    """An automatic decision that is judged anew."""
    log = Recorded()
    request = log.request("a")
    log.outcome("a", request)
    log.reopened("a", request)
    if closed:
        log.judged("a", request, amends=amends, original=original)
        log.closed("a", request)
    return log


def counts(log: Recorded) -> Counts:
    made = account(log.entries)
    assert made.reconciled, made.problems
    return made.workflows["moderation"]


def test_a_decision_that_is_judged_anew_is_no_open_case_and_no_double() -> None:
    found = counts(appealed(closed=False))
    assert (found.outcomes, found.open_cases, found.open_second_looks) == (1, 0, 1)


def test_amendments_and_confirmations_are_counted_beside_the_outcomes() -> None:
    found = counts(appealed())
    assert (found.outcomes, found.automatic, found.amended, found.upheld, found.open_second_looks) == (1, 1, 1, 0, 0)
    found = counts(appealed(amends=False))
    assert (found.outcomes, found.amended, found.upheld) == (1, 0, 1)


def test_a_judgement_of_no_outcome_of_its_request_is_foreign() -> None:
    made = account(appealed(original="outcome:b").entries)
    assert (made.reconciled, made.foreign) == (False, 1)
    assert "which is no outcome of this request" in made.problems[0].detail


def test_a_second_original_is_still_double() -> None:
    log = appealed()
    log.outcome("a", log.entries[0].coordinates, event_id="outcome:a:again")
    made = account(log.entries)
    assert (made.reconciled, made.double) == (False, 1)


def test_an_open_second_look_without_the_original_is_missing() -> None:
    log = Recorded()
    log.reopened("a", log.request("a"))
    made = account(log.entries)
    assert (made.reconciled, made.missing) == (False, 1)


def test_the_overturn_rate_is_known_once_something_was_judged_anew() -> None:
    assert overturn_rate(Counts()) is None
    assert overturn_rate(Counts(amended=1, upheld=3)) == 0.25
    made = report(appealed().entries, partitions=PARTITIONS)
    assert made.workflows["moderation"].overturn_rate == 1.0
