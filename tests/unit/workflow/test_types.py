"""A workflow file is accepted whole or refused with the line and what to do."""

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streams.workflow
from producers.simulate.german_credit import COLUMNS, NUMBERS
from schemas.events import DecisionRequested
from schemas.values import Payload, PayloadEncoding
from streams.assurance.policy import ReliabilityPolicy
from streams.routing.rules import Condition, Effect, Rule
from streams.workflow.policies import OVERRIDES
from streams.workflow.presentation import FieldKind, SummaryField
from streams.workflow.types import (
    Columns,
    Costs,
    PolicyInvalid,
    RetrainingPolicy,
    Thresholds,
    WorkflowType,
    parse_workflow,
    request_fields,
)

HEAD = 'name = "loans"\nclasses = ["no", "yes"]\napproving_class = "yes"\nfeaturizer = "text"\n'
TABULAR = HEAD.replace('"text"', '"tabular"')
SHIPPED = Path(streams.workflow.__path__[0]) / "content_moderation.toml"


def test_shipped_content_moderation_is_valid() -> None:
    workflow = parse_workflow(SHIPPED.read_text())
    assert (workflow.name, workflow.classes, workflow.approving_class) == (
        "content_moderation", ("reject", "approve"), "approve",
    )  # fmt: skip
    assert (workflow.featurizer, workflow.audit_share, workflow.blind_share) == ("text", 0.05, 0.30)


def test_shipped_loan_approval_reads_columns_and_refers_large_amounts_to_people() -> None:
    workflow = parse_workflow((SHIPPED.parent / "loan_approval.toml").read_text())
    assert (workflow.name, workflow.classes, workflow.approving_class) == (
        "loan_approval", ("reject", "approve"), "approve",
    )  # fmt: skip
    assert (workflow.featurizer, workflow.high_risk_amount, workflow.thresholds) == ("tabular", 10_000, Thresholds())
    assert workflow.columns is not None
    assert set(workflow.columns.names) < set(COLUMNS)
    assert set(workflow.columns.numeric) < NUMBERS
    assert NUMBERS.isdisjoint(workflow.columns.categorical)
    assert not {"personal_status_sex", "foreign_worker", "age"} & set(workflow.columns.names)


def test_defaults_are_those_of_the_mission() -> None:
    workflow = parse_workflow(HEAD)
    assert workflow.thresholds == Thresholds(auto_approve=0.95, human_review=0.80, expert_escalation=0.50)
    assert workflow.review_timeout_ms == 24 * 3_600_000
    assert workflow.high_risk_amount == 10_000


def test_the_reference_names_every_field_with_its_default() -> None:
    text = (SHIPPED.parent / "README.md").read_text()
    document, tabular, desk = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    workflow = parse_workflow(document)
    assert parse_workflow(tabular).columns is not None
    shown = parse_workflow(desk).desk
    for shape in (shown, *shown.summary, *shown.reason_codes):
        assert [name for name in shape.__struct_fields__ if not re.search(rf"\b{name}\b", desk)] == []
    assert [name for name in SummaryField.__struct_fields__ if not re.search(rf"\b{name} = ", desk)] == []
    assert [kind for kind in get_args(FieldKind) if f'"{kind}"' not in text and kind != "auto"] == []
    for name in Columns.__struct_fields__:
        assert re.search(rf"^{name} = .*\[\] by default", tabular, re.MULTILINE), f"{name} is not described"
        assert Columns.__struct_defaults__ == ((),) * 3
    shapes = (WorkflowType, Thresholds, RetrainingPolicy, ReliabilityPolicy, Costs, Rule, Effect, Condition)
    for name in {name for shape in shapes for name in shape.__struct_fields__}:
        assert re.search(rf"\b{name}\b", document + tabular), f"{name} is not described"
    assert all(variable in text for variable in OVERRIDES)
    bare = parse_workflow(HEAD)
    for name in set(WorkflowType.__struct_fields__) - {"name", "classes", "approving_class", "costs", "rules"}:
        assert getattr(workflow, name) == getattr(bare, name), f"the default of {name} is another one"


def rule(when: str, then: str = "{high_risk = true}") -> str:
    return f'\n[[rules]]\nname = "r"\nwhen = {when}\nthen = {then}\n'


