"""Every stage, upstream and people in one world, and what must hold of the log at the end."""

from collections.abc import Callable
from random import Random
from typing import Any

from consumers.feedback.stage import FeedbackStage
from consumers.inference.loading import Models
from consumers.inference.stage import InferenceStage
from consumers.training.running import InPlace
from consumers.training.stage import TrainingStage
from infra.kafka.loop import Loop
from infra.kafka.stage import Stage
from schemas.events import ModelPromoted, PolicyPublished
from schemas.topics import MODELS, POLICIES
from streams.casework.sealing import Sealer
from streams.casework.stage import CaseworkStage
from streams.routing.stage import RouterStage
from tests.simulation.chaos import Faults
from tests.simulation.holding import check_holding
from tests.simulation.invariants import check
from tests.simulation.outsiders import WORKFLOW, Appealing, People, Upstream, Working, plan, request
from tests.simulation.world import CODEC, PARTITIONS, World, published
from tests.support.colleagues import enrolments, gold
from tests.support.replay import Replay
from tests.support.standin import StandInStore, stand_in_refit

SEALER = Sealer(bytes(range(64)))
SALT = bytes(32)
DOCUMENT = f"""
name = "{WORKFLOW}"
classes = ["reject", "approve"]
approving_class = "approve"
featurizer = "text"
audit_share = 0.4
blind_share = 0.4
review_timeout_hours = {{hours}}
[thresholds]
auto_approve = {{threshold}}
[review]
lease_minutes = 0.005
overlap = 2
overlap_share = 0.3
adaptive = true
gold_share = 0.2
validation_share = 0.2
four_eyes = {{four_eyes}}
[retraining]
labels = 4
minimum_labels = 3
"""
LoopType = type[Loop[Any, Any]]


def inference() -> Stage[Any, Any]:
    return InferenceStage(CODEC, Models(StandInStore(), background=False))


def router() -> Stage[Any, Any]:
    return RouterStage(codec=CODEC, sealer=SEALER, salt=SALT)


def casework() -> Stage[Any, Any]:
    return CaseworkStage(SEALER, CODEC, partitions=PARTITIONS, salt=SALT)


def feedback() -> Stage[Any, Any]:
    return FeedbackStage()


def training() -> Stage[Any, Any]:
    return TrainingStage(InPlace(stand_in_refit))


def policy(
    version: int, *, threshold: float, hours: float, four_eyes: str = "[]"
) -> tuple[str, bytes, bytes, int | None]:
    document = DOCUMENT.format(threshold=threshold, hours=hours, four_eyes=four_eyes)
    event = PolicyPublished(
        event_id=f"policy:{WORKFLOW}:{version}", workflow=WORKFLOW, version=version, digest=str(version) * 64,
        document=document, published_by="simulation", published_at=0,
    )  # fmt: skip
    return POLICIES.name, WORKFLOW.encode(), CODEC.encode(event), None


def first_model() -> tuple[str, bytes, bytes, int | None]:
    event = ModelPromoted(
        event_id="promoted", workflow=WORKFLOW, model_digest="a" * 64, uri="stand-in", version=1,
        reason="first model", feedback_end_offset=0, promoted_at=0,
    )  # fmt: skip
    return MODELS.name, WORKFLOW.encode(), CODEC.encode(event), None


class Operator:
    """Publishes another policy and, where there is none, a first model, in the middle of everything."""

    name = "operator"

    def __init__(self, world: World, *, later: list[tuple[str, bytes, bytes, int | None]]) -> None:
        self._world, self._later = world, later

    def step(self) -> bool:
        if not self._later:
            return False
        published(self._world, [self._later.pop(0)])
        return True


def topology(
    seed: int,
    *,
    requests: int = 12,
    faults: Faults | None = None,
    loop: LoopType = Loop,
    make_casework: Callable[[], Stage[Any, Any]] = casework,
    make_router: Callable[[], Stage[Any, Any]] = router,
    hours: float = 0.0008,
    leave_open: float = 0.12,
    appeal: float = 0.25,
) -> World:
    """A world that is ready to run: two slots of the request path, one of the learning path."""
    world = World(seed, faults=faults)
    random = Random(seed + 1)
    question = CODEC.body(request("gold", text="0.5").value)
    published(world, [policy(1, threshold=0.9, hours=hours), *enrolments(), gold(WORKFLOW, question, "approve")])
    later = [policy(2, threshold=0.8, hours=hours, four_eyes='["reject"]')]
    if random.random() < 0.5:
        later.insert(0, first_model())
    else:
        published(world, [first_model()])
    world.add_stage(inference, slots=2, loop=loop)
    world.add_stage(make_router, slots=2, loop=loop)
    world.add_stage(make_casework, slots=2, loop=loop)
    world.add_stage(feedback, slots=1, loop=loop)
    world.add_stage(training, slots=1, loop=loop)
    world.actors += [
        Upstream(world, plan(random, requests)),
        People(world, leave_open=leave_open),
        Appealing(world, share=appeal),
        Working(world, actions=4 * requests),
        Operator(world, later=later),
    ]
    return world


def verify(world: World, *, replay: bool = True) -> None:
    """All invariants. Raises AssertionError."""
    check(world, SEALER)
    check_holding(world)
    if replay:
        replayed = Replay(world.log.read_all, CODEC, partitions=PARTITIONS)
        wrong = replayed.router(router()) + replayed.casework(casework())
        assert not wrong, f"the replay differs: {wrong[:3]}"
