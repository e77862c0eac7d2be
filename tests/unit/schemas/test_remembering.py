"""What the codec remembers of the last event changes neither what is written nor what is read."""

import json
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from schemas.avsc import parse_avsc
from schemas.reading import LONGEST_SEEN, decoder
from schemas.writing import LONGEST_KEPT, encoder


class Part(Struct, frozen=True):
    a: int
    b: int
    c: int
    d: int
    offsets: dict[str, int]


class Whole(Struct, frozen=True):
    names: tuple[str, ...]
    part: Part
    offsets: dict[str, int]
    shares: tuple[float, ...]


class Other(Struct, frozen=True):
    part: Part
    number: int


class Counted(Struct, frozen=True):
    number: int


OFFSETS = {"type": "map", "values": "long"}
PART = {
    "type": "record", "name": "Part",
    "fields": [*({"name": name, "type": "long"} for name in "abcd"), {"name": "offsets", "type": OFFSETS}],
}  # fmt: skip


def declared(name: str, fields: dict[str, Any]) -> Any:
    listed = [{"name": field, "type": kind} for field, kind in fields.items()]
    return parse_avsc(json.dumps({"type": "record", "name": name, "fields": listed}))


WHOLE = declared("Whole", {
    "names": {"type": "array", "items": "string"}, "part": PART, "offsets": OFFSETS,
    "shares": {"type": "array", "items": "double"},
})  # fmt: skip
OTHER = declared("Other", {"part": PART, "number": "long"})
encode, decode = encoder(WHOLE, b""), decoder(WHOLE, Whole)


def part_of(number: int, offsets: dict[str, int]) -> Part:
    return Part(number, 2, 3, 4, offsets)


names = st.lists(st.sampled_from(["", "a", "b", "ab", "ü" * 40]), max_size=3).map(tuple)
offsets = st.dictionaries(st.sampled_from(["models", "policies"]), st.integers(-1, 1 << 40), max_size=2)
wholes = st.builds(
    Whole, names, st.builds(part_of, st.integers(0, 2), offsets), offsets, st.lists(st.floats(), max_size=3).map(tuple)
)


@given(st.lists(st.tuples(wholes, st.integers(1, 3)), min_size=1, max_size=8))
def test_events_one_after_the_other_are_written_and_read_as_each_alone(events: list[tuple[Whole, int]]) -> None:
    for event, times in events:
        for _ in range(times):
            written = encode(event)
            assert repr(decode(written, 0)) == repr(event)
            assert repr(decoder(WHOLE, Whole)(written, 0)) == repr(event), "by one that remembers nothing yet"


def test_a_record_that_two_kinds_of_events_share_is_the_same_in_both() -> None:
    encode_other, decode_other = encoder(OTHER, b""), decoder(OTHER, Other)
    shared = part_of(1, {"models": 5})
    for part in (shared, shared, part_of(2, {}), shared):
        assert decode(encode(Whole((), part, {}, ())), 0).part == part
        assert decode_other(encode_other(Other(part, 7)), 0) == Other(part, 7)


def test_what_was_changed_since_is_written_as_it_is_now() -> None:
    """Offsets of configurations are values as well, but a dictionary keeps nobody from changing it."""
    known, listed = {"models": 1}, ["a"]
    event = Whole(listed, part_of(1, {}), known, ())  # type: ignore[arg-type]
    assert decode(encode(event), 0).offsets == {"models": 1}
    known["models"], listed[0] = 2, "b"
    again = decode(encode(event), 0)
    assert (again.offsets, again.names) == ({"models": 2}, ("b",))


def test_what_a_reader_changes_is_not_read_by_the_next() -> None:
    written = encode(Whole((), part_of(1, {}), {"models": 1}, ()))
    decode(written, 0).offsets["models"] = 9
    decode(written, 0).offsets.clear()
    assert decode(written, 0).offsets == {"models": 1}


def test_what_is_remembered_is_bounded() -> None:
    long, short = ("x" * LONGEST_KEPT,), ("y",)
    for names in (short, long, short, long):
        event = Whole(names, part_of(1, {}), {}, ())
        assert decode(encode(event), 0) == event
    kept = [found[0][1] for name, found in encode.__globals__.items() if name.endswith("_kept")]
    assert encode(Whole(short, part_of(1, {}), {}, ()))[:4] in kept
    assert max(map(len, kept)) <= LONGEST_KEPT


def test_a_large_collection_is_read_anew_each_time() -> None:
    large = ("x" * LONGEST_SEEN,)
    event = Whole(large, part_of(1, {}), {}, ())
    written = encode(event)
    assert decode(written, 0).names is not decode(written, 0).names
    small = encode(replace(event, names=("x",)))
    assert decode(small, 0).names is decode(small, 0).names
    assert decode(written, 0) == event


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_remembered_collection_that_breaks_off_is_refused(cut: int) -> None:
    event = Whole(("approve", "reject"), part_of(1, {}), {}, ())
    written = encode(event)
    assert decode(written, 0) == event
    with pytest.raises((IndexError, ValueError)):
        decode(written[:cut], 0)


def test_threads_that_write_and_read_at_once_get_their_own() -> None:
    events = [
        Whole((f"class-{n % 3}",), part_of(n, {"models": n % 5}), {"policies": n % 7}, (n / 8,)) for n in range(2_000)
    ]
    work: Callable[[Whole], bool] = lambda event: decode(encode(event), 0) == event  # noqa: E731
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, events, chunksize=50))


def test_collections_in_several_blocks_are_remembered_whole() -> None:
    """Other writers split collections, say how many bytes a block has, and may end one with a zero of two bytes."""
    words = b"\x02\x02a" + b"\x01\x04\x02b" + b"\x00"
    numbers = b"\x02\x02m\x0a" + b"\x80\x00"
    doubles = b"\x02" + struct.pack("<d", 0.5) + b"\x01\x10" + struct.pack("<d", 0.25) + b"\x00"
    wire = words + b"\x02\x04\x06\x08\x00" + numbers + doubles
    for _ in range(3):
        assert decode(wire, 0) == Whole(("a", "b"), part_of(1, {}), {"m": 5}, (0.5, 0.25))
    shorter = b"\x02\x02a" + b"\x00" + wire[len(words) :]
    assert decode(shorter, 0).names == ("a",), "what is remembered begins alike, but does not end there"


def test_very_many_blocks_take_no_longer_than_as_many_values() -> None:
    """A record of a megabyte with a block for each number must not stop a reader for seconds: nothing is copied."""
    blocks = 100_000
    begin = b"\x00" + b"\x02\x04\x06\x08\x00" + b"\x00"
    one = b"\x02" + struct.pack("<d", 0.5)
    began = process_time()
    few = [decode(begin + one * 100 + b"\x00", 0) for _ in range(blocks // 100)]
    between = process_time()
    (many,) = decode(begin + one * blocks + b"\x00", 0).shares[-1:]
    ended = process_time()
    assert (len(few[0].shares), many) == (100, 0.5)
    assert ended - between < 20 * (between - began), "as many blocks, in one event and in a thousand"


@pytest.mark.parametrize("count", [1 << 20, 1 << 40, (1 << 62) - 1])
def test_more_doubles_than_there_are_bytes_are_refused(count: int) -> None:
    encode_count = encoder(declared("Count", {"number": "long"}), b"")
    told: bytes = encode_count(Counted(count))
    with pytest.raises(struct.error):
        decode(b"\x00" + b"\x02\x04\x06\x08\x00" + b"\x00" + told + b"\x00" * 64, 0)
