"""Those who stand outside: upstream systems that publish, and people who answer, with every mistake they make."""

from dataclasses import dataclass
from random import Random

from infra.kafka.log import TopicPartition
from infra.kafka.partitioner import partition_of
from schemas.events import DecisionRequested, ExpertReviewRequested, ReviewDecided, ReviewRequested
from schemas.topics import EXPERT, REQUESTS, REVIEW, REVIEW_DECISIONS
from schemas.values import Coordinates, Payload
from tests.simulation.world import CODEC, PARTITIONS, World, published
from tests.support.appellants import Appellants
from tests.support.colleagues import Colleagues

WORKFLOW = "posts"


@dataclass(frozen=True, slots=True)
class Send:
    """One record on its way to `requests`."""

    key: bytes
    value: bytes
    partition: int | None = None


def request(request_id: str, *, text: str, workflow: str = WORKFLOW, audit: bool = False, amount: float = 0) -> Send:
    event = DecisionRequested(
        request_id=request_id,
        workflow=workflow,
        payload=Payload(body=f'{{"text":"{text}"}}'.encode()),
        attributes={"amount": amount},
        requires_audit=audit,
    )
    return Send(request_id.encode(), CODEC.encode(event))


def plan(random: Random, count: int) -> list[Send]:
    """`count` requests, some repeated, in conflict, poisoned, misplaced, or of nobody's workflow; shuffled a little."""
    sends: list[Send] = []
    for n in range(count):
        name, draw = f"r{n}", random.random()
        send = request(
            name, text=f"{random.random():.6f}", audit=random.random() < 0.1,
            amount=20_000 if random.random() < 0.1 else 5,
        )  # fmt: skip
        sends.append(send)
        if draw < 0.10:
            sends.append(send)
        elif draw < 0.15:
            sends.append(request(name, text="other content"))
        elif draw < 0.19:
            sends.append(Send(name.encode(), b"\x00poison"))
        elif draw < 0.22:
            sends.append(Send(name.encode(), send.value, 1 - partition_of(name.encode(), PARTITIONS)))
        elif draw < 0.25:
            sends.append(request(f"x{n}", text="?", workflow="nobody"))
    for _ in range(len(sends) // 4):
        a, b = random.randrange(len(sends)), random.randrange(len(sends))
        sends[a], sends[b] = sends[b], sends[a]
    return sends


class Upstream:
    """Publishes the plan, a few records a turn."""

    name = "upstream"

    def __init__(self, world: World, sends: list[Send]) -> None:
        self._world, self._left = world, list(sends)

    def step(self) -> bool:
        now, self._left = self._left[:3], self._left[3:]
        published(self._world, [(REQUESTS.name, s.key, s.value, s.partition) for s in now])
        return bool(now)


class People:
    """Read every announcement and answer it: mostly once and right, sometimes twice, elsewhere, or wrong."""

    name = "people"

    def __init__(self, world: World, *, leave_open: float) -> None:
        self._world, self._random, self._leave_open = world, Random(world.random.random()), leave_open
        topics = [*(t.name for t in REVIEW.values()), EXPERT.name]
        self._reader = world.log.reader({TopicPartition(t, p): 0 for t in topics for p in range(PARTITIONS)})
        self._waiting: list[tuple[str, bytes, bytes, int | None]] = []
        self._answers = 0

    def step(self) -> bool:
        for record in self._reader.read(10, 0):
            event = CODEC.decode(record.value)
            assert isinstance(event, (ReviewRequested, ExpertReviewRequested))
            where = Coordinates(topic=record.topic, partition=record.partition, offset=record.offset)
            self._waiting += self._answer(event, where)
        now, self._waiting = self._waiting[:4], self._waiting[4:]
        published(self._world, now)
        return bool(now)

    def _answer(
        self, asked: ReviewRequested | ExpertReviewRequested, where: Coordinates
    ) -> list[tuple[str, bytes, bytes, int | None]]:
        draw = self._random.random()
        if draw < self._leave_open:
            return []
        choices = ["approve", "reject"]
        if isinstance(asked, ReviewRequested):
            choices.append("escalate")
        if asked.recommendation is not None:
            choices.append("mark_wrong")
        anew = isinstance(asked, ExpertReviewRequested) and asked.reopened_by is not None
        who = "boris" if anew and self._random.random() < 0.8 else "anna"  # anna took part before, and is refused
        good = self._decision(asked.request_id, where, self._random.choice(choices), who=who)
        match int(self._random.random() * 12):
            case 0:
                return [good, good]
            case 1:
                return [good, self._decision(asked.request_id, where, "reject")]
            case 2:
                return [self._decision(asked.request_id, where, "perhaps"), good]
            case 3:
                return [self._decision(asked.request_id, where, "approve", confidence=7.0), good]
            case 4:
                beyond = Coordinates(topic=where.topic, partition=where.partition, offset=where.offset + 10_000)
                return [self._decision(asked.request_id, beyond, "approve"), good]
            case 5:
                wrong = (good[0], good[1], good[2], 1 - where.partition)
                return [wrong, good]
            case 6:
                return [self._decision("nobody", where, "approve"), (good[0], good[1], b"\x00junk", None), good]
            case _:
                return [good]

    def _decision(
        self, request_id: str, where: Coordinates, action: str, confidence: float = 0.9, who: str = "anna"
    ) -> tuple[str, bytes, bytes, int | None]:
        self._answers += 1
        event = ReviewDecided(
            decision_id=f"d{self._answers}", request_id=request_id, review=where, reviewer_id=who, action=action,
            confidence=confidence,
        )  # fmt: skip
        return REVIEW_DECISIONS.name, request_id.encode(), CODEC.encode(event), None


class Appealing:
    """Those who contest outcomes, a few appeals a turn."""

    name = "appellants"

    def __init__(self, world: World, *, share: float) -> None:
        self._world = world
        self._appellants = Appellants(world.log, Random(world.random.random()), partitions=PARTITIONS, share=share)
        self._waiting: list[tuple[str, bytes | None, bytes | None, int | None]] = []

    def step(self) -> bool:
        self._waiting += self._appellants.appeals()
        now, self._waiting = self._waiting[:2], self._waiting[2:]
        published(self._world, now)
        return bool(now)


class Working:
    """Those who claim cases and do everything with them that can be done."""

    name = "colleagues"

    def __init__(self, world: World, *, actions: int) -> None:
        self._world = world
        self._colleagues = Colleagues(world.log, Random(world.random.random()), partitions=PARTITIONS, actions=actions)

    def step(self) -> bool:
        sends = self._colleagues.act(self._world.clock.wall())
        published(self._world, sends)
        return bool(sends)
