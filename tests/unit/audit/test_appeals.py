"""How often appeals change decisions: counted once each, for whoever took what was appealed, with exact intervals."""

from random import Random

import pytest

from consumers.audit.appeals import Appeals, overturned
from consumers.audit.report import report
from consumers.audit.show import report_text
from schemas.values import DecidedBy, ReopenedBy
from tests.support.recorded import PARTITIONS, Recorded


def appealed(log: Recorded, name: str, *, amends: bool | None, decided_by: str | None = None) -> None:
    """A decision of automation or of a person against which somebody appeals; `None`: not judged yet."""
    request = log.request(name)
    by = DecidedBy.AUTOMATION if decided_by is None else DecidedBy.REVIEWER
    log.outcome(name, request, by=by, reviewer_id=decided_by)
    log.reopened(name, request, decided_by=decided_by)
    if amends is not None:
        log.judged(name, request, amends=amends)
        log.closed(name, request)


def log_of_appeals() -> Recorded:
    log = Recorded()
    appealed(log, "a", amends=True)
    appealed(log, "b", amends=False, decided_by="ann")
    appealed(log, "c", amends=True, decided_by="ann")
    appealed(log, "d", amends=False, decided_by="bob")
    appealed(log, "e", amends=None, decided_by="bob")
    elsewhere = log.request("g", workflow="loans")
    log.outcome("g", elsewhere, workflow="loans")
    log.judged("g", elsewhere, amends=True, workflow="loans")
    validated = log.request("f")
    log.outcome("f", validated, by=DecidedBy.REVIEWER, reviewer_id="ann")
    log.judged("f", validated, amends=True, by=ReopenedBy.VALIDATION)
    return log


def test_rates_are_those_of_appeals_alone_and_of_each_who_decided() -> None:
    found = report(log_of_appeals().entries, partitions=PARTITIONS).workflows["moderation"]
    assert (found.appeals.all.amended, found.appeals.all.judged, found.appeals.all.rate) == (2, 4, 0.5)
    assert (found.appeals.automation.amended, found.appeals.automation.judged) == (1, 1)
    people = {name: (of.amended, of.judged) for name, of in found.appeals.people.items()}
    assert people == {"ann": (1, 2), "bob": (0, 1)}
    assert (found.amended, found.upheld) == (3, 2), "what chance drew for an expert is judged anew, but no appeal"


def test_order_and_repeats_make_no_difference() -> None:
    entries = log_of_appeals().entries * 2
    Random(5).shuffle(entries)
    appeals, in_order = Appeals(), Appeals()
    for entry in entries:
        appeals.add(entry)
    for entry in log_of_appeals().entries:
        in_order.add(entry)
    assert appeals.of("moderation") == in_order.of("moderation")


@pytest.mark.parametrize(("amended", "low", "high"), [(0, 0.0, 0.3085), (3, 0.0667, 0.6525), (10, 0.6915, 1.0)])
def test_the_interval_is_the_exact_one_of_a_share_among_ten(amended: int, low: float, high: float) -> None:
    """As any table of Clopper and Pearson's limits has it."""
    found = overturned([True] * amended + [False] * (10 - amended))
    assert (found.rate, found.low, found.high) == (amended / 10, low, high)
    assert overturned([]).rate is None


def test_the_report_says_so_in_words() -> None:
    text = " ".join(report_text(report(log_of_appeals().entries, partitions=PARTITIONS)).split())
    assert "moderation: 2 of 4 (50.0%," in text
    assert "of automation 1 of 1" in text and "of ann 1 of 2" in text and "of bob 0 of 1" in text
    quiet = Recorded()
    quiet.reviewed("a", quiet.request("a"))
    assert "appealed" not in report_text(report(quiet.entries, partitions=PARTITIONS))
