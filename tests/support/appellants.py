"""People who contest outcomes: mostly once and well, some twice, some once more, some in bad form."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol

from infra.kafka.log import Reader, TopicPartition
from schemas.events import AppealFiled, DecisionMade
from schemas.topics import APPEALS, OUTCOMES, REQUESTS
from schemas.values import Coordinates
from tests.support.traffic import CODEC, Send


class Readable(Protocol):
    """A log, simulated or real."""

    def reader(self, starts: Mapping[TopicPartition, int]) -> Reader: ...


class Appellants:
    """Read outcomes and appeal this share of them."""

    def __init__(self, log: Readable, random: Random, *, partitions: int, share: float) -> None:
        self._random, self._share, self._filed = random, share, 0
        self._outcomes = log.reader({TopicPartition(OUTCOMES.name, p): 0 for p in range(partitions)})
        self._requests = log.reader({TopicPartition(REQUESTS.name, p): 0 for p in range(partitions)})
        self._asked: dict[tuple[int, int], bytes] = {}

    def appeals(self) -> Sequence[Send]:
        """Against what was decided since."""
        for record in self._requests.read(500, 0):
            self._asked[record.partition, record.offset] = record.value or b""
        made: list[Send] = []
        for record in self._outcomes.read(100, 0):
            event = CODEC.decode(record.value)
            if isinstance(event, DecisionMade) and self._random.random() < self._share:
                where = Coordinates(topic=record.topic, partition=record.partition, offset=record.offset)
                made += self._against(event, where, record.value or b"")
        return made

    def _against(self, made: DecisionMade, where: Coordinates, value: bytes) -> Sequence[Send]:
        asked = self._asked.get((made.request.partition, made.request.offset))
        if asked is None:
            return ()  # the outcome was read before its request
        good = self._appeal(made, where, value, asked)
        match int(self._random.random() * 8):
            case 0:
                return good, good
            case 1:
                return good, self._appeal(made, where, value, asked)
            case 2:
                return self._appeal(made, where, value, asked, statement="x" * 20_000), good
            case 3:
                return good._replace(value=b"\x00junk"), self._appeal(made, where, asked, asked), good
            case _:
                return (good,)

    def _appeal(
        self, made: DecisionMade, where: Coordinates, decision: bytes, asked: bytes, statement: str = "why?"
    ) -> Send:
        self._filed += 1
        (request_body, request_name), (decision_body, decision_name) = CODEC.body(asked), CODEC.body(decision)
        event = AppealFiled(
            appeal_id=f"a{self._filed}", request_id=made.request_id, workflow=made.workflow, request=made.request,
            request_body=request_body, request_fingerprint=request_name, requested_at=made.requested_at,
            decision=where, decision_body=decision_body, decision_fingerprint=decision_name, statement=statement,
        )  # fmt: skip
        return Send(APPEALS.name, made.request_id.encode(), CODEC.encode(event))
