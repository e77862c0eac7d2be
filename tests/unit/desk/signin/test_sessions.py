"""A session is its person's alone, ends in time, and its id cannot be guessed, changed or used again."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infra.redis.keeping import MemoryKeeping
from producers.desk.signin import sessions as sessions_module
from producers.desk.signin.sessions import MINUTE, How, Session, Sessions, Terms, is_csrf
from tests.support.signing_in import ANN, NOW

TERMS = Terms()


class Clock:
    """Milliseconds."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def sessions_of(clock: Clock, keeping: MemoryKeeping | None = None) -> Sessions:
    made = iter(f"{n:A<43}" for n in range(10_000))
    return Sessions(keeping or MemoryKeeping(clock), wall=clock, new_secret=lambda: next(made))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def begun(sessions: Sessions) -> tuple[str, Session]:
    return sessions.begin(ANN, How.PROVIDER, former=None)


@given(st.data())
def test_an_id_with_any_sign_changed_is_no_session(data: st.DataObject) -> None:
    sessions = sessions_of(Clock())
    session_id, session = begun(sessions)
    at = data.draw(st.integers(0, len(session_id) - 1))
    other = data.draw(st.characters().filter(lambda sign: sign != session_id[at]))
    assert sessions.find(session_id[:at] + other + session_id[at + 1 :]) is None
    assert sessions.find(session_id) == session


@given(st.text())
@example("")
@example("A" * 43)
@example("session:" + "A" * 43)
def test_an_id_that_was_never_given_is_no_session(given_id: str) -> None:
    sessions = sessions_of(Clock())
    session_id, _ = begun(sessions)
    assert sessions.find(given_id) is None or given_id == session_id


def test_the_store_does_not_know_the_id(clock: Clock) -> None:
    keeping = MemoryKeeping(clock)
    session_id, _ = begun(sessions_of(clock, keeping))
    assert session_id not in repr(vars(keeping))


def test_who_shows_no_sign_of_life_is_out_after_half_an_hour(clock: Clock) -> None:
    sessions = sessions_of(clock)
    session_id, _ = begun(sessions)
    clock.now += TERMS.idle_ms - 1
    assert sessions.find(session_id) is not None
    clock.now += TERMS.idle_ms - 1
    assert sessions.find(session_id) is not None
    clock.now += TERMS.idle_ms
    assert sessions.find(session_id) is None


def test_after_twelve_hours_everybody_signs_in_again(clock: Clock) -> None:
    sessions = sessions_of(clock)
    session_id, _ = begun(sessions)
    for _ in range(12 * 60 - 1):
        clock.now += MINUTE
        assert sessions.find(session_id) is not None
    clock.now += MINUTE
    assert sessions.find(session_id) is None


def test_signing_in_gives_a_new_id_and_ends_the_one_before(clock: Clock) -> None:
    sessions = sessions_of(clock)
    first, before = begun(sessions)
    second, after = sessions.begin(ANN, How.LINK, former=first)
    assert first != second and before.csrf != after.csrf
    assert sessions.find(first) is None and sessions.find(second) is not None


def test_who_signed_out_stays_out(clock: Clock) -> None:
    sessions = sessions_of(clock)
    session_id, session = begun(sessions)
    assert sessions.end(session_id) == session
    assert sessions.find(session_id) is None and sessions.end(session_id) is None


def test_a_sign_of_life_does_not_bring_back_a_session_that_was_ended_meanwhile(clock: Clock) -> None:
    class Late(MemoryKeeping):
        def replace(self, name: str, value: bytes, *, keep_ms: int) -> bool:
            sessions.end(session_id)  # another request signs out just now
            return super().replace(name, value, keep_ms=keep_ms)

    sessions = sessions_of(clock, Late(clock))
    session_id, _ = begun(sessions)
    clock.now += 2 * MINUTE
    sessions.find(session_id)
    assert sessions.find(session_id) is None


def test_what_an_earlier_release_kept_in_another_form_is_no_session_and_no_failure(clock: Clock) -> None:
    keeping = MemoryKeeping(clock)
    sessions = sessions_of(clock, keeping)
    session_id, _ = begun(sessions)
    (name,) = keeping._kept
    keeping.put(name, b'{"person":"ann"}', keep_ms=MINUTE)
    assert sessions.find(session_id) is None and sessions.end(session_id) is None


def test_all_sessions_of_a_person_end_and_those_of_others_do_not(clock: Clock) -> None:
    sessions = sessions_of(clock)
    (one, _), (two, _) = begun(sessions), begun(sessions)
    ben, _ = sessions.begin(ANN.__class__(reviewer_id="ben", name="Ben", roles=ANN.roles), How.LINK, former=None)
    sessions.end_all("ann")
    assert [sessions.find(each) is None for each in (one, two, ben)] == [True, True, False]
    clock.now += 1
    again, _ = begun(sessions)
    assert sessions.find(again) is not None


@given(st.text())
def test_only_the_sessions_own_token_is_its_token(given_token: str) -> None:
    _, session = begun(sessions_of(Clock()))
    assert is_csrf(session, given_token) is (given_token == session.csrf)
    assert is_csrf(session, session.csrf) and not is_csrf(session, None)


def test_a_session_that_was_seen_is_found_by_one_question_and_ends_no_later(clock: Clock) -> None:
    class Asked(MemoryKeeping):
        questions = 0

        def get(self, names: Sequence[str]) -> list[bytes | None]:
            self.questions += 1
            return super().get(names)

    keeping = Asked(clock)
    here, elsewhere = sessions_of(clock, keeping), sessions_of(clock, keeping)  # two processes, one store
    session_id, session = begun(here)
    assert (here.find(session_id), keeping.questions) == (session, 2)
    assert (here.find(session_id), keeping.questions) == (session, 3)
    elsewhere.end_all(ANN.reviewer_id)
    assert here.find(session_id) is None
    assert here.find(session_id) is None


def test_sessions_beyond_those_remembered_are_found_as_well(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "REMEMBERED", 2)
    sessions = sessions_of(clock)
    all_of_them = [begun(sessions) for _ in range(5)]
    assert [sessions.find(session_id) for session_id, _ in all_of_them * 2] == [each for _, each in all_of_them * 2]
