"""The window knows what was seen, forgets what is old, and is the same when read back from a later start."""

from hypothesis import given
from hypothesis import strategies as st

from streams.routing.dedup import Sighting, Window, content_digest

WIDTH = 100
A, B = content_digest(b"a", b"f"), content_digest(b"b", b"f")
ids = st.sampled_from(["x", "y", "z"])
sightings = st.lists(st.tuples(ids, st.sampled_from([A, B]), st.integers(0, 60)), max_size=40)


def seen(window: Window, request_id: str, digest: bytes, at: int) -> Sighting | None:
    """What the router does: judge, then remember unless it is a conflict."""
    sighting = window.sight(request_id, digest, at)
    if sighting is not Sighting.CONFLICT:
        window.note(request_id, digest, at)
    return sighting


def test_repeat_conflict_and_what_has_left_the_window() -> None:
    window = Window(WIDTH)
    assert seen(window, "x", A, 1_000) is None
    assert seen(window, "x", A, 1_050) is Sighting.REPEAT
    assert seen(window, "x", B, 1_060) is Sighting.CONFLICT
    assert seen(window, "x", A, 1_150) is Sighting.REPEAT, "a repeat renews the id"
    assert seen(window, "x", B, 1_251) is None


def test_clock_of_other_requests_ages_an_id() -> None:
    window = Window(WIDTH)
    seen(window, "x", A, 1_000)
    seen(window, "y", A, 1_101)
    assert window.sight("x", A, 1_050) is None


def test_aborted_sightings_never_were() -> None:
    window = Window(WIDTH)
    seen(window, "x", A, 1_000)
    window.commit()
    seen(window, "y", A, 5_000)
    window.discard()
    assert (window.sight("x", A, 1_001), window.sight("y", A, 1_001)) == (Sighting.REPEAT, None)


def test_memory_holds_the_window_only() -> None:
    window = Window(WIDTH)
    for at in range(10_000):
        seen(window, f"id-{at}", A, at)
        window.commit()
    assert len(window.committed) == WIDTH + 1


@given(sightings, st.lists(st.booleans(), min_size=40, max_size=40))
def test_judgement_does_not_depend_on_when_it_was_committed(
    history: list[tuple[str, bytes, int]], commits: list[bool]
) -> None:
    often, never = Window(WIDTH), Window(WIDTH)
    at = 0
    for (request_id, digest, step), commit in zip(history, commits, strict=False):
        at += step
        assert seen(often, request_id, digest, at) is seen(never, request_id, digest, at)
        if commit:
            often.commit()


@given(sightings, st.integers(0, 3_000))
def test_window_read_back_from_any_earlier_point_judges_alike(
    history: list[tuple[str, bytes, int]], slack: int
) -> None:
    whole = Window(WIDTH)
    at, kept = 0, []
    for request_id, digest, step in history:
        at += step
        if seen(whole, request_id, digest, at) is not Sighting.CONFLICT:
            kept.append((request_id, digest, at))
    restored = Window(WIDTH)
    for request_id, digest, when in kept:
        if when >= at - WIDTH - slack:
            restored.note(request_id, digest, when)
    restored.commit()
    for request_id in ("x", "y", "z"):
        for digest in (A, B):
            for later in (at, at + 30, at + 101):
                assert restored.sight(request_id, digest, later) is whole.sight(request_id, digest, later)
