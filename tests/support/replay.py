"""Decides again what the log says was decided, from the clocks and configurations on record; the bytes must agree."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

from infra.kafka.intake import Intake
from infra.kafka.log import Record
from infra.kafka.stage import Handled, Lane, Message, Stage
from schemas.codec import Codec, Undecodable
from schemas.events import (
    AnswerReceived,
    AppealFiled,
    AppealNoted,
    AppealRefused,
    CaseAnnounced,
    CaseOpened,
    CommandRefused,
    DecisionRefused,
    PredictionMade,
)
from schemas.topics import APPEALS, EXPERT, REQUESTS, REVIEW, Outgoing
from schemas.values import Coordinates

Read = Callable[[str], Sequence[Record]]  # topic -> its committed records, partition by partition
Place = tuple[str, int, int]
Written = tuple[str, bytes, bytes]  # topic, key, value
FAR = 1 << 60
ROUTED = ("auto-approve", "outcomes", *(t.name for t in REVIEW.values()), EXPERT.name, "audits")
ANNOUNCING = (*(t.name for t in REVIEW.values()), EXPERT.name)
READ = (*ANNOUNCING, "review-decisions", "review-commands", "appeals")
JUDGED = ("assignments", "appeals", "outcomes", *ANNOUNCING, "audits", "feedback")
KEYED = (*ANNOUNCING, "assignments", "appeals", "outcomes", "cases")  # by request id
# These carry the number of the change that they came after.
UNNUMBERED = DecisionRefused | CommandRefused | AppealRefused | AppealNoted


class Replay:
    """Replays stages against the log that `read` gives."""

    def __init__(self, read: Read, codec: Codec, *, partitions: int) -> None:
        self._read, self._codec = read, codec
        self._intake = Intake(codec, partitions)
        self._decoded: dict[bytes, Any] = {}
        self._configs: dict[tuple[int, ...], Any] = {}

    def router(self, stage: Stage[Any, Any]) -> list[str]:
        """What differs when every prediction is routed again."""
        written, causes = self._by_cause(ROUTED)
        letters = {_place(d.origin): d for d in self._events("dead-letters") if d.stage == stage.name}
        wrong: list[str] = []
        lanes: dict[int, Lane[Any]] = {}
        for record in self._read("predictions"):
            here = record[:3]
            lane = lanes.setdefault(record.partition, _lane(stage, record.partition))
            outputs = causes.get(here, [])
            if here in letters:
                lane.now, lane.config_offsets = letters[here].dead_lettered_at, dict(letters[here].config_offsets)
            elif outputs:
                lane.now, lane.config_offsets = _stamp(outputs[0])
            else:
                lane.config_offsets = {t.name: FAR for t in stage.config_topics}  # a repeat: nothing is written
            batch = stage.handle([self._intake.message(record)], {record.partition: lane}, self._config(stage, lane))
            lane.state.commit()
            if sorted(self._bytes(batch.outgoing)) != sorted(written.get(here, [])):
                wrong.append(f"{here}: routed otherwise")
            if bool(batch.invalid) != (here in letters):
                wrong.append(f"{here}: dead letter or not")
        return wrong

    def casework(self, stage: Stage[Any, Any]) -> list[str]:
        """What differs when every case is taken through its history again, in the order of its changes."""
        messages = {r[:3]: r for t in READ for r in self._read(t)}
        histories: dict[str, list[Any]] = defaultdict(list)
        for _, event in (*self._caused("assignments"), *self._caused("appeals")):
            histories[event.request_id].append(event)
        made: dict[str, list[Written]] = defaultdict(list)
        wrong: list[str] = []
        for request_id, history in histories.items():
            history.sort(key=lambda e: (e.sequence, isinstance(e, UNNUMBERED)))
            for outgoing in self._replay_case(stage, history, messages, wrong):
                made[outgoing.key.decode() if outgoing.topic in KEYED else request_id] += self._bytes([outgoing])
        written = self._written()
        wrong += [f"case {name}: judged otherwise" for name in made | written if differs(made[name], written[name])]
        return wrong

    def _written(self) -> dict[str, list[Written]]:
        """What casework wrote about each request, in order: all but what the router led to."""
        routed = {event.request_id for event in self._events("predictions") if isinstance(event, PredictionMade)}
        written: dict[str, list[Written]] = defaultdict(list)
        for topic in (*JUDGED, "cases"):
            for record, event in self._caused(topic):
                if topic != "cases":
                    cause = getattr(event, "cause", None) or event.grounds.cause
                    if cause.topic == "predictions" and event.request_id in routed:
                        continue
                written[event.request_id].append((record.topic, record.key or b"", record.value or b""))
        return written

    def _replay_case(
        self, stage: Stage[Any, Any], history: Sequence[Any], messages: Mapping[Place, Record], wrong: list[str]
    ) -> Iterable[Outgoing]:
        """Step by step: what led to each change that has not been made yet, at its time and under its configuration."""
        lane, refused, received = _lane(stage, 0), set[Place](), set[Place]()
        for event in history:
            cause, case = _place(event.cause), lane.state.get(event.request_id)
            unnumbered = isinstance(event, UNNUMBERED)
            if cause in refused if unnumbered else event.sequence <= (case.sequence if case is not None else 0):
                continue
            if unnumbered:
                refused.add(cause)
            lane.partition, lane.now, lane.config_offsets = cause[1], event.occurred_at, dict(event.config_offsets)
            by_clock = _by_clock(event, received)
            handled = self._again(stage, lane, event, messages.get(cause), by_clock)
            lane.state.commit()
            if isinstance(event, AnswerReceived):
                received.add(cause)
            after = lane.state.get(event.request_id)
            if not unnumbered and (after is None or after.sequence < event.sequence):
                wrong.append(f"{cause}: {type(event).__name__} does not happen again")
                return
            yield from handled.outgoing

    def _again(
        self, stage: Stage[Any, Any], lane: Lane[Any], event: Any, record: Record | None, by_clock: bool
    ) -> Handled:
        unread = isinstance(event, DecisionRefused | CommandRefused) and event.watermark is not None
        lane.reached = lambda topic: 0 if unread else FAR
        lane.watermark = lambda topic: event.watermark if unread else FAR
        config = self._config(stage, lane)
        if by_clock or record is None:
            return stage.tick(lane, config)
        return stage.handle([self._message(record)], {record.partition: lane}, config)

    def _message(self, record: Record) -> Message:
        message = self._intake.message(record)
        assert isinstance(message, Message)
        return message

    def _decode(self, value: bytes | None) -> Any:
        if (value or b"") not in self._decoded:
            self._decoded[value or b""] = self._codec.decode(value)
        return self._decoded[value or b""]

    def _config(self, stage: Stage[Any, Any], lane: Lane[Any]) -> Any:
        offsets = tuple(lane.config_offsets.get(topic.name, 0) for topic in stage.config_topics)
        if offsets not in self._configs:
            self._configs[offsets] = self._folded(stage, lane)
        return self._configs[offsets]

    def _folded(self, stage: Stage[Any, Any], lane: Lane[Any]) -> Any:
        config = stage.initial_config()
        for topic in stage.config_topics:
            for record in self._read(topic.name):
                if record.offset < lane.config_offsets.get(topic.name, 0):
                    config = stage.fold_config(config, self._intake.message(record))
        return config

    def _events(self, topic: str) -> list[Any]:
        return [self._decode(record.value) for record in self._read(topic) if record.value is not None]

    def _caused(self, topic: str) -> Iterable[tuple[Record, Any]]:
        """What stages wrote to a topic; on `appeals` it lies beside what others sent, which may be no event."""
        for record in self._read(topic):
            try:
                event: Any = self._decode(record.value)
            except Undecodable:
                if topic != APPEALS.name:
                    raise
                continue
            if not isinstance(event, AppealFiled):
                yield record, event

    def _by_cause(self, topics: Iterable[str]) -> tuple[dict[Place, list[Written]], dict[Place, list[Any]]]:
        """What predictions led to; a gold question only looks as if one had."""
        predicted = {event.request_id for event in self._events("predictions") if isinstance(event, PredictionMade)}
        written: dict[Place, list[Written]] = defaultdict(list)
        events: dict[Place, list[Any]] = defaultdict(list)
        for topic in topics:
            for record, event in self._caused(topic):
                cause = getattr(event, "cause", None) or event.grounds.cause
                if event.request_id in predicted:
                    written[_place(cause)].append((record.topic, record.key or b"", record.value or b""))
                    events[_place(cause)].append(event)
        return written, events

    def _bytes(self, outgoing: Iterable[Outgoing]) -> list[Written]:
        return [(o.topic, o.key, b"" if o.event is None else self._codec.encode(o.event)) for o in outgoing]


def _lane(stage: Stage[Any, Any], partition: int) -> Lane[Any]:
    return Lane(
        partition=partition,
        state=stage.initial_state(partition),
        reached=lambda topic: FAR,
        watermark=lambda topic: FAR,
    )


def _place(coordinates: Coordinates) -> Place:
    return coordinates.topic, coordinates.partition, coordinates.offset


def _by_clock(event: Any, received: Container[Place]) -> bool:
    """Whether the clock alone led to a change: what was announced is opened by its reader, an answer that waited takes
    effect later."""
    cause = _place(event.cause)
    if cause[0] in ANNOUNCING or cause[0] == REQUESTS.name:
        return not isinstance(event, CaseOpened | CaseAnnounced)
    return cause in received and not isinstance(event, AnswerReceived)


def differs(made: list[Written], written: list[Written]) -> bool:
    """Whether two accounts of one request differ. Snapshots follow one another; the rest says itself when it was."""
    states = [[each for each in account if each[0] == "cases"] for account in (made, written)]
    return states[0] != states[1] or sorted(made) != sorted(written)


def _stamp(event: Any) -> tuple[int, dict[str, int]]:
    """The clock and the configuration that an event was made under."""
    offsets = event.config_offsets if hasattr(event, "config_offsets") else getattr(event, "grounds", None)
    if offsets is not None and not isinstance(offsets, dict):
        offsets = offsets.config_offsets
    for name in ("occurred_at", "decided_at", "created_at", "drawn_at", "answered_at", "expired_at"):
        if hasattr(event, name):
            return getattr(event, name), dict(offsets or {})
    raise AssertionError(f"{type(event).__name__} carries no time")
