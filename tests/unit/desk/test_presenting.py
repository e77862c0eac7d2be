"""What a reviewer app is shown of a case: from the read model as from the log, and nothing that must not sway."""

from typing import Any

import msgspec
import pytest

from infra.redis.records import Hands, Possession
from producers.desk.presenting import request_asked, shown
from schemas.events import DecisionRequested, ExpertReviewRequested, ReviewRequested
from schemas.values import (
    Appeal,
    CaseStage,
    Coordinates,
    DecidedBy,
    EscalatedBy,
    Outcome,
    Payload,
    PayloadEncoding,
    ReopenedBy,
    StandingDecision,
)
from tests.support.desk import Model, announcement
from tests.support.recorded import CODEC, START

REVIEW = Coordinates(topic="review.normal", partition=0, offset=3)
STANDING = StandingDecision(original="o", outcome=Outcome.APPROVED, label="approve", decided_by=DecidedBy.AUTOMATION)


def expert(reopened_by: ReopenedBy) -> ExpertReviewRequested:
    asked = announcement("a")
    fields: dict[str, Any] = {name: getattr(asked, name) for name in ReviewRequested.__struct_fields__}
    appeal = Appeal(appeal_id="p", statement="unfair", filed_at=0)
    return ExpertReviewRequested(
        **fields, escalated_by=EscalatedBy.PERSON, reopened_by=reopened_by, standing=STANDING, appeal=appeal
    )


def test_a_case_is_the_same_from_the_read_model_as_from_the_log() -> None:
    asked, model = announcement("a"), Model()
    model.put(asked, REVIEW)
    request = request_asked(asked, CODEC)
    assert shown("a", asked, REVIEW, request, None) == shown("a", model.cached["a"], REVIEW, request, None)


def test_nothing_that_is_sealed_is_in_it() -> None:
    asked = msgspec.structs.replace(announcement("a"), sealed=b"kind and probability")
    made = msgspec.to_builtins(shown("a", asked, REVIEW, request_asked(asked, CODEC), None))
    assert not {"sealed", "request_body", "cause", "config_offsets"} & made.keys()
    assert b"kind and probability" not in msgspec.json.encode(made)


@pytest.mark.parametrize("by", ReopenedBy)
def test_whoever_validates_does_not_learn_what_stands(by: ReopenedBy) -> None:
    made = shown("a", expert(by), REVIEW, None, None)
    is_told = by in (ReopenedBy.APPEAL, ReopenedBy.AUDIT)
    assert (made.standing == STANDING, made.reopened_by == by, made.appeal is not None) == (is_told,) * 3
    assert made.stage is CaseStage.EXPERT and made.actions == ("approve", "reject")


def test_content_that_is_no_text_comes_as_it_is() -> None:
    body, kind = b"\xff\xd8\xff\xe0", "image/jpeg"
    request = DecisionRequested(
        request_id="a", workflow="posts", payload=Payload(content_type=kind, body=body), content_uri="s3://x",
        content_sha256=b"\x01" * 32,
    )  # fmt: skip
    made = shown("a", announcement("a"), REVIEW, request, None)
    assert (made.body, made.content_type, made.content_uri, made.content_sha256) == (body, kind, "s3://x", "01" * 32)
    assert msgspec.to_builtins(made)["body"] == "/9j/4A=="
    sealed = Payload(encoding=PayloadEncoding.ENCRYPTED, body=body, key_id="k")
    hidden = shown("a", announcement("a"), REVIEW, msgspec.structs.replace(request, payload=sealed), None)
    assert (hidden.body, hidden.encrypted_with) == (None, "k")
    text = msgspec.structs.replace(request, payload=Payload(body=b"{}"))
    assert shown("a", announcement("a"), REVIEW, text, None).body is None


def test_what_can_be_answered_is_what_casework_takes() -> None:
    asked = announcement("a")
    blind = msgspec.structs.replace(asked, recommendation=None)
    assert "mark_wrong" not in shown("a", blind, REVIEW, None, None).actions


def test_a_case_that_is_free_has_no_holder() -> None:
    free = Possession(sequence=4, hands=Hands.FREE, reviewer_id="bea")
    held = Possession(sequence=4, hands=Hands.LEASED, reviewer_id="bea", expires_at=START)
    assert shown("a", announcement("a"), REVIEW, None, free).holder is None
    assert shown("a", announcement("a"), REVIEW, None, held).holder == "bea"
    assert shown("a", announcement("a"), REVIEW, None, None).content is None
