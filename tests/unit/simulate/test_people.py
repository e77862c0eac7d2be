"""Simulated people answer by what was recorded, the same way every time, and are named as simulation."""

from collections import Counter

import pytest

from infra.errors import SettingsInvalid
from producers.simulate.davidson import Post
from producers.simulate.german_credit import Application
from producers.simulate.people import Announcement, Crowd, Panel, answer, panel_of, thinking_time
from producers.simulate.recorded import DavidsonVotes, GermanCreditOutcomes, RecordedAnswers
from producers.simulate.service import crowd_of
from schemas.events import ExpertReviewRequested, ReviewRequested
from schemas.values import Coordinates, EscalatedBy, Level, Priority, Recommendation

REVIEW = Coordinates(topic="review.normal", partition=0, offset=0)
SHOWN = Recommendation(label="approve", confidence=0.9, level=Level.MEDIUM, probabilities=(0.1, 0.9))


def announced(request_id: str, *, blind: bool = False, expert: bool = False, revision: int = 1) -> Announcement:
    given = {
        "event_id": "e", "request_id": request_id, "workflow": "w", "revision": revision, "request": REVIEW,
        "request_body": b"", "request_fingerprint": bytes(8), "requested_at": 0, "priority": Priority.NORMAL,
        "reason": "r", "recommendation": None if blind else SHOWN, "classes": ("reject", "approve"),
        "approving_class": "approve", "policy_version": 1, "policy_digest": "d", "cause": REVIEW, "sealed": b"",
        "created_at": 0,
    }  # fmt: skip
    if expert:
        return ExpertReviewRequested(**given, escalated_by=EscalatedBy.PERSON)  # type: ignore[arg-type]
    return ReviewRequested(**given)  # type: ignore[arg-type]


class Unanimous:
    """Everybody approves; remembers who was asked."""

    def __init__(self) -> None:
        self.panels: list[Panel] = []

    def answer(self, request_id: str, panel: Panel, *, seed: int, turn: int = 0) -> str | None:
        self.panels.append(panel)
        return "approve"


def test_the_panel_follows_what_the_reviewer_sees() -> None:
    assert panel_of(announced("a")) is Panel.ONE
    assert panel_of(announced("a", blind=True)) is Panel.THREE
    assert panel_of(announced("a", expert=True)) is Panel.ALL
    assert panel_of(announced("a", expert=True, blind=True)) is Panel.ALL


def test_an_answer_names_the_announcement_and_a_simulated_person() -> None:
    made = answer(announced("a"), REVIEW, Unanimous(), Crowd(escalate_share=0))
    assert made is not None
    assert (made.request_id, made.review, made.action, made.label) == ("a", REVIEW, "approve", None)
    assert made.reviewer_id.startswith("simulated-reviewer-")
    expert = answer(announced("a", expert=True), REVIEW, Unanimous(), Crowd())
    assert expert is not None
    assert expert.reviewer_id.startswith("simulated-expert-")
    assert expert.decision_id == made.decision_id == "simulated:a:1:0"


def test_the_same_announcement_is_always_answered_the_same_way() -> None:
    first, again = (answer(announced("a"), REVIEW, Unanimous(), Crowd(seed=7)) for _ in range(2))
    assert first == again
    others = {str(answer(announced(f"a{n}"), REVIEW, Unanimous(), Crowd(seed=7))) for n in range(20)}
    assert len(others) == 20


def test_three_in_a_hundred_reviews_are_escalated_and_no_expert_escalates() -> None:
    asked = [announced(f"a{n}") for n in range(5_000)]
    actions = Counter(made.action for each in asked if (made := answer(each, REVIEW, Unanimous(), Crowd())))
    assert 110 <= actions["escalate"] <= 190
    experts = [announced(f"a{n}", expert=True) for n in range(500)]
    decided = [answer(each, REVIEW, Unanimous(), Crowd()) for each in experts]
    assert {decision.action for decision in decided if decision is not None} == {"approve"}
    assert None not in decided


def test_the_error_rate_turns_that_share_of_answers_round() -> None:
    crowd = Crowd(escalate_share=0, error_rate=0.2)
    made = [answer(announced(f"a{n}"), REVIEW, Unanimous(), crowd) for n in range(2_000)]
    wrong = sum(each is not None and each.action == "reject" for each in made)
    assert 330 <= wrong <= 470


