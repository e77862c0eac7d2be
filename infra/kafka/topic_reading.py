"""Records of one topic as people and scripts look at them: from where they ask, decoded, in one line or many."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from infra.cli.moments import iso, milliseconds_of
from infra.errors import HitlError
from infra.kafka.following import read_until
from infra.kafka.log import Log, Record, TopicPartition
from infra.kafka.scan import Entry, decoded, scan
from schemas.codec import Codec, Undecodable
from schemas.events import Event
from schemas.topics import BY_NAME

BEGINNING: Final = "beginning"
END: Final = "end"
FOLLOW_TIMEOUT: Final = 0.5  # seconds until a reader that follows looks up, so that Ctrl-C is heard
FOLLOW_RECORDS: Final = 500
SILENT: Final[tuple[object, ...]] = (None, "", (), {})  # what people need not be shown
LONGEST_TEXT: Final = 2_000  # characters of a field that people are shown


class TopicUnknown(HitlError):
    """Name a topic of the catalogue, with the installation's prefix or without it; `hitl topics list` shows them."""


class StartUnknown(HitlError):
    """Say `beginning`, `end`, an offset (17), the last so many records (-5) or a time (2026-01-31T12:00)."""


class PartitionUnknown(HitlError):
    """Name a partition that the topic has; `hitl topics list` shows how many there are."""


def topic_name(given: str, prefix: str) -> str:
    """The catalogue's name of a topic. Raises `TopicUnknown`."""
    for name in (given, given.removeprefix(prefix)):
        if name in BY_NAME:
            return name
    raise TopicUnknown(f"there is no topic {given!r} in the catalogue. {TopicUnknown.__doc__}")


def starts(log: Log, topic: str, start: str, *, partition: int | None = None) -> dict[TopicPartition, int]:
    """The offset to begin at in each partition that is wanted. Raises `StartUnknown`, `PartitionUnknown`."""
    begin = _beginning_at(start)
    count = log.partitions(topic)
    if partition is not None and partition >= count:
        raise PartitionUnknown(f"{topic} has the partitions 0 to {count - 1}, not {partition}.")
    numbers = range(count) if partition is None else (partition,)
    return {place: begin(log, place) for place in (TopicPartition(topic, number) for number in numbers)}


def _beginning_at(start: str) -> Callable[[Log, TopicPartition], int]:
    if start == BEGINNING:
        return lambda log, place: log.beginning(place)
    if start == END:
        return lambda log, place: log.watermark(place)
    try:
        offset = int(start)
    except ValueError:
        moment = _milliseconds(start)
        return lambda log, place: log.offset_at(place, moment)

    if offset < 0:
        return lambda log, place: _records_back(log, place, -offset)
    # An offset that is no longer kept, or not there yet, means the nearest that is.
    return lambda log, place: min(max(offset, log.beginning(place)), log.watermark(place))


def _records_back(log: Log, place: TopicPartition, count: int) -> int:
    """Where the last `count` records begin: further back than as many offsets, since ends of transactions take some."""
    first, end = log.beginning(place), log.watermark(place)
    window = 2 * count
    while True:
        start = max(first, end - window)
        found = _offsets(log, place, start, end)
        if len(found) >= count:
            return found[-count]
        if start == first:
            return first
        window *= 2


def _offsets(log: Log, place: TopicPartition, start: int, end: int) -> list[int]:
    """Where committed records lie from `start` to before `end`."""
    if start == end:
        return []
    reader = log.reader({place: start})
    try:
        batches = read_until(reader, {place: end})
        return [record.offset for batch in batches for record in batch if record.offset < end]
    finally:
        reader.close()


def _milliseconds(text: str) -> int:
    try:
        return milliseconds_of(text)
    except ValueError as error:
        raise StartUnknown(f"{text!r} is no place to start. {StartUnknown.__doc__}") from error


def read(
    log: Log,
    codec: Codec,
    places: Mapping[TopicPartition, int],
    *,
    key: str | None = None,
    follow: bool = False,
    over: Callable[[], bool] = lambda: False,
) -> Iterator[Entry]:
    """Committed records from there to the end of now, each partition in order; with `follow` also all that come, until
    it is `over`."""
    wanted_key = None if key is None else key.encode()

    def wanted(record: Record) -> bool:
        return wanted_key is None or record.key == wanted_key

    if not follow:
        ends = {place: log.watermark(place) for place in places}
        yield from scan(log, codec, (), ends=ends, starts=places, wanted=wanted)
        return
    reader = log.reader(places)
    try:
        while not over():
            for record in reader.read(FOLLOW_RECORDS, FOLLOW_TIMEOUT):
                if wanted(record):
                    yield decoded(record, codec)
    finally:
        reader.close()


def for_machines(entry: Entry) -> dict[str, object]:
    """A record as a JSON object: bytes as base64; `unreadable` says why there is no event."""
    made: dict[str, object] = {
        "topic": entry.topic,
        "partition": entry.partition,
        "offset": entry.offset,
        "timestamp": entry.timestamp,
        "key": _text(entry.key),
        "event": None if entry.event is None else type(entry.event).__name__,
        "value": entry.value if entry.event is None else entry.event,
    }
    return made | ({"unreadable": entry.unreadable} if entry.unreadable and entry.value is not None else {})


def for_people(entry: Entry, codec: Codec) -> str:
    """A record as text: where it lies, its key, then a line for each field that says something."""
    kind = "nothing: the key is forgotten" if entry.value is None else "unreadable"
    named = kind if entry.event is None else type(entry.event).__name__
    place = f"{entry.topic}[{entry.partition}]@{entry.offset}"
    lines = [f"{place}  {iso(entry.timestamp)}  {_shown(_text(entry.key))}  {named}"]
    if entry.event is not None:
        fields = _fields(entry.event, codec).items()
        lines += [f"  {name}: {_shown(value)}" for name, value in fields if value not in SILENT]
    elif entry.value is not None:
        lines += [f"  {entry.unreadable}", f"  {_shown(entry.value)}"]
    return "\n".join(lines)


def _fields(event: Event, codec: Codec) -> dict[str, Any]:
    """The fields as plain values; a request that the event carries is read, too."""
    fields: dict[str, Any] = msgspec.to_builtins(event, builtin_types=(bytes,))
    if "request_body" in fields:
        try:
            request = codec.decode_body(fields["request_body"], fields["request_fingerprint"])
        except Undecodable:
            return fields  # it is shown as bytes
        fields["request_body"] = {k: v for k, v in _fields(request, codec).items() if v not in SILENT}
    return fields


def _shown(value: object) -> str:
    """JSON without bytes: those that are text are shown as such, of others the length. Controls are escaped."""
    dumped = json.dumps(_without_bytes(value), ensure_ascii=False)
    text = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in dumped)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}… ({len(text):,} characters)"


def _without_bytes(value: object) -> object:
    match value:
        case dict():
            return {key: _without_bytes(each) for key, each in value.items()}
        case list() | tuple():
            return [_without_bytes(each) for each in value]
        case bytes():
            return _as_text(value)
        case _:
            return value


def _as_text(value: bytes) -> str:
    """The text in UTF-8 that it is, else its length and its first bytes."""
    text = value.decode(errors="replace")
    if all(each.isprintable() or each in "\n\r\t" for each in text.replace("\ufffd", "\0")):
        return text
    return f"<{len(value)} bytes: {value[:16].hex()}{'…' if len(value) > 16 else ''}>"


def _text(key: bytes | None) -> str | None:
    return None if key is None else key.decode(errors="backslashreplace")
