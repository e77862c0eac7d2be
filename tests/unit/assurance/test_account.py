"""What `hitl reviewers` says: from the log, the newest assessment, agreement by workflow and by pairs of people."""

from collections.abc import Iterable

import pytest

from infra.kafka.scan import Entry
from schemas.events import Event, OverlapAnswered, ReviewerAssessed
from schemas.topics import AUDITS, REVIEWERS
from streams.assurance.account import Account, account_of
from streams.assurance.command import agreement_text, list_text, person_text
from tests.support.learning import NOW
from tests.support.reviewer_log import POSTS, overlap


def entries(events: Iterable[Event]) -> list[Entry]:
    return [
        Entry(
            topic=(AUDITS if isinstance(event, OverlapAnswered) else REVIEWERS).name, partition=0, offset=offset,
            timestamp=NOW, key=b"k", value=b"v", event=event,
        )
        for offset, event in enumerate(events)
    ]  # fmt: skip


def said(
    who: str, *, right: int = 9, of: int = 10, suspect: bool = False, workflow: str = POSTS, lower: float | None = 0.5
) -> ReviewerAssessed:
    return ReviewerAssessed(
        event_id=f"assessed:{workflow}:{who}:{of}", reviewer_id=who, workflow=workflow, gold_answers=of,
        gold_right=right, accuracy=right / of, accuracy_lower=lower, accuracy_upper=1.0, suspect=suspect,
        may_adjudicate=not suspect, reason="because of that", assessed_at=NOW,
    )  # fmt: skip


def pair(request_id: str, first: str, second: str, *, people: tuple[str, str] = ("anna", "berta")) -> list[Event]:
    answers = zip(people, (first, second), (1, 2), strict=True)
    return [overlap(request_id, who, label, position=position) for who, label, position in answers]


def account(*events: Event) -> Account:
    return account_of(entries(events))


def test_the_newest_assessment_is_listed_and_suspects_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    made = account(said("anna"), said("anna", right=19, of=20, lower=0.75), said("carl", suspect=True), said("berta"))
    assert [each.reviewer_id for each in made.listed()] == ["carl", "berta", "anna"]
    assert made.listed()[2].gold_answers == 20
    assert made.listed("loans") == []
    text = list_text(made.listed())
    assert "suspect" in text
    assert "19/20 (75%–100%)" in text


def test_agreement_is_told_by_workflow_with_all_coefficients() -> None:
    events = [event for n in range(8) for event in pair(f"r{n}", "approve", "reject" if n < 2 else "approve")]
    third = overlap("r0", "carl", "reject", position=3)  # asked because two disagreed: not among the first two
    found = account(*events, third, overlap("alone", "anna")).agreements()
    assert list(found) == [POSTS]
    assert (found[POSTS].units, found[POSTS].pairwise.value) == (8, 0.75)
    assert "0.7500" in agreement_text(found)
    assert "overlap = 2" in agreement_text({})


def test_one_class_alone_leaves_alpha_undefined_in_the_text() -> None:
    text = " ".join(agreement_text(account(*pair("r", "approve", "approve")).agreements()).split())
    assert "undefined," in text


def test_a_person_is_shown_with_reasons_and_company() -> None:
    company = [pair(f"r{n}", "approve" if n % 2 else "reject", "approve" if n % 2 else "reject") for n in range(6)]
    apart = pair("r9", "approve", "reject", people=("carl", "anna"))
    found = account(said("anna"), *(event for each in company for event in each), *apart).person("anna")
    assert [(each.other, each.cases, each.alike) for each in found.together] == [("berta", 6, 6), ("carl", 1, 0)]
    assert found.together[0].cohen_kappa.value == 1.0
    assert found.together[1].cohen_kappa.value == 0.0
    text = person_text(found)
    assert "posts: because of that." in text
    assert "berta" in text


def test_nobody_is_known_of_whom_the_log_says_nothing() -> None:
    found = account(said("anna")).person("zoe")
    assert (found.assessments, found.together) == ((), ())
    assert "nobody was assessed yet" in list_text([])


def test_answers_to_a_case_that_was_opened_again_are_no_new_case() -> None:
    events = [*pair("r", "approve", "approve"), *pair("r", "approve", "reject")]
    assert account(*events).agreements()[POSTS].pairwise.value == 1.0
