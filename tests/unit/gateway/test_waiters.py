"""Whoever waits for an outcome is told once, and nobody else is."""

from hypothesis import given
from hypothesis import strategies as st

from producers.gateway.waiters import Waiters

STEPS = st.lists(st.tuples(st.sampled_from(("enter", "leave", "tell")), st.integers(0, 2), st.integers(0, 4)))


@given(STEPS)
def test_everybody_is_told_once_and_only_while_waiting(steps: list[tuple[str, int, int]]) -> None:
    waiters: Waiters[int] = Waiters()
    told: dict[tuple[int, int], int] = {}
    inside: set[tuple[int, int]] = set()
    calls = {
        (key, who): (lambda value, place=(key, who): told.update({place: told.get(place, 0) + 1}))
        for key in range(3)
        for who in range(5)
    }
    for what, key, who in steps:
        name, place = bytes([key]), (key, who)
        match what:
            case "enter" if place not in inside:
                waiters.enter(name, calls[place])
                inside.add(place)
            case "leave":
                waiters.leave(name, calls[place])
                inside.discard(place)
            case "tell":
                before = dict(told)
                waiting = {each for each in inside if each[0] == key}
                assert waiters.tell(name, 7) == len(waiting)
                assert told == {**before, **{each: before.get(each, 0) + 1 for each in waiting}}
                inside -= waiting
        assert len(waiters) == len(inside)
        assert all((bytes([key]) in waiters) == any(each[0] == key for each in inside) for key in range(3))


def test_at_the_end_everybody_is_let_go() -> None:
    waiters: Waiters[str | None] = Waiters()
    said: list[str | None] = []
    waiters.enter(b"a", said.append)
    waiters.enter(b"b", said.append)
    waiters.tell_all(None)
    assert said == [None, None] and len(waiters) == 0
