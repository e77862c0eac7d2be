"""Groups on a real secured Kafka: who joins which, who sees how far others have come, and what is refused."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from infra.kafka.acl_plan import Principal, principals
from infra.kafka.client import KafkaLog
from infra.kafka.client_errors import AccessDenied
from infra.kafka.client_log import LOGGER
from infra.kafka.log import Position
from infra.kafka.log import TopicPartition as Place
from infra.kafka.offsets import OffsetQuestions
from infra.settings import Settings
from schemas.topics import BY_NAME, TALLIES
from tests.support.offsets import answered
from tests.support.secured import ALL, Secured, granted, options, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.long]


class Joining:
    """A member that starts what it is given from the beginning."""

    def __init__(self, log: KafkaLog, group: str, topics: Sequence[str]) -> None:
        self.has_joined = False
        self.member = log.consumer(group=group, instance=f"{group}-0", topics=topics, listener=self)

    def assigned(self, partitions: Sequence[Place]) -> None:
        self.has_joined = True
        self.member.start(dict.fromkeys(partitions, 0))

    def revoked(self, partitions: Sequence[Place]) -> None:
        """Nothing is open."""

    def lost(self, partitions: Sequence[Place]) -> None:
        """Nothing is open."""


def join(settings: Settings, principal: Principal, group: str) -> None:
    """Join, commit a position and leave."""
    topic = sorted(granted(principal, writes=False) & BY_NAME.keys())[0]
    joining = Joining(KafkaLog(options(settings)), group, [topic])
    with closing(joining.member) as member:
        wait_until(lambda: joining.has_joined or bool(member.poll(1, 0.05)))
        member.commit({Place(topic, 0): Position(0)})


def code_of_joining(settings: Settings, group: str) -> int | None:
    """The error code by which the group's coordinator turns us away; one connection, since a commit would wait 10 s."""
    consumer = Consumer(options(settings).consumer(settings.topic_prefix + group, wait_ms=10), logger=LOGGER)
    codes: list[int] = []

    def is_told() -> bool:
        message = consumer.poll(0.1)
        error = message.error() if message is not None else None
        codes.extend([error.code()] if error is not None else [])
        return bool(codes)

    with closing(consumer):
        wait_until(is_told)
    return codes[0]


@ALL
def test_a_principal_joins_its_own_group_and_no_other(secured: Secured, principal: Principal) -> None:
    settings, names = secured.settings(principal.name), [each.name for each in principals()]
    join(settings, principal, principal.name)
    # The desk may ask how far stages have come, so their coordinators do not turn it away before it tries to join.
    hidden = [each for each in names if principal.name != "desk" or each not in TALLIES.writers]
    foreign = hidden[hidden.index(principal.name) - 1]
    assert code_of_joining(settings, foreign) == KafkaError.GROUP_AUTHORIZATION_FAILED
    assert code_of_joining(settings, f"{foreign}.slot.{foreign}-0") == KafkaError.GROUP_AUTHORIZATION_FAILED


def test_the_desk_sees_how_far_stages_have_come_but_neither_joins_nor_moves_them(secured: Secured) -> None:
    stages = sorted(TALLIES.writers)
    with ThreadPoolExecutor(len(stages)) as asking:  # together: the client tries a refused commit for ten seconds
        assert list(asking.map(partial(sees_but_moves_nothing, secured), stages)) == stages


def sees_but_moves_nothing(secured: Secured, stage: str) -> str:
    """What the desk may do about a stage's group; the stage."""
    named = {each.name: each for each in principals()}
    join(secured.settings(stage), named[stage], stage)
    desk, outcomes = secured.settings("desk"), Place("outcomes", 0)

    def positions() -> Mapping[Place, int]:
        return answered(OffsetQuestions(options(desk)), [outcomes], [stage]).groups[stage]

    before = positions()
    assert before, f"{stage} committed a position"
    with pytest.raises(AccessDenied, match="Group authorization failed.*hitl topics acl"):
        join(desk, named["desk"], stage)
    consumer = Consumer(options(desk).consumer(desk.topic_prefix + stage, wait_ms=10), logger=LOGGER)
    theirs = [TopicPartition(desk.topic_prefix + place.topic, place.partition, 7) for place in before]
    with closing(consumer), pytest.raises(KafkaException) as raised:
        consumer.commit(offsets=theirs, asynchronous=False)
    assert raised.value.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED
    assert positions() == before
    return stage


def test_a_foreign_group_is_our_error(secured: Secured) -> None:
    (assurance,) = [each for each in principals() if each.name == "assurance"]
    with pytest.raises(AccessDenied, match="Group authorization failed.*hitl topics acl"):
        join(secured.settings("assurance"), assurance, "router")
