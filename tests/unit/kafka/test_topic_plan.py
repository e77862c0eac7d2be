"""Which differences between catalogue and cluster are corrected, and which are left with a reason."""

from collections.abc import Mapping

import pytest

from infra.kafka.topic_plan import Difference, Shape, differences, refusals, wanted_shape
from schemas.topics import CASES, MODELS, REQUESTS, TOPICS, Topic

WANTED = wanted_shape(REQUESTS, partitions=4, replication=1)


def found(changes: Mapping[str, str] = {}, *, partitions: int = 4) -> Shape:
    settings = {**WANTED.settings, **changes}
    return Shape(partitions=partitions, replication=1, settings=settings)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_topic_that_is_as_wanted_has_no_differences(topic: Topic[object]) -> None:  # type: ignore[type-var]
    wanted = wanted_shape(topic, partitions=12, replication=3)
    assert differences(topic.name, wanted, wanted) == []
    assert wanted.partitions == (12 if topic.partitioned else 1)
    assert wanted.settings["min.insync.replicas"] == "2", "a write that one copy holds could be lost with it"


def test_settings_of_the_broker_that_the_catalogue_does_not_name_are_left_alone() -> None:
    assert differences("requests", WANTED, found({"segment.ms": "1000"})) == []


def test_missing_topic_is_created() -> None:
    (only,) = differences("requests", WANTED, None)
    assert (only.what, only.refused) == ("missing", None)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"retention.ms": "1000"}, "retention.ms"),
        ({"max.message.bytes": "10"}, "max.message.bytes"),
        ({"message.timestamp.type": "CreateTime"}, "message.timestamp.type"),
        ({"cleanup.policy": "compact"}, "cleanup.policy"),
    ],
)
def test_setting_that_keeps_more_is_corrected(changes: dict[str, str], what: str) -> None:
    (only,) = differences("requests", WANTED, found(changes))
    assert (only.what, only.refused) == (what, None)


def test_compacting_what_is_kept_whole_is_refused() -> None:
    (only,) = differences("cases", wanted_shape(CASES, partitions=4, replication=1), _kept_whole())
    assert only.what == "cleanup.policy"
    assert "delete records" in (only.refused or "")


def _kept_whole() -> Shape:
    settings = {**CASES.settings(), "cleanup.policy": "delete"}
    return Shape(partitions=4, replication=1, settings=settings)


@pytest.mark.parametrize(("before", "refused"), [("-1", True), ("2000", True), ("500", False)])
def test_shorter_retention_is_refused_and_longer_is_not(before: str, *, refused: bool) -> None:
    wanted = Shape(partitions=4, replication=1, settings={"retention.ms": "1000"})
    has = Shape(partitions=4, replication=1, settings={"retention.ms": before})
    (only,) = differences("requests", wanted, has)
    assert (only.refused is not None) == refused


@pytest.mark.parametrize("partitions", [1, 3, 8])
def test_partition_count_is_never_changed(partitions: int) -> None:
    (only,) = differences("requests", WANTED, found(partitions=partitions))
    assert only.what == "partitions"
    assert "migrate" in (only.refused or "")


def test_copies_are_not_added_and_more_copies_are_welcome() -> None:
    wanted = wanted_shape(MODELS, partitions=4, replication=3)
    fewer = Shape(partitions=1, replication=1, settings=wanted.settings)
    (only,) = differences("models", wanted, fewer)
    assert (only.what, "reassignment" in (only.refused or "")) == ("replication", True)
    assert differences("models", wanted, Shape(partitions=1, replication=5, settings=wanted.settings)) == []


def test_reasons_are_given_once_for_topics_that_differ_alike() -> None:
    alike = [d for name in ("a", "b") for d in differences(name, WANTED, found(partitions=8))]
    corrected = Difference(topic="c", what="retention.ms", wanted="-1", found="5")
    said = refusals([*alike, corrected])
    assert said.startswith("partitions is 8, should be 4 in a, b: ")
    assert said.count("migrate") == 1
    assert refusals([corrected]) == ""
