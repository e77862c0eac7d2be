"""Those who stand outside: upstream systems that publish, and people who answer, with every mistake they make."""

from dataclasses import dataclass
from random import Random

from infra.kafka.log import TopicPartition
from infra.kafka.partitioner import partition_of
from schemas.events import (
    AppealFiled,
    DecisionMade,
    DecisionRequested,
    ExpertReviewRequested,
    ReviewDecided,
    ReviewRequested,
)
from schemas.topics import APPEALS, EXPERT, OUTCOMES, REQUESTS, REVIEW, REVIEW_DECISIONS
from schemas.values import Coordinates, Payload
from tests.simulation.world import CODEC, PARTITIONS, World, published

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


class Appellants:
    """Appeal some of the outcomes, a few twice or once more, some with a statement that is too long or in bad form."""

    name = "appellants"

    def __init__(self, world: World, *, share: float) -> None:
        self._world, self._random, self._share = world, Random(world.random.random()), share
        self._outcomes = world.log.reader({TopicPartition(OUTCOMES.name, p): 0 for p in range(PARTITIONS)})
        self._requests = world.log.reader({TopicPartition(REQUESTS.name, p): 0 for p in range(PARTITIONS)})
        self._asked: dict[tuple[int, int], bytes] = {}
        self._waiting: list[tuple[str, bytes, bytes, int | None]] = []
        self._filed = 0

    def step(self) -> bool:
        for record in self._requests.read(50, 0):
            self._asked[record.partition, record.offset] = record.value or b""
        for record in self._outcomes.read(10, 0):
            made = CODEC.decode(record.value)
            if isinstance(made, DecisionMade) and self._random.random() < self._share:
                where = Coordinates(topic=record.topic, partition=record.partition, offset=record.offset)
                self._waiting += self._appeals(made, where, record.value or b"")
        now, self._waiting = self._waiting[:2], self._waiting[2:]
        published(self._world, now)
        return bool(now)

    def _appeals(
        self, made: DecisionMade, where: Coordinates, value: bytes
    ) -> list[tuple[str, bytes, bytes, int | None]]:
        asked = self._asked.get((made.request.partition, made.request.offset))
        if asked is None:
            return []  # the outcome was read before its request
        good = self._appeal(made, where, value, asked)
        match int(self._random.random() * 8):
            case 0:
                return [good, good]
            case 1:
                return [good, self._appeal(made, where, value, asked)]
            case 2:
                return [self._appeal(made, where, value, asked, statement="x" * 20_000), good]
            case 3:
                return [(good[0], good[1], b"\x00junk", None), self._appeal(made, where, asked, asked), good]
            case _:
                return [good]

    def _appeal(
        self, made: DecisionMade, where: Coordinates, decision: bytes, asked: bytes, statement: str = "why?"
    ) -> tuple[str, bytes, bytes, int | None]:
        self._filed += 1
        (request_body, request_name), (decision_body, decision_name) = CODEC.body(asked), CODEC.body(decision)
        event = AppealFiled(
            appeal_id=f"a{self._filed}", request_id=made.request_id, workflow=made.workflow, request=made.request,
            request_body=request_body, request_fingerprint=request_name, requested_at=made.requested_at,
            decision=where, decision_body=decision_body, decision_fingerprint=decision_name, statement=statement,
        )  # fmt: skip
        return APPEALS.name, made.request_id.encode(), CODEC.encode(event), None