def test_people_are_all_at_work_and_think_as_long_as_they_are_told() -> None:
    crowd = Crowd(reviewers=3, think_seconds=2.0)
    seen = {made.reviewer_id for n in range(200) if (made := answer(announced(f"a{n}"), REVIEW, Unanimous(), crowd))}
    assert seen == {f"simulated-reviewer-{n}" for n in (1, 2, 3)}
    times = [thinking_time(announced(f"a{n}"), crowd) for n in range(200)]
    assert min(times) >= 1.0
    assert max(times) < 3.0
    assert thinking_time(announced("a"), Crowd()) == 0.0


POSTS = (
    Post(post_id="clear", text="", hate=0, offensive=0, neither=3),
    Post(post_id="mixed", text="", hate=1, offensive=1, neither=1),
)


def test_each_turn_is_another_persons() -> None:
    votes, asked = DavidsonVotes(POSTS), announced("mixed")
    for seed in range(20):
        made = [answer(asked, REVIEW, votes, Crowd(seed=seed, escalate_share=0), turn=turn) for turn in range(3)]
        assert len({each.reviewer_id for each in made if each}) == len({each.decision_id for each in made if each}) == 3
        assert sorted(each.action for each in made if each) == ["approve", "reject", "reject"]  # its three votes


def test_recorded_votes_decide_and_an_unknown_request_gets_no_answer() -> None:
    votes = DavidsonVotes(POSTS)
    assert {votes.answer("clear", panel, seed=1) for panel in Panel} == {"approve"}
    assert votes.answer("mixed", Panel.ALL, seed=1) == votes.answer("mixed", Panel.THREE, seed=1) == "reject"
    assert {votes.answer("mixed", Panel.ONE, seed=seed) for seed in range(30)} == {"approve", "reject"}
    assert answer(announced("somebody's own"), REVIEW, votes, Crowd()) is None


def application(number: int, outcome: int) -> Application:
    return Application(application_id=f"german-credit-{number}", values={}, outcome=outcome)


APPLICATIONS = [application(number, 1 + number % 2) for number in range(4_000)]


@pytest.mark.parametrize(("panel", "low", "high"), [(Panel.ONE, 0.04, 0.06), (Panel.THREE, 0.004, 0.011)])
def test_people_err_about_loans_as_often_as_is_said_and_always_in_the_same_way(
    panel: Panel, low: float, high: float
) -> None:
    outcomes = GermanCreditOutcomes(0.05, APPLICATIONS)
    told = [outcomes.answer(each.application_id, panel, seed=1) for each in APPLICATIONS]
    wrong = sum(answer != each.label for answer, each in zip(told, APPLICATIONS, strict=True))
    assert low < wrong / len(APPLICATIONS) < high
    assert told == [outcomes.answer(each.application_id, panel, seed=1) for each in APPLICATIONS]
    assert told != [outcomes.answer(each.application_id, panel, seed=2) for each in APPLICATIONS]


def test_experts_know_what_became_of_a_loan_and_nobody_knows_other_requests() -> None:
    outcomes = GermanCreditOutcomes(1.0, APPLICATIONS)
    told = [outcomes.answer(each.application_id, Panel.ALL, seed=1) for each in APPLICATIONS]
    assert told == [each.label for each in APPLICATIONS]
    assert outcomes.answer("german-credit-0", Panel.ONE, seed=1) == "reject"
    assert outcomes.answer("clear", Panel.ONE, seed=1) is None


def test_the_error_rate_of_loans_leaves_posts_alone() -> None:
    votes = RecordedAnswers(DavidsonVotes(POSTS), GermanCreditOutcomes(1.0, APPLICATIONS))
    assert {votes.answer("clear", panel, seed=1) for panel in Panel} == {"approve"}
    assert votes.answer("german-credit-1", Panel.THREE, seed=1) == "approve"
    assert votes.answer("somebody's own", Panel.ONE, seed=1) is None


def test_the_crowd_is_set_by_the_environment() -> None:
    assert crowd_of({"HITL_PEOPLE_SEED": "9", "HITL_PEOPLE_THINK_SECONDS": "0.5", "PATH": "x"}) == Crowd(
        seed=9, think_seconds=0.5
    )
    assert crowd_of({}).loan_error_rate == 0.05
    assert crowd_of({"HITL_PEOPLE_LOAN_ERROR_RATE": "0.1"}).loan_error_rate == 0.1
    for variable, text in (("HITL_PEOPLE_ESCALATE_SHARE", "3"), ("HITL_PEOPLE_SEEDS", "1"), ("HITL_PEOPLE_SEED", "x")):
        with pytest.raises(SettingsInvalid, match="HITL_PEOPLE_"):
            crowd_of({variable: text})
