"""Answers and artefacts where a cluster keeps them: the topic `feedback`, and the model store."""

from collections.abc import Iterator

from infra.kafka.log import Log, TopicPartition
from infra.kafka.scan import scan
from infra.models.artefact import Model
from infra.models.store import ModelNotFound, load, model_uri, save
from schemas.codec import Codec
from schemas.events import FeedbackRecorded
from schemas.topics import FEEDBACK


class LogLabels:
    """Reads `feedback`, all of whose records lie in one partition."""

    def __init__(self, log: Log, codec: Codec) -> None:
        self._log, self._codec = log, codec

    def read(self, workflow: str, end_offset: int) -> Iterator[FeedbackRecorded]:
        """Every committed answer of a workflow before an offset, oldest first."""
        ends = {TopicPartition(FEEDBACK.name, 0): end_offset}
        for entry in scan(self._log, self._codec, [FEEDBACK.name], ends=ends):
            if isinstance(entry.event, FeedbackRecorded) and entry.event.workflow == workflow:
                yield entry.event


class StoredModels:
    """Artefacts in a model store, named by URI."""

    def __init__(self, store: str) -> None:
        self._store = store

    def save(self, model: Model) -> str:
        return model_uri(self._store, save(self._store, model))

    def load(self, uri: str, digest: str) -> Model:
        """From this process's own store, else from where the URI says. Raises `ModelError`."""
        try:
            return load(self._store, digest)
        except ModelNotFound:
            return load(uri.removesuffix(f"/{digest}"), digest)
