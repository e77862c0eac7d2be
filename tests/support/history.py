"""The whole log of a cluster as of now, read as an auditor reads it, with everything the laws ask of a log."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from consumers.audit.ledger import Ledger
from consumers.audit.reconcile import Reconciliation, reconcile
from infra.kafka.log import Log, Record
from infra.kafka.scan import Entry, scan
from schemas.codec import Codec
from schemas.topics import BY_NAME


class History:
    """Everything committed before the watermarks of now; reads whole once, answers from memory."""

    def __init__(self, log: Log, codec: Codec, *, partitions: int) -> None:
        self.partitions = partitions
        self.actors: Sequence[object] = ()  # nobody's memory can be looked into from here
        self._codec = codec
        self._decoded: dict[bytes, Any] = {}
        self._entries: dict[str, list[Entry]] = defaultdict(list)
        for entry in scan(log, codec, list(BY_NAME)):
            self._entries[entry.topic].append(entry)
        for entries in self._entries.values():
            entries.sort(key=lambda entry: (entry.partition, entry.offset))

    @property
    def log(self) -> "History":
        """Itself: what reads all."""
        return self

    def entries(self, topic: str) -> list[Entry]:
        """Records of a topic with their events, partition by partition."""
        return self._entries[topic]

    def read_all(self, topic: str) -> list[Record]:
        """Records of a topic, partition by partition."""
        return [Record(*entry[:6]) for entry in self._entries[topic]]

    def events(self, topic: str) -> list[Any]:
        """Events of a topic; what is none is left out only where outsiders write."""
        return [entry.event for entry in self._entries[topic] if entry.event is not None]

    def decode(self, value: bytes | None) -> Any:
        """The event in wire bytes, decoded once. Raises `Undecodable`."""
        if value is None or value not in self._decoded:
            self._decoded[value or b""] = self._codec.decode(value)
        return self._decoded[value or b""]

    @cached_property
    def account(self) -> Reconciliation:
        """The audit's own account of this log."""
        ledger = Ledger(self.partitions)
        for entries in self._entries.values():
            for entry in entries:
                ledger.add(entry)
        return reconcile(ledger)
