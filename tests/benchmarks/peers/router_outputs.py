"""The router's real job: a prediction in, the approval for the record and the outcome out, decided by `RouterStage`."""

from typing import Final

from infra.kafka.stage import Lane, Message
from schemas.codec import Codec
from schemas.events import PolicyPublished
from schemas.topics import AUTO_APPROVE, OUTCOMES, POLICIES, PREDICTIONS
from streams.casework.sealing import Sealer
from streams.routing.dedup import Window
from streams.routing.stage import RouterStage

NAME: Final = "router's outputs"
SOURCE: Final = PREDICTIONS.name
TARGETS: Final = (AUTO_APPROVE.name, OUTCOMES.name)
WORKFLOW: Final = "posts"
DOCUMENT: Final = f"""
name = "{WORKFLOW}"
classes = ["reject", "approve"]
approving_class = "approve"
featurizer = "text"
audit_share = 0.0
"""
POLICY: Final = PolicyPublished(
    event_id="policy", workflow=WORKFLOW, version=1, digest="0" * 64, document=DOCUMENT, published_by="benchmark",
    published_at=0,
)  # fmt: skip
NOW: Final = 1_800_000_000_010  # milliseconds
COMMIT_AFTER: Final = 512  # decisions: as our loop does at the end of a transaction


def router(codec: Codec) -> RouterStage:
    return RouterStage(codec=codec, sealer=Sealer(bytes(range(64))), salt=bytes(32))


class Answering:
    """The router's decision for a framework that hands over one record at a time: no dead letters, no recovery."""

    def __init__(self, partitions: int) -> None:
        self._codec = Codec.of_repository()
        self._stage = router(self._codec)
        told = Message(POLICY, POLICIES.name, 0, 0, 0, b"", b"")
        self._config = self._stage.fold_config(self._stage.initial_config(), told)
        self._lanes = {p: self._lane(p) for p in range(partitions)}
        self._undecided = COMMIT_AFTER

    def _lane(self, partition: int) -> Lane[Window]:
        return Lane(
            partition=partition, state=self._stage.initial_state(partition), now=NOW,
            config_offsets={POLICIES.name: 1}, reached=lambda topic: 0, watermark=lambda topic: 0,
        )  # fmt: skip

    def answer(self, value: bytes, key: bytes, partition: int, offset: int) -> list[tuple[str, bytes]]:
        """Catalogue names of topics and wire bytes, to be written under the same key."""
        message = Message(self._codec.decode(value), SOURCE, partition, offset, NOW, key, value)
        batch = self._stage.handle([message], self._lanes, self._config)
        self._commit_at_times()
        return [(out.topic, self._codec.encode(out.event)) for out in batch.outgoing if out.event is not None]

    def _commit_at_times(self) -> None:
        self._undecided -= 1
        if not self._undecided:
            self._undecided = COMMIT_AFTER
            for lane in self._lanes.values():
                lane.state.commit()
