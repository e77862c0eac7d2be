"""The read model of the whole pipeline, hurt under load: what it shows is what the log says, by itself."""

import time
from collections.abc import Iterator

import pytest

from infra.redis.connection import connect as connect_redis
from infra.redis.keys import Keys
from infra.redis.reading import ReadModel, connect
from infra.redis.store import IndexStore
from tests.support.history import History
from tests.support.stand import STAGES, Stand, wait_until
from tests.support.traffic import requests
from tests.support.view import LogView, differences

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("index"))
    try:
        stand.up([*STAGES, "index"])
        stand.publish_policy()
        stand.teach()
        yield stand
    finally:
        stand.down()


@pytest.fixture
def model(stand: Stand) -> Iterator[ReadModel]:
    model = connect(stand.settings)
    yield model
    model.close()


def await_index(stand: Stand, history: History) -> None:
    """Until the read model has applied every record of this history."""
    from consumers.index.service import FOLLOWED, name_of

    store = IndexStore(connect_redis(stand.settings), Keys(stand.settings.topic_prefix), "looking")
    last = {name_of(entry): entry.offset for topic in FOLLOWED for entry in history.entries(topic)}  # type: ignore[arg-type]

    def is_there() -> bool:
        offsets = store.held().offsets
        return all(offsets.get(name, 0) > offset for name, offset in last.items())

    try:
        wait_until(is_there, seconds=60, what="the read model at the end of the log")
    finally:
        store.close()


def check(stand: Stand, model: ReadModel, history: History) -> LogView:
    """The read model says what the log says, field by field."""
    await_index(stand, history)
    log = LogView(
        (entry for entries in history._entries.values() for entry in entries),
        inline_bytes=stand.settings.index_inline_bytes,
    )
    assert differences(log, model, now=time.time_ns() // 1_000_000) == []
    return log


def test_the_model_is_what_the_log_says(stand: Stand, model: ReadModel) -> None:
    stand.drive(requests(1, 400, partitions=stand.partitions, name="view"), seconds=4)
    stand.send(requests(2, 200, partitions=stand.partitions, name="open"))  # nobody answers these
    log = check(stand, model, stand.quiet(people=False))
    states = {view["state"] for view in log.requests().values()}
    assert states >= {"completed", "human_review", "expert_review", "failed"}
    assert sum(map(len, log.queues().values())) > 20
    assert len(log.reviewers(time.time_ns() // 1_000_000)) > 1
