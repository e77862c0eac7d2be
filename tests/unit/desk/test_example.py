"""The smallest reviewer app, at a desk that is served: it decides case after case, and says what is refused."""

import os
import subprocess
import sys
from pathlib import Path

from producers.desk.next import NextCase, NothingToDo
from producers.desk.posted import ACTIONS
from schemas.events import CaseActionRequested, CaseClosed, DecisionRefused, Event, LeaseEnded, ReviewDecided
from schemas.values import ClosedBy, Coordinates, EndedBy, Priority
from streams.casework.eligibility import Idle, Reviewer
from streams.casework.serving import Because
from tests.support.desk import World, served
from tests.support.recorded import START

APP = Path(ACTIONS["claim"].kind.__module__.replace(".", "/")).parent / "examples" / "reviewer.py"
ROOT = Path(__file__).parents[3]


class Shift(World):
    """Casework that takes answers to all but the last of these cases."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.waiting = [
            NextCase(
                request_id=name, workflow="moderation", priority=Priority.NORMAL, skills=(), review=self.put(name),
                lease=7, expires_at=START, because=Because.PRIORITY,
            )
            for name in names
        ]  # fmt: skip
        self.last, self.casework.says = names[-1], self._say
        self.following.for_person = self._give  # type: ignore[method-assign]

    def _give(self, reviewer: Reviewer, *, wip_limit: int, token: str | None = None) -> NextCase | NothingToDo:
        assert reviewer.reviewer_id == "ann é"
        if self.waiting:
            return self.waiting.pop(0)
        return NothingToDo(why=Idle.NONE_WAITS, in_hand=0, detail="no case waits")

    def _say(self, said: CaseActionRequested | ReviewDecided, at: Coordinates) -> list[Event]:
        name, who = said.request_id, said.reviewer_id
        if isinstance(said, CaseActionRequested):
            return [LeaseEnded(event_id="e", request_id=name, workflow="w", sequence=2, revision=1, cause=at,
                               occurred_at=0, reviewer_id=who, lease=7, ended_by=EndedBy.RELEASED)]  # fmt: skip
        if name == self.last:
            return [DecisionRefused(event_id="e", request_id=name, sequence=0, cause=at, occurred_at=0,
                                    decision_id=said.decision_id, reviewer_id=who, reason="finished",
                                    detail="somebody was quicker")]  # fmt: skip
        return [CaseClosed(event_id="e", request_id=name, workflow="w", sequence=2, revision=1, cause=at,
                           occurred_at=0, closed_by=ClosedBy.REVIEWER, label="approve")]  # fmt: skip


def used(url: str, typed: str) -> str:
    """What the app prints for somebody who types this."""
    environment = {**os.environ, "PYTHONUTF8": "1"}
    made = subprocess.run(
        [sys.executable, str(ROOT / APP), url, "ann é"], input=typed, capture_output=True, text=True, timeout=60,
        check=False, env=environment,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return made.stdout


def test_it_decides_until_nothing_is_left_and_tells_what_is_refused() -> None:
    world = Shift("a/1", "b", "late")
    with served(world) as url:
        said = used(url, "a\nx\nr\na\n")
    assert said.count("a garden") == 3 and "closed" in said and "not taken: somebody was quicker" in said
    assert "no case waits" in said and said.endswith("2 decided\n")
    actions = [(each.request_id, each.action) for each in world.casework.written]
    assert actions == [("a/1", "approve"), ("b", "reject"), ("late", "approve")]
    answers = [each for each in world.casework.written if isinstance(each, ReviewDecided)]
    assert {each.lease for each in answers} == {7} and len({each.decision_id for each in answers}) == 3


def test_who_stops_gives_the_case_back() -> None:
    world = Shift("a", "b")
    with served(world) as url:
        assert used(url, "q\n").endswith("0 decided\n")
    assert [(each.request_id, each.action) for each in world.casework.written] == [("a", "release")]


def test_it_is_small() -> None:
    assert len((ROOT / APP).read_text().splitlines()) <= 60
