"""The timeline of a request on the real stack: by the read model in a moment, and the same as by the whole log."""

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.cli.main import run
from infra.kafka.partitioner import partition_of
from infra.kafka.scan import Entry, about, name_of, partitions_of, places_of
from infra.redis.connection import connect as connect_redis
from infra.redis.keys import Keys
from infra.redis.places import PLACED
from infra.redis.reading import ReadModel, connect
from infra.tracing import Tracing, Untraced
from schemas.topics import BY_NAME, Keyed
from tests.support.history import History
from tests.support.recorded import CODEC
from tests.support.stand import STAGES, Stand, wait_until
from tests.support.traffic import requests

AT_ONCE = 4  # people who ask
pytestmark = [pytest.mark.integration, pytest.mark.long]


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("tracing"))
    try:
        stand.up([*STAGES, "index"])
        stand.publish_policy()
        stand.teach()
        stand.drive(requests(1, 2_500, partitions=stand.partitions, name="traced"), seconds=12)
        stand.quiet(seconds=120)
        yield stand
    finally:
        stand.down()


@pytest.fixture
def model(stand: Stand) -> Iterator[ReadModel]:
    model = connect(stand.settings)
    wait_until(lambda: is_caught_up(stand, model), what="the read model at the end of the log")
    yield model
    model.close()


def is_caught_up(stand: Stand, model: ReadModel) -> bool:
    kept = model.kept("")
    history = stand.history()
    last = {(e.topic, e.partition): e.offset for topic in PLACED for e in history.entries(topic)}
    places = partitions_of(stand.log, PLACED)
    return kept.is_whole and all(kept.offsets.get(name_of(place), 0) > last.get(place, -1) for place in places)


def by_request(history: History, partitions: int) -> Mapping[str, list[Entry]]:
    """What `about` finds of each request, read once."""
    found: dict[str, list[Entry]] = defaultdict(list)
    for topic in PLACED:
        for entry in history.entries(topic):
            name = getattr(entry.event, "request_id", None)
            if not isinstance(name, str):
                continue
            key, keyed = name.encode(), BY_NAME[topic].keyed is Keyed.REQUEST
            if not keyed or (entry.key == key and entry.partition == partition_of(key, partitions)):
                found[name].append(entry)
    return found


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.topic, entry.partition, entry.offset))


def span(entries: Sequence[Entry]) -> int:
    """Milliseconds from the first record to the last."""
    times = [entry.timestamp for entry in entries]
    return max(times) - min(times)


def test_thousands_of_timelines_are_those_of_the_whole_log(stand: Stand, model: ReadModel) -> None:
    right = by_request(stand.history(), stand.partitions)
    assert len(right) > 2_000
    tracing, unknown = Tracing(stand.log, CODEC, model), list[str]()
    with ThreadPoolExecutor(AT_ONCE) as asking:
        for (name, entries), found in zip(right.items(), asking.map(tracing.trace, right), strict=True):
            if isinstance(found, Untraced):
                unknown.append(name)
            else:
                assert in_order(found) == in_order(entries), name
    tracing.close()
    assert all(model.status(name) is None for name in unknown), "only what is no request: a letter about none"
    for name in list(right)[::500]:
        assert in_order(about(stand.log, CODEC, name, PLACED)) == in_order(right[name])


def test_the_command_tells_the_same_either_way(
    stand: Stand, model: ReadModel, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HITL_DATA_DIR", str(stand.settings.data_dir))
    right = by_request(stand.history(), stand.partitions)
    for name in [name for name in right if model.status(name) is not None][:3]:
        assert run(["audit", "show", name, "--json"]) == 0
        quick = capsys.readouterr()
        assert run(["audit", "show", name, "--json", "--from-log"]) == 0
        assert quick.out == capsys.readouterr().out
        assert len(json.loads(quick.out)["records"]) == len(right[name])
        assert "So the log is read" not in quick.err


def test_while_the_model_is_rebuilt_nothing_wrong_is_told(stand: Stand, model: ReadModel) -> None:
    right = by_request(stand.history(), stand.partitions)
    names, redis = list(right)[:200], connect_redis(stand.settings)
    tracing, untraced, traced = Tracing(stand.log, CODEC, model), 0, 0
    redis.call("FLUSHALL")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (traced < 200 or not untraced):
        for name in names:
            found = tracing.trace(name)
            if isinstance(found, Untraced):
                untraced += 1
                assert found in (Untraced.REBUILDING, Untraced.UNKNOWN)
            else:
                traced += 1
                assert in_order(found) == in_order(right[name]), name
    tracing.close()
    redis.close()
    assert untraced and traced >= 200


def test_what_was_forgotten_is_found_in_the_log_of_its_time(stand: Stand, model: ReadModel) -> None:
    right = by_request(stand.history(), stand.partitions)
    redis, keys = connect_redis(stand.settings), Keys(stand.settings.topic_prefix)
    long = {name: entries for name, entries in right.items() if len(entries) > 12 and model.status(name) is not None}
    name = min(long, key=lambda each: span(long[each]))  # on a busy machine others take as long as everything
    redis.call("UNLINK", keys.request(name))
    redis.close()
    tracing = Tracing(stand.log, CODEC, model)
    assert tracing.trace(name) is Untraced.UNKNOWN
    times = [entry.timestamp for entry in right[name]]
    seen: list[tuple[int, int]] = []
    found = about(
        stand.log, CODEC, name, PLACED, since=min(times), until=max(times) + 1,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert in_order(found) == in_order(right[name])
    everything = stand.log.watermarks(places_of(stand.log, name, PLACED))
    assert seen[-1][0] == seen[-1][1] < sum(everything.values())
    later = about(stand.log, CODEC, name, PLACED, since=max(times) + 1)
    assert later == []
    tracing.close()
