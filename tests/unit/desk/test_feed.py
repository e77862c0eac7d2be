"""Changes as server-sent events: nothing is missed or told twice, and who does not read is cut off."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from starlette.types import Message, Scope

from infra.http.problems import Problem
from infra.kafka.log import Record, TopicPartition
from producers.desk import feed as feed_module
from producers.desk.feed import Feed, positions_in
from schemas.events import CaseNoted, CaseOpened, LeaseGranted
from schemas.topics import ASSIGNMENTS
from schemas.values import CaseStage, Coordinates, Priority
from tests.support.desk import PARTITIONS, World
from tests.support.recorded import CODEC, START

AT = Coordinates(topic="review-commands", partition=0, offset=0)
FRAME: dict[str, Any] = {"event_id": "e", "workflow": "w", "sequence": 2, "revision": 1, "cause": AT, "occurred_at": 0}


def noted(request_id: str, who: str = "bea") -> CaseNoted:
    return CaseNoted(**FRAME, request_id=request_id, reviewer_id=who, note="n")


def opened(request_id: str) -> CaseOpened:
    return CaseOpened(
        **FRAME, request_id=request_id, stage=CaseStage.HUMAN, review=AT, priority=Priority.LOW, sealed=b"secret"
    )


class Reader:
    """A client of `/v1/changes`: what it was sent, and whether it takes more."""

    def __init__(self, world: World, path: str = "/v1/changes", query: str = "", since: str | None = None) -> None:
        self.said = ""
        self.status = 0
        self.takes = asyncio.Event()
        self.takes.set()
        headers = [(b"host", b"127.0.0.1"), (b"reviewer-id", b"ann")]
        headers += [(b"last-event-id", since.encode())] if since else []
        scope: Scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": path,
            "raw_path": path.encode(), "query_string": query.encode(), "headers": headers, "scheme": "http",
            "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "root_path": "",
        }  # fmt: skip
        self.left = asyncio.Event()
        self.task = asyncio.ensure_future(world.app(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            await self.takes.wait()
            self.said += message.get("body", b"").decode()

    async def until(self, condition: Callable[[str], bool]) -> str:
        async with asyncio.timeout(5):
            while not condition(self.said):
                await asyncio.sleep(0.005)
        return self.said

    def told(self) -> list[tuple[str, str]]:
        """Event and request id, in order."""
        whole = [block.splitlines() for block in self.said.split("\n\n") if block]
        blocks = [dict(line.split(": ", 1) for line in lines) for lines in whole]
        return [(each["event"], msgspec.json.decode(each["data"])["request_id"]) for each in blocks[1:]]

    @property
    def place(self) -> str:
        """The id of the last event."""
        return [line[4:] for line in self.said.splitlines() if line.startswith("id: ")][-1]


def come(world: World, *events: CaseNoted | CaseOpened | LeaseGranted, partition: int = 0) -> None:
    """On the log, and from there to the feed."""
    records: list[Record] = []
    for event in events:
        place = TopicPartition(ASSIGNMENTS.name, partition)
        key, value = event.request_id.encode(), CODEC.encode(event)
        records.append(Record(place.topic, partition, world.log.watermark(place), START, key, value))
        world.log.append(place, key, value, None)
    world.feed.take(records)


def running(story: Callable[[World], Any]) -> None:
    async def whole() -> None:
        world = World()
        async with world.opened():
            await story(world)

    asyncio.run(whole())


def test_changes_come_in_order_without_what_is_sealed() -> None:
    async def story(world: World) -> None:
        reader = Reader(world)
        await reader.until(lambda said: "event: opened" in said)
        come(world, opened("a"), noted("a"))
        come(world, noted("b"), partition=1)
        await reader.until(lambda said: said.count("CaseNoted") >= 2)
        assert reader.told() == [("CaseOpened", "a"), ("CaseNoted", "a"), ("CaseNoted", "b")]
        assert "sealed" not in reader.said and "secret" not in reader.said
        assert reader.place == "2-1"
        reader.left.set()
        await reader.task
        assert len(world.feed) == 0, "who has gone is forgotten"

    running(story)


def test_who_comes_back_misses_nothing_and_hears_nothing_twice() -> None:
    async def story(world: World) -> None:
        come(world, noted("a"), noted("b"))
        come(world, noted("c"), partition=1)
        reader = Reader(world, since="1-0")
        await asyncio.sleep(0)
        come(world, noted("d"))
        await reader.until(lambda said: '"d"' in said)
        assert sorted(name for _, name in reader.told()) == ["b", "c", "d"]
        assert reader.place == "3-1"

    running(story)


def test_a_place_ahead_of_ours_waits_until_we_are_there() -> None:
    async def story(world: World) -> None:
        reader = Reader(world, since="1-0")
        await reader.until(lambda said: "event: opened" in said)
        come(world, noted("a"), noted("b"))
        await reader.until(lambda said: '"b"' in said)
        assert [name for _, name in reader.told()] == ["b"]

    running(story)


def test_only_mine_is_what_i_do_and_what_happens_to_cases_that_i_have() -> None:
    async def story(world: World) -> None:
        world.model.held["ann"] = {"mine": START}
        reader = Reader(world, query="mine=true")
        await reader.until(lambda said: "event: opened" in said)
        granted = LeaseGranted(**FRAME, request_id="next", reviewer_id="ann", lease=2, expires_at=0)
        come(world, noted("mine"), noted("other"), granted, noted("next"), noted("other", "ann"))
        await reader.until(lambda said: said.count("CaseNoted") >= 3)
        assert [name for _, name in reader.told()] == ["mine", "next", "next", "other"]

    running(story)


def test_a_case_that_the_read_model_does_not_know_yet_is_mine() -> None:
    """The index is a moment behind: what was given to me in that moment, and is then taken away, must be told."""

    def granted(name: str, who: str, lease: int) -> LeaseGranted:
        return LeaseGranted(**FRAME, request_id=name, reviewer_id=who, lease=lease, expires_at=0)

    async def story(world: World) -> None:
        world.model.held["ann"], world.model.known = {"gone": START}, {"assignments[0]": 1}
        come(world, noted("a"), granted("new", "ann", 1), granted("gone", "lea", 2))
        reader = Reader(world, query="mine=true")
        await reader.until(lambda said: "event: opened" in said)
        come(world, granted("new", "lea", 2), noted("gone"), noted("new"), noted("last", "ann"))
        await reader.until(lambda said: '"last"' in said)
        assert [name for _, name in reader.told()] == ["new", "last"]

    running(story)


def test_who_does_not_read_is_cut_off_and_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "MOST_WAITING", 10)

    async def story(world: World) -> None:
        slow, quick = Reader(world), Reader(world)
        for reader in (slow, quick):
            await reader.until(lambda said: "event: opened" in said)
        slow.takes.clear()
        for number in range(30):
            come(world, noted(f"n{number}"))
            await asyncio.sleep(0)
            await quick.until(lambda said, name=f'"n{number}"': name in said)  # type: ignore[misc]
        await asyncio.wait_for(slow.task, 30)
        assert (world.cut_off, len(world.feed)) == (1, 1)
        assert len(quick.told()) == 30 and not quick.task.done()

    running(story)


def test_what_comes_while_the_past_is_told_is_told_behind_it() -> None:
    async def story(world: World) -> None:
        come(world, noted("a"), noted("b"))
        reader = Reader(world, since="0-0")
        reader.takes.clear()
        while not reader.status:
            await asyncio.sleep(0.005)
        come(world, noted("c"), noted("d"))
        reader.takes.set()
        await reader.until(lambda said: '"d"' in said)
        come(world, noted("f"))
        await reader.until(lambda said: '"f"' in said)
        assert [name for _, name in reader.told()] == ["a", "b", "c", "d", "f"]
        assert reader.place == "5-0"

    running(story)


def test_a_place_counts_what_others_are_told() -> None:
    """Whoever comes back is not read again what was not for them."""

    async def story(world: World) -> None:
        reader = Reader(world, query="mine=true")
        await reader.until(lambda said: "event: opened" in said)
        come(world, noted("a"), noted("b", "ann"), noted("c"))
        await reader.until(lambda said: '"b"' in said)
        assert reader.place == "2-0"
        come(world, noted("d", "ann"))
        await reader.until(lambda said: '"d"' in said)
        assert reader.place == "4-0"

    running(story)


def test_at_the_end_streams_end() -> None:
    async def story(world: World) -> None:
        reader = Reader(world)
        await reader.until(lambda said: "event: opened" in said)
        world.feed.close()
        await asyncio.wait_for(reader.task, 30)

    running(story)


def test_a_silent_stream_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "HEARTBEAT", 0.02)

    async def story(world: World) -> None:
        reader = Reader(world)
        await reader.until(lambda said: said.count(": still here") >= 2)

    running(story)


@pytest.mark.parametrize("place", ["", "x", "1", "1-2-3", "1--2", "-1-2", "1-²", "9" * 30 + "-1"])
def test_what_is_no_place_is_told(place: str) -> None:
    with pytest.raises(Problem) as raised:
        positions_in(place, dict.fromkeys(range(PARTITIONS), 0))
    assert raised.value.status == 422


def test_who_comes_back_after_too_much_begins_anew() -> None:
    now = dict.fromkeys(range(PARTITIONS), feed_module.MOST_BEHIND)
    assert positions_in(f"1-{feed_module.MOST_BEHIND}", now) == {0: 1, 1: feed_module.MOST_BEHIND}
    with pytest.raises(Problem) as raised:
        positions_in("0-9999", now)
    assert (raised.value.status, raised.value.reason) == (409, "too_far_behind")


def test_no_more_than_so_many_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "MOST_READERS", 1)
    feed = Feed(CODEC)
    first = feed.subscribe(lambda _: True, None)
    with pytest.raises(Problem) as raised:
        feed.subscribe(lambda _: True, None)
    assert raised.value.status == 503
    feed.leave(first)
    assert feed.subscribe(lambda _: True, None)