@pytest.mark.parametrize(
    ("addition", "line", "says"),
    [
        ("colour = 1\n", 5, "unknown field `colour`"),
        ("audit_shar = 0.1\n", 5, "write `audit_share`"),
        ("audit_share = 1.5\n", 5, "`audit_share`: expected `float` <= 1.0"),
        ("audit_share = nan\n", 5, "`audit_share`"),
        ('audit_share = "much"\n', 5, "expected `float`, got `str`"),
        ("\n[thresholds]\nauto_approve = 1.01\n", 7, "`thresholds.auto_approve`"),
        ("\n[thresholds]\nauto_approve = 0.7\n", 7, "expert_escalation <= human_review <= auto_approve"),
        ("\n[thresholds]\nexpert_escalation = 0.9\n", 6, "human_review"),
        ("thresholds.auto_approve = 2\n", 5, "auto_approve"),
        ("\n[thresholds]\nauto = 0.7\n", 7, "unknown field `auto`"),
        ('never_automate = ["maybe"]\n', 5, "'maybe'"),
        ("review_timeout_hours = 0\n", 5, "above 0"),
        ("review_timeout_hours = inf\n", 5, "above 0"),
        ("review_timeout_hours = 1e13\n", 5, "ten years"),
        ("\n[costs]\nautomatic = 0.1\n", 6, "`review` is missing in costs"),
        ("broken = = 1\n", 5, "no valid TOML"),
        ("audit_share = " + "1" + "0" * 400 + "\n", 5, "`audit_share`"),
        (rule('{field = "a", op = "like", value = 1}'), 8, "use one of eq, ne, gt"),
        (rule('{field = "a", op = "gt", value = "x"}'), 8, "number"),
        (rule('{field = "a", op = "contains", value = ""}'), 8, "not empty"),
        (rule('{field = "a", op = "exists", all = []}'), 8, "either `field`"),
        (rule("{all = []}"), 8, "no condition"),
        (rule("{all = [" * 9 + '{field = "a", op = "exists"}' + "]}" * 9), 8, "nested deeper"),
        (rule('{field = "a", op = "exists"}', "{}"), 9, "no effect"),
        (rule('{field = "a", op = "exists"}', '{action = "auto_approve"}'), 9, "human_review, expert_escalation"),
        (rule('{field = "a", op = "exists"}') * 2, 12, "repeats 'r'"),
        (
            '\n[[rules]]\nname = "a"\nwhen = {field = "a", op = "exists"}\nthen = {high_risk = true}\n'
            '[[rules]]\nname = "b"\n[rules.when]\nfield = "a"\nop = "in"\nvalue = 3\n[rules.then]\nhigh_risk = true\n',
            15,
            "list",
        ),
    ],
)  # fmt: skip
def test_bad_file_is_refused_with_line_and_reason(addition: str, line: int, says: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        parse_workflow(HEAD + addition)
    assert refused.value.line == line, str(refused.value)
    assert says in refused.value.reason


@pytest.mark.parametrize(
    ("document", "line", "says"),
    [
        (TABULAR, 4, "needs a table [columns]"),
        (HEAD + '[columns]\nnumeric = ["a"]\n', 5, 'is for featurizer = "tabular" only'),
        (TABULAR + "\n[columns]\n", 6, "name the fields that the model reads"),
        (TABULAR + '\n[columns]\nnumeric = ["a"]\ncategorical = ["b", "a"]\n', 8, "names 'a' a second time"),
        (TABULAR + '\n[columns]\nnumeric = ["a", "a"]\n', 7, "names 'a' a second time"),
        (TABULAR + '\n[columns]\nnumeric = ["a"]\nrequired = ["b"]\n', 8, "names 'b'"),
        (TABULAR + '\n[columns]\nnumeric = [1]\n', 7, "expected `str`, got `int`"),
        (TABULAR + '\n[columns]\nnumber = ["a"]\n', 7, "unknown field `number`: write `numeric`"),
        (TABULAR + '\n[columns]\nnumeric = [""]\n', 7, "columns.numeric.0"),
    ],
)  # fmt: skip
def test_columns_are_refused_with_line_and_reason(document: str, line: int, says: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        parse_workflow(document)
    assert refused.value.line == line, str(refused.value)
    assert says in refused.value.reason


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (HEAD.replace('"no", ', ""), 2),
        (HEAD.replace('"no"', '"yes"'), 2),
        (HEAD.replace('"no"', '"' + "é" * 51 + '"'), 2),
        (HEAD.replace('approving_class = "yes"', 'approving_class = "perhaps"'), 3),
        (HEAD.replace('"text"', '"sound"'), 4),
        (HEAD.replace('"loans"', '"_loans"'), 1),
        (HEAD.replace('name = "loans"\n', ""), 1),
    ],
)
def test_bad_head_is_refused_at_its_line(changed: str, line: int) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        parse_workflow(changed)
    assert refused.value.line == line


@given(st.text(max_size=200))
def test_any_text_is_accepted_or_refused_with_a_line(document: str) -> None:
    assert refusal(HEAD + document) != 0


def refusal(document: str) -> int | None:
    try:
        parse_workflow(document)
    except PolicyInvalid as refused:
        return refused.line or 0
    return None


def request(body: bytes, encoding: PayloadEncoding = PayloadEncoding.PLAIN) -> DecisionRequested:
    return DecisionRequested(
        request_id="r", workflow="w", payload=Payload(body=body, encoding=encoding), attributes={"a": "attribute"}
    )


def test_attributes_lie_over_the_scalar_fields_of_a_plain_payload() -> None:
    fields = request_fields(request(b'{"a": 1, "b": 2.5, "c": true, "d": [1], "e": null, "f": "x"}'))
    assert fields == {"a": "attribute", "b": 2.5, "c": True, "f": "x"}


def test_encrypted_payload_shows_rules_only_the_attributes() -> None:
    assert request_fields(request(b'{"b": 2}', PayloadEncoding.ENCRYPTED)) == {"a": "attribute"}


@pytest.mark.parametrize("body", [b"", b"[1]", b"\xff", b'{"b": 1e999}', b"[" * 100_000, b'{"b":"\xff"}'])
def test_unreadable_payload_leaves_the_attributes(body: bytes) -> None:
    assert request_fields(request(body)) == {"a": "attribute"}
