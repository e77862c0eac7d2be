"""The table [desk] of a workflow file: what it may say, and the line of what it must not."""

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.simulate.german_credit import COLUMNS, load_applications
from streams.workflow.presentation import ORIGIN, Presentation
from streams.workflow.types import PolicyInvalid, WorkflowType, parse_workflow

DOCUMENT = 'name = "w"\nclasses = ["a", "b"]\napproving_class = "b"\nfeaturizer = "text"\n'
FIRST = DOCUMENT.count("\n") + 1


def parsed(table: str) -> Presentation:
    return parse_workflow(f"{DOCUMENT}[desk]\n{table}\n").desk


@pytest.mark.parametrize(
    ("table", "line", "said"),
    [
        ('titel = "x"', 1, "write `title`"),
        ('title = "{amount"', 1, "brace"),
        ('content = "movie"', 1, "use one of auto, text, image, table, json, none"),
        ('question = "x"\nsensitive = "sometimes"', 2, "use one of never, marked, always"),
        ('sensitive = "marked"', 1, "needs highlights"),
        ('content = "none"\nsensitive = "always"', 2, "use sensitive_fields"),
        ('highlights = ["fine", "!!"]', 1, "no letter"),
        (f'highlights = ["{"a " * 13}"]', 1, "more than 12 words"),
        ('image_origins = ["https://a.example/path"]', 1, "scheme and host"),
        ('image_origins = ["https://a.example; script-src *"]', 1, "scheme and host"),
        ('image_origins = ["https://a.example:443"]', 1, "leave out"),
        ('image_origins = ["http://a.example"]', 1, "scheme and host"),
        ('image_origins = ["*"]', 1, "scheme and host"),
        ('guideline = "http://a.example"', 1, "https address"),
        ('reason_codes = [{ code = "a", text = "x" }, { code = "a", text = "y" }]', 1, "twice"),
        ('reason_codes = [{ code = "a b", text = "x" }]', 1, "correct the value"),
        ('[[desk.reason_codes]]\ncode = "a"\ntext = "x"\nactions = ["approves"]', 4, "use one of approve, reject"),
        ('[[desk.summary]]\ntitle = "x"', 1, "`fields` is missing"),
        ('[[desk.summary]]\ncolumns = 9\nfields = [{ field = "a" }]', 2, "correct the value"),
        ('[[desk.summary]]\nfields = []', 2, "correct the value"),
        ('[[desk.summary]]\nfields = [{ field = "a", kind = "money" }]', 2, "add it, such as unit"),
        ('[[desk.summary]]\nfields = [{ field = "a", kind = "moni" }]', 2, "use one of auto, text, number"),
        ('[[desk.summary]]\nfields = [{ field = "a", decimals = 2 }]', 2, "is for numbers"),
        ('[[desk.summary]]\nfields = [{ fild = "a" }]', 2, "write `field`"),
    ],
)
def test_a_mistake_is_refused_with_its_line(table: str, line: int, said: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        parsed(table)
    assert said in str(refused.value), refused.value
    assert refused.value.line == FIRST + line


def test_a_file_without_the_table_shows_cases_as_they_come() -> None:
    assert parse_workflow(DOCUMENT).desk == Presentation()


@given(st.text(st.sampled_from("htps:/a.-*;' \n\"8"), max_size=20))
def test_an_origin_can_only_ever_be_an_origin(tail: str) -> None:
    """It goes into a header as it stands."""
    origin = "https://" + tail
    if ORIGIN.fullmatch(origin):
        assert not set(tail) & set("*;' \n\"/") and tail


@pytest.mark.parametrize("name", ["content_moderation", "loan_approval"])
def test_the_shipped_workflows_say_how_their_cases_are_shown(name: str) -> None:
    desk = shipped(name).desk
    assert desk.question.endswith("?") and desk.guideline and not desk.guideline_is_link
    offered = {action for reason in desk.reason_codes for action in reason.actions}
    assert {"approve", "reject", "escalate"} <= offered


@pytest.mark.parametrize("name", ["content_moderation", "loan_approval"])
def test_a_workflow_type_is_a_value_whatever_it_says_of_its_cases(name: str) -> None:
    one, other = shipped(name), shipped(name)
    assert one is not other and {one: "fitted"}[other] == "fitted"


def test_the_loans_are_shown_in_words() -> None:
    """Every code in the recorded applications, and no field for which nobody should be refused."""
    kind = shipped("loan_approval")
    fields = {field.field: field for group in kind.desk.summary for field in group.fields}
    assert kind.columns is not None and set(fields) == set(kind.columns.names) < set(COLUMNS)
    for application in load_applications():
        for name, field in fields.items():
            value = application.values[name]
            assert isinstance(value, int) or value in field.values, f"{name} {value}"


def shipped(name: str) -> WorkflowType:
    return parse_workflow(files("streams.workflow").joinpath(f"{name}.toml").read_text(encoding="utf-8"))
