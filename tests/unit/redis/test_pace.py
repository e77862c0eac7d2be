"""What is said about waiting comes of what people really do, and nothing is said where nothing is known."""

from hypothesis import given
from hypothesis import strategies as st

from infra.redis.pace import PAUSE, Pace, pace, wait_ms

MINUTE = 60_000  # milliseconds


def test_nothing_is_known_without_people_at_work_who_answered_twice() -> None:
    assert pace({}, now=0) is None
    assert pace({"ada": [MINUTE]}, now=2 * MINUTE) is None
    assert pace({"ada": [0, MINUTE]}, now=MINUTE + PAUSE + 1) is None, "she has gone"


def test_a_pause_is_no_review() -> None:
    found = pace({"ada": [0, MINUTE, MINUTE + PAUSE + 1, 2 * MINUTE + PAUSE + 1]}, now=3 * MINUTE + PAUSE)
    assert found == Pace(active_reviewers=1, mean_review_ms=MINUTE)


def test_two_people_halve_the_wait() -> None:
    one = pace({"ada": [0, MINUTE]}, now=MINUTE)
    two = pace({"ada": [0, MINUTE], "ben": [0, MINUTE]}, now=MINUTE)
    assert one is not None and two is not None
    assert wait_ms(5, one) == 6 * MINUTE
    assert wait_ms(5, two) == 3 * MINUTE


@given(st.lists(st.integers(0, PAUSE), min_size=2, max_size=20), st.integers(0, 50))
def test_the_order_of_answers_makes_no_difference_and_more_ahead_never_means_less(times: list[int], ahead: int) -> None:
    now = max(times)
    found = pace({"ada": times}, now=now)
    assert found == pace({"ada": sorted(times, reverse=True)}, now=now)
    assert found is not None
    assert 0 <= wait_ms(ahead, found) <= wait_ms(ahead + 1, found)
