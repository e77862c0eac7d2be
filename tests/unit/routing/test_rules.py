"""Rules are data: total over every kind of field, and only what matches has an effect."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.values import Priority
from streams.routing.rules import NO_FINDINGS, Condition, Effect, Findings, Rule, evaluate, holds

scalars = st.text(max_size=5) | st.integers() | st.floats() | st.booleans()
names = st.sampled_from(["a", "b"])


def comparison(op: str) -> st.SearchStrategy[dict[str, Any]]:
    value: st.SearchStrategy[Any] = {
        "in": st.lists(scalars, min_size=1, max_size=3),
        "contains": st.text(min_size=1, max_size=3),
        "exists": st.booleans(),
        "eq": scalars,
        "ne": scalars,
    }.get(op, st.integers(-(10**9), 10**9) | st.floats())
    return st.fixed_dictionaries({"field": names, "op": st.just(op), "value": value})


comparisons = st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le", "in", "contains", "exists"]).flatmap(comparison)
conditions = st.recursive(
    comparisons,
    lambda inner: (
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)})
        | st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)})
    ),
    max_leaves=4,
)


def condition(**written: Any) -> Condition:
    return msgspec.convert(written, Condition)


@given(conditions, st.dictionaries(names, scalars))
def test_every_condition_has_an_answer_for_every_field(written: dict[str, Any], fields: dict[str, Any]) -> None:
    assert holds(msgspec.convert(written, Condition), fields) in (True, False)


@pytest.mark.parametrize(
    ("op", "value", "found", "expected"),
    [
        ("eq", "x", "x", True), ("eq", "x", "y", False), ("eq", 1, 1.0, True), ("eq", True, 1, False),
        ("eq", 1, True, False), ("eq", 1, "1", False), ("ne", "x", "y", True), ("ne", "x", "x", False),
        ("ne", "x", 1, False), ("gt", 5, 5, False), ("gt", 5, 5.1, True), ("ge", 5, 5, True), ("lt", 5, 5, False),
        ("lt", 5, 4, True), ("le", 5, 5, True), ("gt", 5, "9", False), ("gt", 0, True, False),
        ("gt", 5, float("nan"), False), ("gt", 1.5, 10**400, True), ("in", ["a", 2], 2, True),
        ("in", ["a", 2], "2", False), ("contains", "ell", "hello", True), ("contains", "ell", 5, False),
        ("exists", True, 0, True), ("exists", False, 0, False), ("exists", None, "", True),
    ],
)  # fmt: skip
def test_comparison(op: str, value: Any, found: Any, expected: bool) -> None:
    assert holds(condition(field="f", op=op, value=value), {"f": found}) is expected


@pytest.mark.parametrize("op", ["eq", "ne", "gt", "ge", "lt", "le"])
def test_absent_field_matches_nothing_but_its_absence(op: str) -> None:
    assert not holds(condition(field="f", op=op, value=1), {})
    assert holds(condition(field="f", op="exists", value=False), {})


def test_all_needs_every_condition_and_any_needs_one() -> None:
    yes = {"field": "f", "op": "eq", "value": 1}
    no = {"field": "f", "op": "eq", "value": 2}
    assert [holds(condition(all=[yes, yes]), {"f": 1}), holds(condition(all=[yes, no]), {"f": 1})] == [True, False]
    assert [holds(condition(any=[no, yes]), {"f": 1}), holds(condition(any=[no, no]), {"f": 1})] == [True, False]


def rule(name: str, value: int, **then: Any) -> Rule:
    return Rule(name=name, when=condition(field="f", op="ge", value=value), then=Effect(**then))


def test_effects_of_matching_rules_add_up_and_the_most_careful_wins() -> None:
    rules = (
        rule("one", 1, flags=("x", "y"), priority=Priority.NORMAL, action="human_review"),
        rule("two", 2, flags=("y", "z"), priority=Priority.URGENT, high_risk=True, require_skill="law"),
        rule("three", 3, compliance=True, priority=Priority.LOW, action="expert_escalation"),
        rule("four", 4, flags=("never",)),
    )
    assert evaluate(rules, {"f": 3}) == Findings(
        hits=("one", "two", "three"),
        flags=("x", "y", "z"),
        high_risk=True,
        compliance=True,
        action="expert_escalation",
        priority=Priority.URGENT,
        skills=("law",),
    )
    assert evaluate(rules, {"f": 0}) is NO_FINDINGS
