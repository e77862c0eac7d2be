"""The policy in force is the last accepted one; the environment is written into a document before publication."""

import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import PolicyPublished, PolicyRefused
from streams.workflow.policies import NO_POLICIES, WorkflowUnknown, fold_policies, policy_of, with_overrides
from streams.workflow.types import PolicyInvalid, parse_workflow

HEAD = 'name = "loans"\nclasses = ["no", "yes"]\napproving_class = "yes"\nfeaturizer = "text"\n'


def published(document: str, version: int, workflow: str = "loans") -> PolicyPublished:
    return PolicyPublished(
        event_id=f"p{version}", workflow=workflow, version=version, digest=f"d{version}",
        document=document, published_by="me", published_at=1,
    )  # fmt: skip


def test_a_workflow_without_a_policy_is_named_with_those_that_have_one_and_what_to_do() -> None:
    policies = fold_policies(NO_POLICIES, published(HEAD, 1))
    assert policy_of(policies, "loans").version == 1
    with pytest.raises(WorkflowUnknown, match=r"'laons' \(published: loans\).*`hitl policy publish FILE.toml`"):
        policy_of(policies, "laons")
    with pytest.raises(WorkflowUnknown, match=r"\(published: none\)"):
        policy_of(NO_POLICIES, "loans")


def test_the_built_in_type_that_the_error_names_is_there() -> None:
    (named,) = re.findall(r"built-in `hitl policy publish (\w+)`", WorkflowUnknown.__doc__ or "")
    assert (files("streams.workflow") / f"{named}.toml").is_file()


def test_last_published_policy_is_in_force_and_earlier_values_stay() -> None:
    first = fold_policies(NO_POLICIES, published(HEAD, 1))
    second = fold_policies(first, published(HEAD + "audit_share = 0.1\n", 2))
    assert (first["loans"].version, second["loans"].version) == (1, 2)
    assert second["loans"].workflow_type.audit_share == 0.1


@pytest.mark.parametrize(
    "event",
    [
        published("name = 3", 2),
        published(HEAD.replace("loans", "others"), 2),
        PolicyRefused(event_id="x", workflow="loans", digest="d", reason="bad", published_by="me", refused_at=1),
    ],
)
def test_what_is_not_accepted_leaves_the_running_policy(event: PolicyPublished | PolicyRefused) -> None:
    running = fold_policies(NO_POLICIES, published(HEAD, 1))
    assert fold_policies(running, event) == running


BODIES = [
    "",
    "review_timeout_hours = 5  # hours\n",
    "\n[thresholds]\nauto_approve = 0.9 # high\n",
    "\n[thresholds]\nhuman_review = 0.6\n\n[retraining]\nlabels = 10\n",
    "thresholds.human_review = 0.7\n",
    '\n[[rules]]\nname = "r"\nwhen = { field = "a", op = "exists" }\nthen = { high_risk = true }\n',
]


@given(
    body=st.sampled_from(BODIES),
    auto=st.none() | st.floats(0.81, 1),
    expert=st.none() | st.floats(0, 0.6),
    hours=st.none() | st.floats(0.001, 1_000),
)
def test_overrides_change_these_three_numbers_and_nothing_else(
    body: str, auto: float | None, expert: float | None, hours: float | None
) -> None:
    environ = {
        name: repr(value)
        for name, value in [
            ("AUTO_APPROVE_THRESHOLD", auto),
            ("EXPERT_ESCALATION_THRESHOLD", expert),
            ("REVIEW_TIMEOUT_HOURS", hours),
        ]
        if value is not None
    }
    before, after = parse_workflow(HEAD + body), parse_workflow(with_overrides(HEAD + body, environ))
    assert after.thresholds.auto_approve == (before.thresholds.auto_approve if auto is None else auto)
    assert after.thresholds.expert_escalation == (before.thresholds.expert_escalation if expert is None else expert)
    assert after.review_timeout_hours == (before.review_timeout_hours if hours is None else hours)
    assert after.thresholds.human_review == before.thresholds.human_review
    assert (after.rules, after.retraining) == (before.rules, before.retraining)


def test_without_variables_the_document_stays_byte_for_byte() -> None:
    assert with_overrides(HEAD, {"REVIEW_TIMEOUT_HOURS": " "}) == HEAD


@pytest.mark.parametrize(
    ("body", "environ", "says"),
    [
        ("", {"AUTO_APPROVE_THRESHOLD": "high"}, "AUTO_APPROVE_THRESHOLD='high' is no number"),
        ("", {"AUTO_APPROVE_THRESHOLD": "0.7"}, "is below human_review"),
        ("", {"REVIEW_TIMEOUT_HOURS": "nan"}, "hours"),
        ("thresholds = { auto_approve = 0.9 }\n", {"AUTO_APPROVE_THRESHOLD": "0.97"}, "table of its own"),
    ],
)
def test_override_that_does_not_fit_is_refused(body: str, environ: dict[str, str], says: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        with_overrides(HEAD + body, environ)
    assert says in refused.value.reason
