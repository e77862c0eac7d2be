"""Answers by the workflow's own classes, for those who label and do not judge."""

import pytest

from schemas.events import DecisionMade, DecisionRefused
from tests.unit.casework.appealing import only
from tests.unit.casework.driver import CLASSES, Table, decision, review


@pytest.mark.parametrize("label", CLASSES)
def test_a_label_names_any_class(label: str) -> None:
    table = Table(0)
    made = only(table.answer(decision(table.announce(review()), "label", label=label)), DecisionMade)
    assert (made.label, made.outcome) == (label, "approved" if label == CLASSES[0] else "rejected")


@pytest.mark.parametrize("label", [None, "", "unheard of"])
def test_a_label_that_is_no_class_is_refused_with_those_that_are(label: str | None) -> None:
    table = Table(0)
    refused = only(table.answer(decision(table.announce(review()), "label", label=label)), DecisionRefused)
    assert refused.reason == "bad_value"
    assert "'neither', 'hate', 'offensive'" in refused.detail
