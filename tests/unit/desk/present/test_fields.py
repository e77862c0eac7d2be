"""Values of a request as people read them, in the kinds that a workflow can ask for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.desk.pages.present.fields import groups_of, title_of, value_of, written
from producers.desk.pages.present.model import Written
from streams.workflow.presentation import Presentation, SummaryField, SummaryGroup


def said(value: object, **asked: Any) -> str:
    made = written(value, SummaryField(field="f", **asked))
    return f"{made.text} {made.unit}".strip()


@pytest.mark.parametrize(
    ("value", "asked", "text"),
    [
        (1169, {"kind": "money", "unit": "DM", "decimals": 0}, "1,169 DM"),
        (1169.5, {"kind": "money", "unit": "USD"}, "1,169.50 USD"),
        ("1169.5", {"kind": "money", "unit": "USD"}, "1,169.50 USD"),
        (-3, {"kind": "number"}, "−3"),
        (0.25, {"kind": "percent"}, "25 %"),
        (0.1234, {"kind": "percent", "decimals": 1}, "12.3 %"),
        (2_000_000, {"kind": "number", "unit": "km"}, "2,000,000 km"),
        (0.1 + 0.2, {"kind": "number"}, "0.3"),
        (1e300, {"kind": "number"}, "1e+300"),
        ("A11", {"values": {"A11": "below 0 DM"}}, "below 0 DM"),
        (4, {"values": {"4": "four"}}, "four"),
        (True, {"values": {"true": "signed"}}, "signed"),
        (True, {}, "Yes"),
        ("no", {"kind": "flag"}, "No"),
        ("perhaps", {"kind": "flag"}, "perhaps"),
        ("2026-01-05", {"kind": "date"}, "5 January 2026"),
        ("2026-01-05T10:00:00+02:00", {"kind": "date"}, "5 January 2026, 08:00 UTC"),
        (1_767_600_000_000, {"kind": "date"}, "5 January 2026, 08:00 UTC"),
        ("soon", {"kind": "date"}, "soon"),
        ("many", {"kind": "number"}, "many"),
        (2026, {}, "2026"),
        (20_260, {}, "20,260"),
        (None, {}, "not given"),
        ("  ", {}, "empty"),
        ([1, {"a": 2}], {}, '[1,{"a":2}]'),
        ("https://example.org/<x>", {"kind": "link"}, "https://example.org/<x>"),
    ],
)
def test_a_value_is_written_as_its_kind(value: object, asked: dict[str, Any], text: str) -> None:
    assert said(value, **asked) == text


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(ANY, st.sampled_from(["auto", "text", "number", "percent", "date", "flag", "link"]))
def test_any_value_can_be_written_as_any_kind(value: object, kind: Any) -> None:
    made = written(value, SummaryField(field="f", kind=kind))
    assert isinstance(made, Written) and made.text and len(made.text) < 400


def test_a_long_text_begins_at_once_and_loses_nothing() -> None:
    made = written("x" * 1_000, SummaryField(field="f"))
    assert len(made.text) < 400 and made.text + made.rest == "x" * 1_000


def test_a_dot_leads_into_an_object_unless_a_field_is_called_so() -> None:
    fields = {"a": {"b": 1}, "c.d": 2, "c": {"d": 3}}
    assert [value_of(fields, name) for name in ("a.b", "c.d", "a.x", "c.d.e", "x")] == [1, 2, None, None, None]


def test_without_a_layout_every_field_with_one_value_is_shown() -> None:
    (group,) = groups_of({"text": "t", "net_income": 4, "ok": True, "list": [1]}, Presentation(), beside={"text"})
    assert [(item.label, item.value.text) for item in group.items] == [("Net income", "4"), ("Ok", "Yes")]
    assert groups_of({"text": "t"}, Presentation(), beside={"text"}) == ()


def test_a_layout_is_kept_and_says_what_is_missing() -> None:
    fields = (SummaryField(field="b"), SummaryField(field="a", label="A!"))
    layout = SummaryGroup(title="Loan", columns=3, fields=fields)
    shown = Presentation(summary=(layout,), sensitive_fields=("a",))
    (group,) = groups_of({"a": "x", "c": 1}, shown, beside=())
    assert (group.title, group.columns) == ("Loan", 3)
    assert [(item.label, item.value.text, item.sensitive) for item in group.items] == [
        ("B", "not given", False), ("A!", "x", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "title"),
    [({"amount": 5951, "who": "Eve"}, "5,951 DM for …"), ({"amount": 5951}, "5,951 DM for …"), ({"x": 1}, "")],
)
def test_a_title_is_made_of_fields_and_hides_the_sensitive(fields: dict[str, object], title: str) -> None:
    money = SummaryField(field="amount", kind="money", unit="DM", decimals=0)
    shown = Presentation(
        title="{amount} for {who}", sensitive_fields=("who",), summary=(SummaryGroup(fields=(money,)),)
    )
    assert title_of(fields, shown) == title
