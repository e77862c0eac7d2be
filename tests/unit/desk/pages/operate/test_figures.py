"""The figures as they are shown: each in words, with its interval, by hour, and nothing that is not there."""

import msgspec
import pytest

from producers.desk.pages.operate.asking import FiguresAsked
from producers.desk.pages.operate.figures import HOURS, NAMES, figure, interval_of, shown
from streams.insights.answers import Answer
from streams.insights.asking import InsightsAway
from streams.insights.kpis import Kpi, Kpis
from tests.support.operating import HOUR, NOW, answer


def test_every_figure_has_a_name_and_says_what_it_is() -> None:
    assert tuple(NAMES) == Kpis.__struct_fields__
    assert all(what.endswith(".") for _, what in NAMES.values())


def test_a_figure_is_told_with_its_target_and_what_belongs_to_it() -> None:
    kpi = Kpi(value=0.08, target="< 5 %", met=False, unit="share", details={"audits": 1_650, "low": 0.04, "high": 0.13})
    made = figure("false_positive_rate", kpi)
    assert (made.value, made.verdict, made.why) == ("8.0%", "not met", "")
    assert made.interval == "between 4.0% and 13.0%, with 95 % confidence"
    assert made.details == [("audits", "1,650")]
    assert made.chart.interval is not None and made.told.startswith("Wrong automatic decisions: 8.0%, target < 5 %")


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_not_measured_says_why_and_is_not_drawn(value: float | None) -> None:
    kpi = Kpi(value=value, target="< $0.50", unit="US dollars", why_not="nothing is known")
    made = figure("cost_per_decision", kpi)
    assert (made.value, made.verdict, made.chart.value) == ("", "not measured yet", None)
    assert made.why == "Not measured yet, because nothing is known."


def test_a_lower_bound_reaches_up_to_one() -> None:
    kpi = Kpi(value=0.98, target="> 95 %", met=True, unit="share", details={"lower_bound": 0.96, "checked": 40})
    assert interval_of(kpi) == (0.96, 1.0)
    assert figure("expert_validation_rate", kpi).interval.startswith("at least 96.0%")


def test_the_interval_of_automatic_decisions_stands_where_the_whole_is_not_measured() -> None:
    details: dict[str, int | float | str] = {"automatic_accuracy_low": 0.87, "automatic_accuracy_high": 0.96}
    kpi = Kpi(target="> 95 %", unit="share", why_not="people decide a part", details=details)
    made = figure("system_accuracy", kpi)
    assert made.interval.startswith("automatic decisions alone: between 87.0% and 96.0%")
    assert made.chart.value is None and made.chart.interval is not None


def test_a_page_counts_what_is_met_and_draws_the_last_hours() -> None:
    answers = answer()
    (posts,) = shown(answers.whole, answers.hours, now=NOW).workflows
    assert (posts.name, posts.met, posts.missed, posts.unmeasured) == ("posts", 2, 0, 9)
    series = {each.key: each for each in posts.series}
    assert set(series) == {"automation_rate", "time_to_resolution"}
    numbers = series["automation_rate"].numbers
    assert numbers == [(NOW - 5 * HOUR, "90.0%"), (NOW - 4 * HOUR, "90.0%"), (NOW - HOUR, "90.0%")]
    assert len(series["automation_rate"].chart.paths) == 1, "the last hour stands alone behind a gap"


def test_hours_that_are_long_past_are_not_shown() -> None:
    answers = answer()
    (posts,) = shown(answers.whole, answers.hours, now=NOW + HOURS * HOUR).workflows
    assert posts.series == []


def test_names_of_which_nothing_was_routed_are_only_named() -> None:
    answers = answer(workflows=("<b>", "x" * 10_000), decided=0)
    made = shown(answers.whole, answers.hours, now=NOW)
    unrouted = msgspec.structs.asdict(answers.whole.windows[0])["workflows"]
    assert made.workflows == [] and list(made.unrouted) == sorted(unrouted)


@pytest.mark.parametrize(("stale", "old"), [(0.3, False), (60.0, True), (None, True)])
def test_figures_that_are_behind_the_log_say_so(stale: float | None, old: bool) -> None:
    answers = answer(stale=stale)
    assert shown(answers.whole, answers.hours, now=NOW).is_old is old


def test_an_answer_is_shared_for_some_seconds_and_a_failure_is_not() -> None:
    made, asked, now = answer(), list[dict[str, object]](), [0.0]

    def ask(**question: object) -> Answer:
        asked.append(question)
        if len(asked) == 1:
            raise InsightsAway
        return made.hours if question else made.whole

    asking = FiguresAsked(ask, clock=lambda: now[0])
    with pytest.raises(InsightsAway):
        asking.now()
    assert asking.now() == asking.now() == made
    assert asked == [{}, {}, {"window": "hour"}]
    now[0] = 6.0
    asking.now()
    assert len(asked) == 5
