"""The story of a request and the account of a log, as people read them."""

import pytest

from consumers.audit.report import report
from consumers.audit.show import report_text, story_text, verdict_text
from streams.insights.kpis import Kpi
from streams.insights.wording import value_text
from streams.workflow.telling import told_by
from tests.support.recorded import PARTITIONS
from tests.unit.audit.test_reconcile import healthy


def test_the_story_tells_where_a_request_stands_and_what_happened() -> None:
    entries = [x for x in healthy().entries if getattr(x.event, "request_id", None) == "audited"]
    told = told_by(list(reversed(entries)))
    assert told is not None
    assert (told.story.request_id, told.story.state, told.story.status) == ("audited", "completed", "approved")
    assert len(told.records) == len(entries)
    assert told.records[0].topic == "requests"
    text = story_text(told)
    assert "Request audited of moderation" in text
    assert "auto_approve" in text
    assert "A decision was asked for." in text


def test_nothing_is_told_of_what_nobody_asked() -> None:
    assert told_by([]) is None


def test_the_account_says_whether_the_log_adds_up() -> None:
    whole = report(healthy().entries, partitions=PARTITIONS)
    assert "\nreconciled: 9 records" in verdict_text(whole)
    assert "not measured" in report_text(whole)
    broken = report(healthy().entries[:-1], partitions=PARTITIONS)
    assert "NOT reconciled" in verdict_text(broken)
    assert "no dead letter" in " ".join(verdict_text(broken).split())


@pytest.mark.parametrize(("seconds", "text"), [(0.5, "0.5 s"), (600, "10 min"), (9_000, "2.5 h")])
def test_durations_are_shown_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert value_text(Kpi(value=seconds, target="", unit="seconds")) == text
