"""Dead letters as they are listed and shown, and what sending them again does and does not do."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.acknowledging import NotAcknowledged
from infra.kafka.scan import Entry
from producers.desk.pages.operate.buried import LOOKED_AT
from producers.desk.pages.operate.letters import (
    DUMPED,
    SHOWN,
    CursorInvalid,
    Filter,
    Listed,
    cursor_in,
    cursor_text,
    dump_of,
    listed,
    printable,
    whole,
)
from schemas.topics import REPLAYS, REQUESTS
from tests.support.operating import NOW, Stand, dead
from tests.support.recorded import CODEC

HOSTILE = "<script>alert(1)</script>\u202e\x1b[2J\x00"


def page_of(stand: Stand, only: Filter | None = None, cursor: str | None = None) -> Listed:
    before = cursor_in(cursor) if cursor else None
    return listed(stand.letters.look(before), only or Filter(), stand.letters.sent.known())


def test_pages_show_every_letter_once_the_newest_first() -> None:
    stand = Stand()
    places = [stand.bury(dead(offset=number), partition=number % 2) for number in range(SHOWN * 2 + 7)]
    shown, cursor = list[str](), None
    while True:
        page = page_of(stand, cursor=cursor)
        shown += [row.place for row in page.rows]
        cursor = page.older
        if cursor is None:
            break
    assert shown == [f"{partition}:{offset}" for partition, offset in reversed(places)]


def test_a_filter_looks_through_those_that_were_looked_at_and_goes_on() -> None:
    stand = Stand()
    for number in range(LOOKED_AT + 100):
        stand.bury(dead("undecodable" if number == 3 else "unknown_workflow", offset=number))
    first = page_of(stand, Filter(reason="undecodable"))
    assert (first.rows, first.looked_at, first.reasons) == ((), LOOKED_AT, [("unknown_workflow", LOOKED_AT)])
    assert first.older is not None
    second = page_of(stand, Filter(reason="undecodable"), first.older)
    assert [row.place for row in second.rows] == ["0:3"] and second.older is None


@pytest.mark.parametrize(
    ("only", "count"),
    [(Filter(), 3), (Filter(stage="router"), 1), (Filter(topic="requests"), 2), (Filter("x", stage="router"), 0)],
)
def test_letters_are_chosen_by_reason_stage_and_topic(only: Filter, count: int) -> None:
    stand = Stand()
    for letter in (dead(), dead("undecodable"), dead("id_conflict", stage="router", topic="predictions")):
        stand.bury(letter)
    page = page_of(stand, only)
    assert len(page.rows) == count
    assert dict(page.stages) == {"inference": 2, "router": 1}


@pytest.mark.parametrize("text", ["", "a", "0", "0-", "-1-2", "0-1.", "0-1..1-2", "0-1;1-2", "9" * 30 + "-1", "٣-٤"])
def test_a_cursor_that_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(CursorInvalid):
        cursor_in(text)


@given(st.dictionaries(st.integers(0, 10**9 - 1), st.integers(0, 10**18 - 1), min_size=1, max_size=20))
def test_a_cursor_says_what_it_was_made_of(before: dict[int, int]) -> None:
    assert cursor_in(cursor_text(before)) == before


@given(st.binary(max_size=300))
def test_a_body_is_dumped_whole_and_harmlessly(body: bytes) -> None:
    lines = dump_of(body)
    assert bytes.fromhex(" ".join(line.hexadecimal for line in lines)) == body
    assert all(line.text.isprintable() for line in lines)


@given(st.text())
def test_nothing_that_is_shown_moves_or_hides_other_text(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text) and all(each.isprintable() or each == "\n" for each in shown)


def test_one_letter_is_told_whole() -> None:
    stand = Stand()
    body = b"\x00" + HOSTILE.encode() + bytes(1 << 20)
    place = stand.bury(dead("undecodable", value=body, key=b"\xff\xfe", detail=HOSTILE))
    letter = stand.letters.at(place)
    assert letter is not None
    made = whole(letter, {}, (), CODEC, None)
    assert (made.left_out, len(made.dump)) == (len(body) - DUMPED, DUMPED // 16)
    assert made.key == "bytes ff fe" and "\x1b" not in made.row.detail and "\u202e" not in made.row.detail
    assert made.row.size == len(body) and made.sha256 == "00" * 32
    assert "Mend the sender" in made.advice and made.config == [("policies", 3)]


def test_what_a_body_says_is_read_where_it_can_be() -> None:
    stand = Stand()
    event = dead()
    place = stand.bury(dead(value=CODEC.encode(event)))
    letter = stand.letters.at(place)
    assert letter is not None
    said = Entry("requests", 0, 7, NOW, b"k", CODEC.encode(event), event)
    assert "no policy is published" in whole(letter, {}, (), CODEC, said).said
    assert whole(letter, {}, (), CODEC, said._replace(event=None)).said == ""


@pytest.mark.parametrize("place", [(0, 1), (0, 10**17), (1, 0), (2, 0), (10**8, 0)])
def test_where_no_letter_lies_none_is_found(place: tuple[int, int]) -> None:
    stand = Stand()
    stand.bury(dead())
    assert stand.letters.at(place) is None


def send(stand: Stand, *places: tuple[int, int], act: str = "a1", again: bool = False) -> list[tuple[bool, str]]:
    return [(told.done, told.said) for told in stand.sending.send(places, who="ada", act=act, again=again)]


def test_a_letter_is_sent_again_as_it_was_and_marked() -> None:
    stand = Stand()
    place = stand.bury(dead(value=b"\x00body", key=b"key"))
    assert send(stand, place) == [(True, "it was sent again and lies at requests[1]@0")]
    (record,) = stand.log.read_all(REQUESTS.name)
    assert (record.key, record.value) == (b"key", b"\x00body")
    (row,) = page_of(stand).rows
    assert row.again is not None and row.again.reviewer_id == "ada"
    letter = stand.letters.at(place)
    assert letter is not None and whole(letter, stand.letters.sent.known(), (), CODEC, None).replays == (row.again,)


def test_a_form_that_is_sent_twice_sends_nothing_twice() -> None:
    stand = Stand()
    place = stand.bury(dead())
    threads = [threading.Thread(target=send, args=(stand, place)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stand.log.read_all(REQUESTS.name)) == len(stand.log.read_all(REPLAYS.name)) == 1


def test_what_was_sent_again_is_sent_once_more_only_when_one_says_so() -> None:
    stand = Stand()
    place = stand.bury(dead())
    send(stand, place)
    assert send(stand, place, act="a2") == [(False, "ada has sent it again already; it was not sent once more")]
    assert send(stand, place, act="a3", again=True)[0][0]
    assert len(stand.log.read_all(REQUESTS.name)) == 2


def test_each_of_many_is_told_apart_and_one_that_stays_keeps_none_back() -> None:
    stand = Stand()
    kept = stand.bury(dead(value=None))
    conflict = stand.bury(dead("id_conflict", stage="router", topic="predictions"))
    good = stand.bury(dead())
    told = send(stand, kept, conflict, (1, 99), good, good)
    assert [done for done, _ in told] == [False, False, False, True]
    assert "too large to keep" in told[0][1] and "another content" in told[1][1] and "no dead letter" in told[2][1]
    assert len(stand.log.read_all(REQUESTS.name)) == 1


def test_brokers_that_do_not_acknowledge_are_told_and_nothing_is_marked() -> None:
    stand = Stand()
    place = stand.bury(dead())
    stand.written.fails = NotAcknowledged()
    ((done, said),) = send(stand, place)
    assert not done and "send it again" in said
    assert stand.letters.sent.known() == {}
    stand.written.fails = None
    assert send(stand, place)[0][0], "the same form may be sent once more"


def test_a_letter_that_came_of_a_replay_is_found() -> None:
    stand = Stand()
    place = stand.bury(dead())
    send(stand, place)
    sent = stand.letters.sent.known()[place][0].sent
    later = stand.bury(dead("undecodable", offset=sent.offset), partition=1)
    letter = stand.letters.at(place)
    assert letter is not None
    origin = whole(letter, stand.letters.sent.known(), stand.letters.look().letters, CODEC, None).followed
    assert origin == (f"{later[0]}:{later[1]}" if sent.partition == 0 else None)
