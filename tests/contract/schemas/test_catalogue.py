"""Laws over every topic, and the page that is made of them."""

import dataclasses
import re
from typing import Any

import msgspec
import pytest

from infra.kafka.errors import Reason
from infra.kafka.partitioner import partition_of
from schemas.catalogue import README, readme
from schemas.events import EVENT_TYPES, AppealNoted, AppealRefused, Event
from schemas.publishing import EXAMPLES, example_event
from schemas.topics import BY_NAME, KEY_FIELDS, MIB, RECORD_OVERHEAD, TOPICS, Keyed, Topic
from schemas.values import Priority
from streams.casework.appeals import AppealRefusal
from streams.casework.refusal import Refusal

ALL = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
HIDDEN_FROM_REVIEWERS = ("predictions", "auto-approve", "outcomes", "appeals", "audits", "feedback", "cases")
OUTSIDERS = {"upstream", "gateway", "reviewer-apps", "expert-apps"}
CARRY_A_REQUEST = {"request_body", "original_value"}


def test_topics_have_names_of_their_own() -> None:
    assert len(BY_NAME) == len(TOPICS)


@ALL
def test_every_topic_is_written_and_read(topic: Topic[Any]) -> None:
    assert topic.writers
    assert topic.readers
    assert "audit" in topic.readers, "together the topics are the audit log"
    assert len(set(topic.writers)) == len(topic.writers)
    assert len(set(topic.readers)) == len(topic.readers)


@ALL
def test_every_event_of_a_topic_has_the_field_that_keys_it(topic: Topic[Any]) -> None:
    assert topic.events
    for kind in topic.events:
        if topic.keyed is not Keyed.ORIGINAL:
            assert KEY_FIELDS[topic.keyed] in kind.__struct_fields__


@ALL
def test_the_key_of_every_example_is_its_field(topic: Topic[Any]) -> None:
    for kind in topic.events:
        event = example_event(EXAMPLES / kind.__name__ / "v1.full.json")
        if topic.keyed is Keyed.ORIGINAL:
            with pytest.raises(TypeError, match="original key"):
                topic.key_of(event)
        else:
            sent = topic.message(event)
            assert sent.key == getattr(event, KEY_FIELDS[topic.keyed]).encode()
            assert (sent.topic, sent.event, sent.partition) == (topic.name, event, None)


@pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.__name__)
def test_every_event_has_a_topic(kind: type[msgspec.Struct]) -> None:
    assert [topic.name for topic in TOPICS if kind in topic.events]


@ALL
def test_whoever_carries_a_request_on_has_room_for_the_largest(topic: Topic[Any]) -> None:
    carries = any(CARRY_A_REQUEST & set(kind.__struct_fields__) for kind in topic.events)
    assert topic.max_value_bytes >= (2 * MIB if carries else MIB)
    assert int(topic.settings()["max.message.bytes"]) == topic.max_value_bytes + RECORD_OVERHEAD


@ALL
def test_the_brokers_clock_rules_where_outsiders_write(topic: Topic[Any]) -> None:
    if OUTSIDERS & set(topic.writers):
        assert topic.append_time
    else:  # the desk, which is ours, may let the broker say when people did something
        assert not topic.append_time or "desk" in topic.writers
    assert topic.settings()["message.timestamp.type"] == ("LogAppendTime" if topic.append_time else "CreateTime")


@ALL
def test_nothing_but_cases_is_ever_compacted_or_dropped(topic: Topic[Any]) -> None:
    settings = topic.settings()
    if topic.name == "cases":
        assert settings["cleanup.policy"] == "compact"
        assert int(settings["delete.retention.ms"]) >= 24 * 3_600_000
    else:
        assert settings["cleanup.policy"] == "delete"
        assert settings["retention.ms"] == settings["retention.bytes"] == "-1"


@pytest.mark.parametrize("name", HIDDEN_FROM_REVIEWERS)
def test_reviewer_apps_cannot_read_what_would_unblind_them(name: str) -> None:
    assert not {"reviewer-apps", "expert-apps"} & set(BY_NAME[name].readers)


@pytest.mark.parametrize("event", [AppealNoted, AppealRefused])
def test_that_an_open_case_was_appealed_is_told_where_no_reviewer_can_read(event: type[Event]) -> None:
    told = [topic for topic in TOPICS if event in topic.events]
    assert told, "nobody is told"
    # The desk reads it for auditors: `test_rights` says that none of its other pages comes near it.
    assert not [t.name for t in told if {"reviewer-apps", "expert-apps", "upstream"} & set(t.readers)]


def test_reviewer_apps_read_every_review_topic_and_may_answer() -> None:
    for priority in Priority:
        assert "reviewer-apps" in BY_NAME[f"review.{priority}"].readers
    assert "expert-apps" in BY_NAME["expert"].readers
    assert {"reviewer-apps", "expert-apps"} <= set(BY_NAME["review-decisions"].writers)


@ALL
def test_config_topics_have_one_partition(topic: Topic[Any]) -> None:
    assert not (topic.config and topic.partitioned)


def test_a_topic_is_a_value() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TOPICS[0].name = "other"  # type: ignore[misc]


def test_the_page_for_readers_is_up_to_date() -> None:
    assert README.read_text() == readme(), "run `python -m schemas.catalogue`"


def test_the_page_names_every_topic_and_event() -> None:
    page = readme()
    assert all(f"| `{topic.name}` |" in page for topic in TOPICS)
    assert all(f"### {kind.__name__}\n" in page for kind in EVENT_TYPES)


@pytest.mark.parametrize("word", [*Refusal, *AppealRefusal, *Reason])
def test_the_page_explains_every_reason_for_a_refusal(word: str) -> None:
    assert f"| `{word}` | " in readme()


def test_the_page_tells_which_partition_keys_belong_to() -> None:
    said = re.findall(r"`([^`]+)`\s+(?:belongs )?to\s+(\d+) \((\d+)\)", readme())
    assert len(said) == 4
    for key, of_four, of_twelve in said:
        assert (partition_of(key.encode(), 4), partition_of(key.encode(), 12)) == (int(of_four), int(of_twelve))
