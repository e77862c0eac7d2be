"""What people's work is counted as: claims that led to answers, several people's answers, known answers, returns."""

from streams.insights.figures import Durations, Figures
from streams.insights.kpis import review_efficiency
from streams.insights.reading import figures_of, metrics_of
from streams.insights.sums import Amount
from tests.support.people_log import WORKFLOW, PeopleLog
from tests.support.recorded import START
from tests.support.sums import Truth
from tests.unit.insights.test_fold import folded

MINUTE = 60_000


def amounts(*moves: tuple[str, int]) -> dict[str, Amount]:
    """The whole sums after moves about one request, a minute apart; the number chooses the person: 0 is ann."""
    people = PeopleLog()
    for at, (name, number) in enumerate(moves):
        people.log.clock = START + at * MINUTE
        people.move(name, "r", number * 50)  # a number that does not move the clock
    rows = folded([people.entries])
    assert rows == Truth(people.entries).rows
    whole = {key[3]: row for key, row in rows.items() if key[:3] == (0, 0, WORKFLOW)}
    return {name: Amount(*row) for name, row in whole.items()}


def test_every_persons_answer_to_a_case_counts_as_work_and_the_request_once() -> None:
    found = amounts(("open", 0), ("claim", 0), ("count", 0), ("claim", 1), ("answer", 1))
    figures = figures_of(found)
    assert figures.work == Durations(2, 2 * MINUTE)
    assert figures.latency == Durations(1, 4 * MINUTE), "the request is reviewed once"
    assert sum(amount.count for name, amount in found.items() if name.startswith("answers/")) == 2
    kpi = review_efficiency(figures)
    assert (kpi.value, kpi.details["answers"]) == (60.0, 2)


def test_answers_that_disagree_count_each_and_send_the_case_to_an_expert_once() -> None:
    found = amounts(("open", 0), ("count", 0), ("count", 1), ("disagree", 1))
    assert [amount.count for name, amount in found.items() if name.startswith("answers/")] == [1, 1]
    assert found["escalated/disagreement"].count == 1


def test_a_claim_that_ran_out_is_no_work_and_one_that_was_given_back_is() -> None:
    assert "work" not in amounts(("open", 0), ("claim", 0), ("run_out", 0))
    assert amounts(("open", 0), ("claim", 0), ("release", 0))["work"] == Amount(0, MINUTE)


def test_an_answer_in_its_grace_period_is_work_until_it_was_given_and_counts_when_it_takes_effect() -> None:
    found = amounts(("open", 0), ("claim", 0), ("receive", 0), ("note", 0), ("answer", 0))
    assert found["work"] == Amount(1, MINUTE)
    undone = amounts(("open", 0), ("claim", 0), ("receive", 0), ("undo", 0), ("release", 0))
    assert undone["work"] == Amount(0, 2 * MINUTE - 1), "less the moment between the two records of taking it back"


def test_a_claim_outlives_another_priority() -> None:
    assert amounts(("open", 0), ("claim", 0), ("prioritise", 1), ("answer", 0))["work"] == Amount(1, 2 * MINUTE)


def test_without_claims_it_is_not_known_how_long_people_work() -> None:
    figures = figures_of(amounts(("open", 0), ("answer", 0)))
    kpi = review_efficiency(figures)
    assert kpi.value is None and kpi.why_not is not None and "claimed" in kpi.why_not
    assert review_efficiency(Figures(work=Durations(1, 0))).value is None, "of a window in which no claim ended"


def test_a_question_whose_answer_is_known_is_an_answer_of_a_person_and_no_request() -> None:
    figures = figures_of(found := amounts(("open", 0), ("claim", 0), ("answer", 0), ("gold", 1)))
    assert (figures.waiting, figures.latency.count, figures.decided) == (0, 0, 0)
    assert figures.work.count == 1
    system = metrics_of(found, now=found, models={})
    assert (system.answers, system.gold_answers, system.gold_right) == (1, 1, 0)
    assert (system.in_time, system.late, system.open_cases) == (0, 0, 0)


def test_a_returned_case_waits_for_reviewers_with_the_priority_it_was_given() -> None:
    found = amounts(("open", 0), ("pass_on", 0), ("prioritise", 1), ("return", 0))
    (row,) = metrics_of(found, now=found, models={}).queue
    assert (row.standing, row.priority) == ("pending_human", "normal")
    assert metrics_of(found, now=found, models={}).states["human_review"] == 1
