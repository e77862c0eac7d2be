"""Policies on their way into the log."""

import pytest

from producers.gateway.policies import (
    PolicyUnchanged,
    checked_document,
    digest_of,
    folded,
    name_in,
    policy_published,
    policy_refused,
)
from schemas.topics import POLICIES
from streams.workflow.types import PolicyInvalid
from tests.support.recorded import Recorded

DOCUMENT = """# my own case
name = "loans"
classes = ["deny", "grant"]
approving_class = "grant"
featurizer = "vector"

[thresholds]
auto_approve = 0.9  # of our own
"""


def test_the_environment_overrides_the_document_that_is_published() -> None:
    made, workflow = checked_document(DOCUMENT, {"AUTO_APPROVE_THRESHOLD": "0.97", "REVIEW_TIMEOUT_HOURS": "4"})
    assert workflow.thresholds.auto_approve == 0.97
    assert workflow.review_timeout_ms == 4 * 3_600_000
    assert "0.97" in made
    assert checked_document(DOCUMENT, {}) == (DOCUMENT, checked_document(DOCUMENT, {})[1])


def test_a_bad_document_is_refused_with_the_line() -> None:
    with pytest.raises(PolicyInvalid) as found:
        checked_document(DOCUMENT.replace("auto_approve = 0.9", "auto_approve = 9"), {})
    assert found.value.line == 8
    record = policy_refused("name = 'x'\nclasses = 3", found.value, by="me", now=1)
    assert (record.workflow, record.line, record.published_by) == ("x", 8, "me")


def test_versions_count_up_and_the_same_document_is_not_published_twice() -> None:
    log = Recorded()
    for document, version in ((DOCUMENT, 1), (DOCUMENT + "audit_share = 0.1\n", 2)):
        document = document if version == 1 else DOCUMENT.replace("\n[thr", "audit_share = 0.1\n\n[thr")
        made, workflow = checked_document(document, {})
        published = policy_published(made, workflow, folded(log.entries), by="me", now=5)
        assert (published.version, published.event_id) == (version, f"policy:loans:{version}")
        log.write(POLICIES.message(published))
        with pytest.raises(PolicyUnchanged, match=f"version {version}"):
            policy_published(made, workflow, folded(log.entries), by="me", now=6)
    assert folded(log.entries).policies["loans"].workflow_type.audit_share == 0.1
    assert folded(log.entries).published["loans"].digest == digest_of(published.document)


@pytest.mark.parametrize(
    ("document", "name"),
    [("name = 'a' # b", "a"), ("classes = 1", "_unknown"), ("\x00", "_unknown"), ("name =", "_unknown")],
)
def test_a_refused_document_is_filed_under_the_name_it_gives(document: str, name: str) -> None:
    assert name_in(document) == name
