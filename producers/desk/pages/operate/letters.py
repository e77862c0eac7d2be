"""Dead letters on a page: rows, counts, where one goes on, and one of them whole. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from infra.kafka.letters import ADVICE, NotReplayable, replay_of
from infra.kafka.newest import Before
from infra.kafka.scan import Entry
from infra.kafka.topic_reading import for_people
from producers.desk.pages.operate.buried import Buried, LookedAt, Place, Sent
from schemas.codec import Codec
from schemas.events import DeadLettered, DeadLetterReplayed
from schemas.topics import REQUESTS, REVIEW_COMMANDS, REVIEW_DECISIONS
from schemas.values import Coordinates

ROLE: Final = "desk"  # as whom of the catalogue the desk writes
SHOWN: Final = 50  # rows of one page
DUMPED: Final = 4_096  # bytes of a body that are shown
ROW: Final = 16  # bytes of a line of them
LONGEST: Final = 4_000  # characters of what a body says
CURSOR: Final = re.compile(r"\d{1,9}-\d{1,18}(\.\d{1,9}-\d{1,18}){0,999}", re.ASCII)
DECIDED_ONCE: Final[Mapping[str, str]] = {
    REQUESTS.name: "The router drops a repeat of the same content within an hour of the first, and turns another "
    "content under the same id into a dead letter. A later repeat is decided anew under the same event ids, by which "
    "readers of outcomes know it; so the desk sends nothing a second time unless you say so.",
    REVIEW_DECISIONS.name: "An answer counts once: casework refuses it when the case has moved on since.",
    REVIEW_COMMANDS.name: "Casework judges it anew and refuses it when the case has moved on since.",
}


class CursorInvalid(ValueError):
    """Not a place that a page of ours names."""


class Filter(NamedTuple):
    """Only these; empty means all."""

    reason: str = ""
    stage: str = ""
    topic: str = ""

    def takes(self, dead: DeadLettered) -> bool:
        asked = ((self.reason, dead.reason), (self.stage, dead.stage), (self.topic, dead.origin.topic))
        return all(wanted in ("", found) for wanted, found in asked)


class Row(NamedTuple):
    """One dead letter in the list; `again` is the last time that it was sent again."""

    place: str
    path: str
    at: int
    stage: str
    reason: str
    detail: str
    topic: str  # where the record came from
    origin: str
    request_id: str | None
    workflow: str | None
    size: int
    again: DeadLetterReplayed | None
    kept_back: str  # why it cannot be sent again from here; empty when it can


class Listed(NamedTuple):
    """A page of the list. Counts are of the letters that were looked at."""

    rows: tuple[Row, ...]
    looked_at: int
    in_all: int
    reasons: Sequence[tuple[str, int]]
    stages: Sequence[tuple[str, int]]
    topics: Sequence[tuple[str, int]]
    older: str | None  # the cursor of the next page


class DumpLine(NamedTuple):
    """Bytes of a body: where they begin, in hexadecimal, and as text where they are ASCII."""

    at: str
    hexadecimal: str
    text: str


class Whole(NamedTuple):
    """One dead letter with everything that is known of it."""

    row: Row
    advice: str
    protection: str
    sha256: str
    key: str
    written_at: int
    config: Sequence[tuple[str, int]]
    said: str  # what the body says, where it can be read
    dump: Sequence[DumpLine]
    left_out: int  # bytes that are not shown
    has_body: bool
    replays: Sequence[DeadLetterReplayed]
    followed: str | None  # the place of the dead letter that came of sending it again


def listed(found: LookedAt, only: Filter, sent: Sent) -> Listed:
    """What is shown of those that were looked at."""
    letters = [each for each in found.letters if only.takes(each.dead)]
    shown = letters[:SHOWN]
    older = found.before if len(letters) <= SHOWN else _before_of(found, shown[-1])
    is_last = found.is_last and len(letters) <= SHOWN
    return Listed(
        rows=tuple(row(each, sent) for each in shown),
        looked_at=len(found.letters),
        in_all=found.in_all,
        reasons=Counter(each.dead.reason for each in found.letters).most_common(),
        stages=Counter(each.dead.stage for each in found.letters).most_common(),
        topics=Counter(each.dead.origin.topic for each in found.letters).most_common(),
        older=None if is_last else cursor_text(older),
    )


def row(letter: Buried, sent: Sent) -> Row:
    """One dead letter in the list."""
    dead, again = letter.dead, sent.get(letter.place, ())
    found = replay_of(dead, role=ROLE)
    return Row(
        place=place_text(letter.place),
        path=path_of(letter.place),
        at=dead.dead_lettered_at,
        stage=dead.stage,
        reason=dead.reason,
        detail=printable(dead.detail),
        topic=dead.origin.topic,
        origin=coordinates_text(dead.origin),
        request_id=dead.request_id,
        workflow=dead.workflow,
        size=dead.original_size,
        again=again[-1] if again else None,
        kept_back=found.why if isinstance(found, NotReplayable) else "",
    )


def whole(letter: Buried, sent: Sent, newest: Sequence[Buried], codec: Codec, said: Entry | None) -> Whole:
    """One dead letter; `newest`: those among which one that came of a replay is looked for; `said`: its body, read."""
    dead, replays = letter.dead, sent.get(letter.place, ())
    places = {(each.sent.topic, each.sent.partition, each.sent.offset) for each in replays}
    body = dead.original_value or b""
    followed = (
        place_text(each.place)
        for each in newest
        if (each.dead.origin.topic, each.dead.origin.partition, each.dead.origin.offset) in places
    )
    return Whole(
        row=row(letter, sent),
        advice=ADVICE.get(dead.reason, "The detail says what was found."),
        protection=DECIDED_ONCE.get(dead.origin.topic, ""),
        sha256=dead.original_sha256.hex(),
        key="none" if dead.original_key is None else key_text(dead.original_key),
        written_at=dead.original_timestamp,
        config=sorted(dead.config_offsets.items()),
        said=shortened(for_people(said, codec)) if said is not None and said.event is not None else "",
        dump=dump_of(body[:DUMPED]),
        left_out=max(0, len(body) - DUMPED),
        has_body=dead.original_value is not None,
        replays=replays,
        followed=next(followed, None),
    )


def dump_of(body: bytes) -> list[DumpLine]:
    """Bytes as people look at them.

    >>> dump_of(b"GET <b>\\x00")
    [DumpLine(at='0000', hexadecimal='47 45 54 20 3c 62 3e 00', text='GET <b>·')]
    """
    parts = [(at, body[at : at + ROW]) for at in range(0, len(body), ROW)]
    return [
        DumpLine(f"{at:04x}", part.hex(" "), "".join(chr(each) if 32 <= each < 127 else "·" for each in part))
        for at, part in parts
    ]


def printable(text: str) -> str:
    """Without what changes direction, moves or hides other text.

    >>> printable("safe\\u202egnp.exe\\x1b[2J")
    'safe·gnp.exe·[2J'
    """
    return "".join(each if each.isprintable() or each == "\n" else "·" for each in text)


def key_text(key: bytes) -> str:
    """A key as the text that it should be, shortened; else its bytes."""
    text = key[:300].decode(errors="replace")
    if "\ufffd" in text:
        text = f"bytes {key[:64].hex(' ')}"
    return shortened(printable(text), 300)


def shortened(text: str, longest: int = LONGEST) -> str:
    """With how much was left out."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def coordinates_text(at: Coordinates) -> str:
    """As operators write a place of the log.

    >>> coordinates_text(Coordinates(topic="requests", partition=2, offset=7))
    'requests[2]@7'
    """
    return f"{at.topic}[{at.partition}]@{at.offset}"


def place_text(place: Place) -> str:
    """As `hitl dead-letters` names a dead letter."""
    return f"{place[0]}:{place[1]}"


def path_of(place: Place) -> str:
    """The address of the page of a dead letter."""
    return f"/operate/dead-letters/{place[0]}/{place[1]}"


def cursor_text(before: Before) -> str:
    """Offsets by partition, for an address.

    >>> cursor_text({0: 12, 1: 0}), cursor_in("0-12.1-0")
    ('0-12.1-0', {0: 12, 1: 0})
    """
    return ".".join(f"{partition}-{offset}" for partition, offset in sorted(before.items()))


def cursor_in(text: str) -> Before:
    """Raises `CursorInvalid`. Offsets that the topic does not have do no harm."""
    if CURSOR.fullmatch(text) is None:
        raise CursorInvalid
    pairs = [each.split("-") for each in text.split(".")]
    return {int(partition): int(offset) for partition, offset in pairs}


def _before_of(found: LookedAt, last: Buried) -> Before:
    """Where one goes on behind the last one that is shown."""
    before = dict(found.began)
    for each in found.letters:
        before[each.entry.partition] = each.entry.offset
        if each.place == last.place:
            break
    return before
