"""One case as a page shows it: what is told, to whom it must not be, and in which words."""

from typing import Any

import pytest
from msgspec.structs import asdict, replace

from producers.desk.pages.present.times import HOUR, MINUTE, deadline_of, left_of, moment_of
from producers.desk.pages.present.view import image_origins, presentation_of, view_of
from schemas.values import (
    Appeal,
    CaseStage,
    DecidedBy,
    EscalatedBy,
    Level,
    Note,
    Outcome,
    PreviousAnswer,
    Recommendation,
    ReopenedBy,
    StandingDecision,
)
from streams.workflow.policies import Policy
from streams.workflow.presentation import Presentation
from streams.workflow.types import parse_workflow
from tests.support.presented import NOW, ORIGIN, case_shown, partial, samples


def view(shown: Presentation | None = None, **changes: Any) -> Any:
    return view_of(case_shown(**changes), shown or Presentation(), now=NOW)


def test_a_recommendation_says_how_sure_and_what_that_means() -> None:
    probabilities = (0.1, 0.999, 0.001)
    said = Recommendation(label="b", confidence=0.999, level=Level.HIGH, probabilities=probabilities)
    advice = view(classes=("a", "b", "c"), recommendation=said).advice
    assert (advice.label, advice.percent, advice.level) == ("b", "over 99 %", "high")
    assert advice.others == (("a", "10 %"), ("c", "under 1 %")) and "rarely wrong" in advice.meaning


def test_a_blind_case_looks_like_one_that_no_model_answered() -> None:
    """Whoever sees either learns nothing of a model."""
    blind = partial(view(recommendation=None, reason="needs human validation"))
    open_case = partial(view(reason="needs human validation"))
    for betrays in ("<meter", "%", "onfidence", "reject</bdi>"):
        assert betrays in open_case and betrays not in blind
    assert "judge it by itself" in blind


def test_why_a_person_is_asked_is_told_in_words() -> None:
    made = view(
        reason="people disagree; very low confidence", high_risk=True, compliance=True,
        risk_flags=("amount_above_limit", "new_device"), rule_hits=("large and new",),
        because="priority", rule="the most urgent and due first",
    )  # fmt: skip
    assert made.why == "People disagree. Very low confidence." and made.because == "The most urgent and due first."
    assert [(signal.kind, signal.text) for signal in made.signals] == [
        ("risk", "High risk"), ("compliance", "Compliance: a person must decide"), ("flag", "amount above the limit"),
        ("flag", "new device"), ("rule", "large and new"),
    ]  # fmt: skip


def test_what_was_said_stands_in_its_order_with_who_and_when() -> None:
    made = view(
        stage=CaseStage.EXPERT, escalated_by=EscalatedBy.TIMEOUT,
        answers=(PreviousAnswer(reviewer_id="r-1", action="escalate", note="odd", answered_at=NOW - 5 * MINUTE),
                 PreviousAnswer(reviewer_id="r-2", action="return", note="", answered_at=NOW - MINUTE)),
        notes=(Note(reviewer_id="r-3", note="called", noted_at=NOW - 2 * MINUTE),),
    )  # fmt: skip
    assert [(said.who, said.what, said.words, said.when and said.when.relative) for said in made.history] == [
        ("r-1", "passed it on to an expert", "odd", "5 min ago"),
        ("r-3", "noted", "called", "2 min ago"),
        ("r-2", "gave it back to reviewers", "", "1 min ago"),
        (None, "An expert is asked: nobody answered in time", "", None),
    ]


def test_an_appeal_comes_with_the_decision_that_it_is_against() -> None:
    standing = StandingDecision(original="o", outcome=Outcome.REJECTED, label="reject", decided_by=DecidedBy.REVIEWER,
                                reviewer_id="r-9", decided_at=NOW - HOUR)  # fmt: skip
    appeal = Appeal(appeal_id="p", statement="unfair", filed_by="u-1", filed_at=NOW - MINUTE)
    appealed = view(standing=standing, appeal=appeal, reopened_by=ReopenedBy.APPEAL)
    assert [(said.what, said.who, said.words) for said in appealed.contested] == [
        ("Decided: rejected (reject), by a reviewer", "r-9", ""), ("Appealed", "u-1", "unfair"),
    ]  # fmt: skip
    audited = view(standing=replace(standing, reviewer_id=None, decided_by=DecidedBy.AUTOMATION), appeal=appeal,
                   reopened_by=ReopenedBy.AUDIT)  # fmt: skip
    assert [said.what for said in audited.contested] == [
        "Decided: rejected (reject), by the model", "A blind audit contradicts the decision.",
    ]  # fmt: skip
    assert "unfair" not in partial(audited)
    assert view().contested == ()


@pytest.mark.parametrize(
    ("left", "state", "words"),
    [
        (26 * HOUR, "calm", "1 d 2 h left"), (HOUR, "calm", "1 h left"), (30 * MINUTE, "calm", "30 min 0 s left"),
        (30 * MINUTE - 1, "soon", "29 min 59 s left"), (0, "soon", "0 s left"), (-1, "over", "overdue by 0 s"),
        (-49 * HOUR, "over", "overdue by 2 d 1 h"),
    ],
)  # fmt: skip
def test_a_deadline_says_what_is_left(left: int, state: str, words: str) -> None:
    due = deadline_of(NOW + left, now=NOW)
    assert due is not None and (due.state, due.moment.relative) == (state, words) == (state, left_of(left))
    assert deadline_of(None, now=NOW) is None


def test_a_time_is_told_for_machines_in_utc_and_from_now() -> None:
    seen = moment_of(NOW - 90 * MINUTE, now=NOW)
    assert asdict(seen) == {
        "at": NOW - 90 * MINUTE, "iso": "2026-01-05T06:30:00Z", "absolute": "5 January 2026, 06:30 UTC",
        "relative": "1 h 30 min ago", "span": "1 h 30 min",
    }  # fmt: skip
    assert moment_of(NOW + 2_000, now=NOW).relative == "in less than 1 min"
    assert moment_of(1 << 60, now=NOW).iso.startswith("9999-")


def test_reasons_are_offered_for_the_actions_that_they_fit() -> None:
    loans = samples()["loan"]
    assert [each.code for each in loans.reasons_for("escalate")] == ["purpose", "incomplete"]
    assert [each.code for each in loans.reasons_for("approve")] == ["affordable", "secured"]


DOCUMENT = 'name = "w"\nclasses = ["a", "b"]\napproving_class = "b"\nfeaturizer = "text"\ntext_field = "body"\n'


def policies(*documents: str) -> dict[str, Policy]:
    kinds = [parse_workflow(document) for document in documents]
    return {kind.name: Policy(workflow_type=kind, version=1, digest="") for kind in kinds}


def test_a_workflow_that_says_nothing_shows_the_text_that_its_model_reads() -> None:
    in_force = policies(DOCUMENT)
    assert presentation_of(in_force, "w") == Presentation(content_field="body")
    assert presentation_of(in_force, "other") == Presentation()
    made = view(presentation_of(in_force, "w"), content='{"body":"hello","language":"en"}')
    assert made.content.start[0].text == "hello" and made.question == "Which answer is right: reject or approve?"
    assert [item.label for group in made.groups for item in group.items] == ["Language"]


def test_pictures_may_come_from_where_any_policy_in_force_says() -> None:
    origins = f'[desk]\nimage_origins = ["{ORIGIN}", "https://a.example"]\n'
    in_force = policies(DOCUMENT + origins, DOCUMENT.replace('"w"', '"v"') + origins)
    assert image_origins(in_force) == ["https://a.example", ORIGIN]
    assert image_origins({}) == []
