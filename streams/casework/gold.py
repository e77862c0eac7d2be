"""Questions whose answer is known: a fold over the topic `gold`, and which of them is asked after which case.

A question must look like any other case, its request id included: it is made from the id of the case that it follows,
letter by letter of the same kind, so that only who knows every id can tell. Chance has no memory and no clock.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from msgspec.structs import replace

from infra.kafka.partitioner import partition_of
from schemas.codec import Codec, Undecodable
from schemas.events import DecisionRequested, Event, GoldAdded, GoldRetired, ReviewRequested
from streams.routing.draws import draw

GOLD: Final = "gold"  # the purpose of the draw
LEAST_DRAWN: Final = 9  # characters of an id that chance chooses: fewer could meet a real id one day
DIGITS: Final = "0123456789"
HEX: Final = "0123456789abcdef"
UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
VERSION_AT, VARIANT_AT = 14, 19
MAX_NAMED_BYTES: Final = 400  # of id and label together
MOST_TRIES: Final = 1_000  # ids until one belongs to the partition; with 100 partitions all miss once in 23,000 cases


class Question(NamedTuple):
    """A request whose answer is known."""

    gold_id: str
    request_body: bytes
    request_fingerprint: bytes
    label: str


Gold = Mapping[str, tuple[Question, ...]]
NO_GOLD: Final[Gold] = MappingProxyType({})


def fold_gold(gold: Gold, event: Event) -> Gold:
    """The questions of each workflow after one more event, by id; a question added again replaces the former."""
    match event:
        case GoldAdded(workflow=workflow, gold_id=gold_id) if fits(event):
            question: Question | None = Question(gold_id, event.request_body, event.request_fingerprint, event.label)
        case GoldRetired(workflow=workflow, gold_id=gold_id):
            question = None
        case _:
            return gold
    kept = (each for each in gold.get(workflow, ()) if each.gold_id != gold_id)
    return MappingProxyType({**gold, workflow: tuple(sorted((*kept, *([question] if question else ()))))})


def fits(added: GoldAdded) -> bool:
    """Whether a sealed field always holds it; one that does not would end casework, and is never asked."""
    return len(added.gold_id.encode()) + len(added.label.encode()) <= MAX_NAMED_BYTES


def question_after(salt: bytes, request_id: str, questions: tuple[Question, ...], share: float) -> Question | None:
    """The question that chance asks after this case, or none."""
    if not questions or draw(salt, GOLD, request_id) >= share:
        return None
    return questions[int(draw(salt, f"{GOLD}-question", request_id) * len(questions))]


def disguised(salt: bytes, request_id: str, *, partition: int, partitions: int) -> str | None:
    """A request id of the same look for a question, in the same partition; None when none is found.

    >>> name = disguised(bytes(32), "post-8812003471", partition=1, partitions=4)
    >>> name[:5], len(name), name == "post-8812003471"
    ('post-', 15, False)
    """
    for attempt in range(MOST_TRIES):
        name = _alike(request_id, salt, f"{GOLD}-id-{attempt}")
        if name != request_id and partition_of(name.encode(), partitions) == partition:
            return name
    return None


def _alike(request_id: str, salt: bytes, purpose: str) -> str:
    """With every digit drawn anew, of a hexadecimal id every character, and digits added where that is too little."""
    alphabet = HEX if set(request_id) <= {*HEX, "-"} and not set(request_id) <= {*DIGITS, "-"} else DIGITS
    few = max(0, LEAST_DRAWN - sum(char in alphabet for char in request_id))
    drawn = [
        alphabet[int(draw(salt, f"{purpose}-{at}", request_id) * len(alphabet))] if char in alphabet else char
        for at, char in enumerate(request_id + DIGITS[:few])
    ]
    for at in _fixed(request_id):
        drawn[at] = request_id[at]
    return "".join(drawn)


def _fixed(request_id: str) -> Iterable[int]:
    """Positions that chance must not touch: of a UUID version and variant, and when one of version 7 was made.

    RFC 9562, sections 4 and 5.7; the first 32 bits of a time in milliseconds are the same for a minute.
    """
    found = UUID.fullmatch(request_id)
    if found is None:
        return ()
    return (VERSION_AT, VARIANT_AT, *(range(8) if found[1] == "7" else ()))


def request_of(question: Question, request_id: str, beside: ReviewRequested, codec: Codec) -> DecisionRequested | None:
    """The question's request under another id, from the same source as the one beside it and as if sent with it.

    None when one of them cannot be read any more.
    """
    try:
        asked = codec.decode_body(question.request_body, question.request_fingerprint)
        real = codec.decode_body(beside.request_body, beside.request_fingerprint)
    except Undecodable:
        return None
    if not isinstance(asked, DecisionRequested) or not isinstance(real, DecisionRequested):
        return None
    return replace(asked, request_id=request_id, source=real.source, submitted_at=real.submitted_at)
