"""The next case of the whole pipeline: many people at once, each a case of their own, and the log has the last word."""

import asyncio
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
from msgspec.structs import replace

from infra.kafka.log import TopicPartition
from infra.kafka.publisher import publish
from infra.redis.reading import ReadModel, connect
from producers.desk.lookup import Lookup
from producers.desk.next import Next, NextCase, NothingToDo
from producers.desk.opening import opened_next
from schemas.events import CaseActionRequested, LeaseGranted, ReviewDecided
from schemas.topics import REVIEW_COMMANDS, REVIEW_DECISIONS
from streams.casework.eligibility import Idle, Reviewer
from tests.support.stand import Stand, wait_until
from tests.support.traffic import CODEC, asked, request, text

pytestmark = [pytest.mark.integration, pytest.mark.long]
SERVICES = ("inference", "router", "casework", "index")
CASES = 60


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Without a model, every request is for people."""
    stand = Stand(tmp_path_factory.mktemp("next"))
    try:
        stand.up(SERVICES)
        stand.publish_policy()
        yield stand
    finally:
        stand.down()


@pytest.fixture
def model(stand: Stand) -> Iterator[ReadModel]:
    model = connect(stand.settings)
    yield model
    model.close()


@pytest.fixture
def following(stand: Stand) -> Iterator[Next]:
    with opened_next(stand.settings, stand.log, CODEC) as opened:
        yield opened


def waiting(model: ReadModel) -> list[str]:
    return [name for queues in model.claimable().values() for names in queues.values() for name in names]


def open_cases(stand: Stand, model: ReadModel, name: str, count: int) -> list[str]:
    """So many new cases that nobody has."""
    names = [f"{name}{number}" for number in range(count)]
    stand.send(asked(request(each, text(Random(each), good=0.5))) for each in names)
    stand.flush()
    wait_until(lambda: set(names) <= set(waiting(model)), what=f"{count} cases that wait")
    return names


def test_twenty_people_have_sixty_cases_one_each_and_then_nothing(
    stand: Stand, model: ReadModel, following: Next
) -> None:
    names = open_cases(stand, model, "crowd", CASES)
    found: list[NextCase | NothingToDo] = []

    def ask(who: str) -> None:
        for _ in range(50):
            found.append(following.for_person(Reviewer(reviewer_id=who), wip_limit=10))
            if isinstance(found[-1], NothingToDo):
                if found[-1].why in (Idle.NONE_WAITS, Idle.ENOUGH_IN_HAND):
                    return
                time.sleep(0.1)  # others have a share in what waits

    threads = [threading.Thread(target=ask, args=(f"p{number}",)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [each for each in found if isinstance(each, NextCase)]
    assert Counter(each.request_id for each in given) == Counter(names)
    idle = {each.why for each in found if isinstance(each, NothingToDo)}
    assert idle <= {Idle.NONE_WAITS, Idle.FAIR_SHARE, Idle.ENOUGH_IN_HAND}
    granted = [e.event for e in stand.history().entries("assignments") if isinstance(e.event, LeaseGranted)]
    assert {(each.request_id, each.lease) for each in granted} == {(each.request_id, each.lease) for each in given}
    wait_until(lambda: not waiting(model), what="the read model without cases that wait")
    assert sum(len(model.in_hand(f"p{number}")) for number in range(20)) == CASES


def test_a_case_claimed_by_its_id_behind_our_back_is_refused_and_another_is_tried(
    stand: Stand, model: ReadModel, following: Next
) -> None:
    """The read model stands still meanwhile: what it offers first is somebody's."""
    open_cases(stand, model, "behind", 3)
    first = waiting(model)[0]
    stand.stack.kill("index", signal.SIGSTOP)
    try:
        claim = CaseActionRequested(command_id="app:1", request_id=first, reviewer_id="an app", action="claim")
        publish(stand.log, CODEC, [REVIEW_COMMANDS.message(claim)])
        found = following.for_person(Reviewer(reviewer_id="zoe"), wip_limit=10)
    finally:
        stand.stack.kill("index", signal.SIGCONT)
    assert isinstance(found, NextCase) and found.request_id != first
    assert [(each.request_id, each.reason) for each in found.refused] == [(first, "already_leased")]


def test_what_one_has_is_known_before_the_read_model_knows_it(stand: Stand, model: ReadModel, following: Next) -> None:
    """The read model stands still meanwhile: what lies between it and the log is read from there."""
    open_cases(stand, model, "ahead", 1)
    lookup = Lookup(stand.log, CODEC, model)
    stand.stack.kill("index", signal.SIGSTOP)
    try:
        found = following.for_person(Reviewer(reviewer_id="ivy"), wip_limit=10)
        assert isinstance(found, NextCase)
        assert not model.in_hand("ivy")
        taken = [e.event for e in stand.history().entries("assignments") if isinstance(e.event, LeaseGranted)][-1]
        partitions = range(stand.log.partitions("assignments"))
        ends = {number: stand.log.watermark(TopicPartition("assignments", number)) for number in partitions}
        hand = asyncio.run(lookup.hand_of("ivy", ends))
        assert hand.concerns(replace(taken, request_id=found.request_id, reviewer_id="a lead"))
    finally:
        stand.stack.kill("index", signal.SIGCONT)
        lookup.close()


def test_the_case_that_was_given_can_be_answered_under_its_lease(
    stand: Stand, model: ReadModel, following: Next
) -> None:
    open_cases(stand, model, "answered", 1)
    found = following.for_person(Reviewer(reviewer_id="yan"), wip_limit=10)
    assert isinstance(found, NextCase)
    decision = ReviewDecided(
        decision_id="d", request_id=found.request_id, review=found.review, reviewer_id="yan", action="approve",
        lease=found.lease,
    )  # fmt: skip
    publish(stand.log, CODEC, [REVIEW_DECISIONS.message(decision)])

    def is_decided() -> bool:
        record = model.status(found.request_id)
        return record is not None and record.status == "approved"

    wait_until(is_decided, what="the outcome")
    wait_until(lambda: not model.in_hand("yan"), what="an empty hand")
