"""The view of the figures as Prometheus and a supervisor see it."""

from types import SimpleNamespace
from typing import cast

from infra.observe.serving import unserved
from streams.insights.following import Following
from streams.insights.watching import STALE, ViewWatch


class Now:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_it_is_ready_once_level_with_the_log_and_not_when_it_stays_behind() -> None:
    following, clock, seen = SimpleNamespace(applied=0, complete_at=None, is_ready=False), Now(), unserved()
    watched = ViewWatch(seen, cast(Following, following), clock=clock)
    clock.now += 5
    watched.turned()
    assert (seen.vitals.ready(), watched.age()) == ((False, "it reads the log"), 5.0)
    following.complete_at, following.is_ready, following.applied = clock.now, True, 700
    watched.turned()
    watched.turned()
    assert seen.vitals.ready().good
    text = seen.instruments.text().decode()
    assert "hitl_insights_applied_records_total 700.0" in text
    assert "hitl_insights_age_seconds 0.0" in text
    clock.now += STALE + 1
    watched.turned()
    assert seen.vitals.ready() == (False, f"the view is {STALE + 1:.0f} s behind the log")
    assert f"hitl_insights_age_seconds {STALE + 1}" in seen.instruments.text().decode()
