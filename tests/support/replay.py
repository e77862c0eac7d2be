"""Decides again what the log says was decided, from the clocks and configurations on record; the bytes must agree."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from infra.kafka.intake import Intake
from infra.kafka.log import Record
from infra.kafka.stage import Handled, Lane, Message, Stage
from schemas.codec import Codec, Undecodable
from schemas.events import (
    AppealFiled,
    AppealNoted,
    AppealRefused,
    CaseClosed,
    CaseEscalated,
    DecisionRefused,
    ReviewDecided,
)
from schemas.topics import APPEALS, EXPERT, REVIEW, Outgoing
from schemas.values import ClosedBy, Coordinates, EscalatedBy

Read = Callable[[str], Sequence[Record]]  # topic -> its committed records, partition by partition
Place = tuple[str, int, int]
Written = tuple[str, bytes, bytes]  # topic, key, value
FAR = 1 << 60
ROUTED = ("auto-approve", "outcomes", *(t.name for t in REVIEW.values()), EXPERT.name, "audits")
JUDGED = ("assignments", "appeals", "outcomes", EXPERT.name, "audits", "feedback")
UNNUMBERED = DecisionRefused | AppealRefused | AppealNoted  # they carry the number of the change that they came after


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
        written, _ = self._by_cause(JUDGED)
        messages = {r[:3]: r for t in (*(t.name for t in REVIEW.values()), EXPERT.name, "review-decisions", "appeals")
                    for r in self._read(t)}  # fmt: skip
        histories: dict[str, list[Any]] = defaultdict(list)
        for _, event in (*self._caused("assignments"), *self._caused("appeals")):
            histories[event.request_id].append(event)
        snapshots: dict[str, list[bytes]] = defaultdict(list)
        for record in self._read("cases"):
            snapshots[(record.key or b"").decode()].append(record.value or b"")
        wrong: list[str] = []
        for request_id, history in histories.items():
            history.sort(key=lambda e: (e.sequence, isinstance(e, UNNUMBERED)))
            made = self._replay_case(stage, history, messages, written, wrong)
            if made != snapshots.get(request_id, []):
                wrong.append(f"case {request_id}: snapshots differ")
        return wrong

    def _replay_case(
        self,
        stage: Stage[Any, Any],
        history: Sequence[Any],
        messages: Mapping[Place, Record],
        written: Mapping[Place, list[Written]],
        wrong: list[str],
    ) -> list[bytes]:
        lane, done, made = _lane(stage, 0), set[tuple[Place, bool]](), list[bytes]()
        for event in history:
            cause, by_clock = _place(event.cause), _by_clock(event)
            if (cause, by_clock) in done:
                continue
            done.add((cause, by_clock))
            lane.partition, lane.now, lane.config_offsets = cause[1], event.occurred_at, dict(event.config_offsets)
            handled = self._again(stage, lane, event, messages.get(cause), by_clock)
            lane.state.commit()
            outputs = self._bytes(handled.outgoing)
            made += [value for topic, _, value in outputs if topic == "cases"]
            expected = [w for w in written[cause] if _by_clock(self._decode(w[2])) == by_clock or w[0] == "cases"]
            if sorted(o for o in outputs if o[0] != "cases") != sorted(self._of(expected, event, by_clock)):
                wrong.append(f"{cause}: judged otherwise")
        return made

    def _of(self, written: Iterable[Written], event: Any, by_clock: bool) -> list[Written]:
        """Of what a cause led to, what was written together with an event: an announcement causes more than once."""
        same = []
        for one in written:
            other: Any = self._decode(one[2])
            if _stamp(other)[0] == event.occurred_at and other.request_id == event.request_id:
                same.append(one)
        return same

    def _again(
        self, stage: Stage[Any, Any], lane: Lane[Any], event: Any, record: Record | None, by_clock: bool
    ) -> Handled:
        unread = isinstance(event, DecisionRefused) and event.watermark is not None
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
        written: dict[Place, list[Written]] = defaultdict(list)
        events: dict[Place, list[Any]] = defaultdict(list)
        for topic in topics:
            for record, event in self._caused(topic):
                cause = getattr(event, "cause", None) or event.grounds.cause
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


def _by_clock(event: Any) -> bool:
    """Whether the clock alone led to a change of a case."""
    match event:
        case CaseEscalated(escalated_by=by):
            return by is EscalatedBy.TIMEOUT
        case CaseClosed(closed_by=by):
            return by is ClosedBy.EXPIRED
        case ReviewDecided():
            return False
        case _ if getattr(event, "reopened_by", None) is not None:  # after an audit that expired
            return event.cause.topic not in ("appeals", "review-decisions")
        case _:
            return getattr(event, "escalated_by", None) is EscalatedBy.TIMEOUT or hasattr(event, "expired_at")


def _stamp(event: Any) -> tuple[int, dict[str, int]]:
    """The clock and the configuration that an event was made under."""
    offsets = event.config_offsets if hasattr(event, "config_offsets") else getattr(event, "grounds", None)
    if offsets is not None and not isinstance(offsets, dict):
        offsets = offsets.config_offsets
    for name in ("occurred_at", "decided_at", "created_at", "drawn_at", "answered_at", "expired_at"):
        if hasattr(event, name):
            return getattr(event, name), dict(offsets or {})
    raise AssertionError(f"{type(event).__name__} carries no time")
