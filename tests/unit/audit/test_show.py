"""The story of a request and the account of a log, as people read them."""

import pytest

from consumers.audit.kpis import Kpi
from consumers.audit.report import report
from consumers.audit.show import duration, report_text, story_of, story_text, value_text, verdict_text
from schemas.events import EVENT_TYPES
from tests.support.recorded import PARTITIONS
from tests.unit.audit.test_reconcile import healthy


def test_the_story_tells_the_events_of_a_request_in_order() -> None:
    entries = [x for x in healthy().entries if getattr(x.event, "request_id", None) == "audited"]
    story = story_of(list(reversed(entries)))
    assert story.request_id == "audited"
    assert [each.type for each in story.events][:3] == ["DecisionRequested", "DecisionMade", "AuditDrawn"]
    assert all(earlier.at <= later.at for earlier, later in zip(story.events, story.events[1:], strict=False))
    text = story_text(story)
    assert "asked for a decision in moderation" in text
    assert "answered blind: approve, as the model" in " ".join(text.split())


def test_every_kind_of_event_that_is_about_a_request_has_words() -> None:
    told = {each.type for each in story_of(healthy().entries).events if each.text != each.type}
    silent = {each.type for each in story_of(healthy().entries).events} - told
    assert not silent
    assert told <= {kind.__name__ for kind in EVENT_TYPES}


def test_the_account_says_whether_the_log_adds_up() -> None:
    whole = report(healthy().entries, partitions=PARTITIONS)
    assert "\nreconciled: 9 records" in verdict_text(whole)
    assert "not measured" in report_text(whole)
    broken = report(healthy().entries[:-1], partitions=PARTITIONS)
    assert "NOT reconciled" in verdict_text(broken)
    assert "no dead letter" in " ".join(verdict_text(broken).split())


@pytest.mark.parametrize(("seconds", "text"), [(0.5, "0.50 s"), (600, "10.0 min"), (9_000, "2.5 h")])
def test_durations_are_shown_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text
    assert value_text(Kpi(value=seconds, target="", unit="seconds")) == text
