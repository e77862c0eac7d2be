"""What the operator's pages stand on, opened when the first of them is looked at."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property, partial
from typing import Final, Protocol

from infra.kafka.client import connect
from infra.kafka.log import TopicPartition
from infra.kafka.offsets import OffsetQuestions
from infra.kafka.scan import partitions_of
from infra.kafka.writing import Writer, WritingBytes
from infra.observe.looking import look
from producers.desk.pages.behind import Behind
from producers.desk.pages.operate.asking import Answers, FiguresAsked
from producers.desk.pages.operate.buried import DeadLetters
from producers.desk.pages.operate.looking import FlowWatch, Look
from producers.desk.pages.operate.sending import Sending
from schemas.codec import Codec
from schemas.topics import TOPICS
from streams.insights.asking import asked

PATIENCE: Final = 5.0  # seconds for the brokers' answer
ORDER: Final = tuple(topic.name for topic in TOPICS)


class Watching(Protocol):
    """`FlowWatch`."""

    def now(self) -> Look: ...


class Figuring(Protocol):
    """`FiguresAsked`."""

    def now(self) -> Answers: ...


class Operating(Protocol):
    """Everything here blocks, and is asked beside the event loop."""

    @property
    def flow(self) -> Watching: ...
    @property
    def letters(self) -> DeadLetters: ...
    @property
    def sending(self) -> Sending: ...
    @property
    def figures(self) -> Figuring: ...
    @property
    def codec(self) -> Codec: ...


class OnTheLog:
    """Implements `Operating` on the brokers and on this machine."""

    def __init__(self, behind: Behind) -> None:
        self.codec, self._settings, self._log = behind.codec, behind.settings, behind.log

    @cached_property
    def flow(self) -> FlowWatch:
        options = connect(self._settings, request_timeout_seconds=PATIENCE).options
        return FlowWatch(OffsetQuestions(options), self._places, look, self._settings.data_dir)

    @cached_property
    def letters(self) -> DeadLetters:
        return DeadLetters(self._log, self.codec)

    @cached_property
    def sending(self) -> Sending:
        return Sending(self.letters, self._writer, wall=lambda: time.time_ns() // 1_000_000)

    @cached_property
    def figures(self) -> FiguresAsked:
        return FiguresAsked(partial(asked, self._settings))

    def _places(self) -> Sequence[TopicPartition]:
        return partitions_of(self._log, ORDER)

    @contextmanager
    def _writer(self) -> Iterator[WritingBytes]:
        """A connection for one act: people send again once in a while, and then what they sent is in the log."""
        options = connect(self._settings, request_timeout_seconds=PATIENCE).options
        with closing(Writer(options, self.codec)) as writer:
            yield writer
