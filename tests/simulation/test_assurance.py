"""Assurance on the simulated log, killed and fenced at any moment: what it says is what one undisturbed run says."""

import os
from random import Random

import pytest
from msgspec.structs import replace

from infra.kafka.stage import Lane, Message
from schemas.events import DecisionValidated, Event, GoldAnswered, OverlapAnswered, PolicyPublished, ReviewerAssessed
from schemas.topics import AUDITS, POLICIES, REVIEWERS
from streams.assurance.stage import AssuranceStage, People
from streams.workflow.policies import NO_POLICIES, fold_policies
from tests.simulation.topology import topology
from tests.simulation.world import CODEC, World, published
from tests.support.learning import document
from tests.support.reviewer_log import POSTS, drawn, gold, overlap

SCHEDULES = int(os.environ.get("HITL_SCHEDULES", "5000")) // 25
SHARE = 20  # schedules of one test
TURNS = 220
NAMES = ("anna", "berta", "clara")
POLICY = PolicyPublished(
    event_id=f"policy:{POSTS}:1", workflow=POSTS, version=1, digest="1" * 64, document=document(), published_by="test",
    published_at=0,
)  # fmt: skip


def history(random: Random) -> list[Event]:
    """Some forty answers; one person is careless."""
    happened: list[Event] = []
    for number in range(random.randrange(25, 60)):
        who = random.choice(NAMES)
        label = "reject" if who == "clara" and random.random() < 0.5 else "approve"
        draw = random.random()
        if draw < 0.6:
            happened.append(gold(number, label, who=who, question=f"g{number % 30}"))
        else:
            happened.append(overlap(f"r{number // 3}", who, label) if draw < 0.9 else drawn())
    return happened


class Casework:
    """Writes what happened, a few events at a time."""

    name = "casework"

    def __init__(self, world: World, happened: list[Event]) -> None:
        self._world, self._left = world, happened

    def step(self) -> bool:
        some = self._left[: self._world.random.randrange(1, 5)]
        del self._left[: len(some)]
        published(self._world, [(AUDITS.name, POSTS.encode(), CODEC.encode(event), None) for event in some])
        return bool(some)


def undisturbed(world: World, policy: PolicyPublished = POLICY) -> list[ReviewerAssessed]:
    """What one run over the whole log says."""
    stage, config = AssuranceStage(), fold_policies(NO_POLICIES, policy)
    lane = Lane(
        partition=0, state=People(), config_offsets={POLICIES.name: 1}, reached=lambda _: 0, watermark=lambda _: 0
    )
    log = [
        Message(world.decode(r.value), AUDITS.name, r.partition, r.offset, r.timestamp, b"", r.value or b"")
        for r in world.log.read_all(AUDITS.name)
    ]
    out = stage.handle(log, {0: lane}, config).outgoing
    return [each.event for each in out if isinstance(each.event, ReviewerAssessed)]


@pytest.mark.simulation
@pytest.mark.parametrize("first", range(0, SCHEDULES, SHARE))
def test_what_is_said_of_people_is_said_once_and_the_same_after_any_fault(first: int) -> None:
    crashes = said = 0
    for seed in range(first, first + SHARE):
        world = World(seed)
        published(world, [(POLICIES.name, POSTS.encode(), CODEC.encode(POLICY), None)])
        world.add_stage(AssuranceStage, slots=2)
        world.actors.append(Casework(world, history(Random(seed))))
        world.run(TURNS)
        expected = undisturbed(world)
        assert world.events(REVIEWERS.name) == expected, f"seed {seed}"
        said += len(expected)
        crashes += world.chaos.happened.get("crash", 0)
    assert said > SHARE
    assert crashes > 0


@pytest.mark.simulation
def test_what_casework_writes_makes_assessments() -> None:
    """The whole topology with overlap, gold questions and validation, under faults, assurance among the stages."""
    kinds: set[type] = set()
    for seed in range(10):
        world = topology(seed, requests=60)
        world.add_stage(AssuranceStage, slots=1)
        world.run(600)
        kinds |= {type(event) for event in world.events(AUDITS.name)}
        policy = world.events(POLICIES.name)[0]  # the later one demands the same of people
        found = [event for event in world.events(REVIEWERS.name) if isinstance(event, ReviewerAssessed)]
        expected = undisturbed(world, policy)
        assert [_without_policies(each) for each in found] == [_without_policies(each) for each in expected], seed
        assert found, f"seed {seed}: nothing was said"
    assert kinds >= {GoldAnswered, OverlapAnswered, DecisionValidated}


def _without_policies(said: ReviewerAssessed) -> ReviewerAssessed:
    """Which policy was in force when is another thing in every run."""
    return replace(said, offsets={AUDITS.name: said.offsets[AUDITS.name]})
