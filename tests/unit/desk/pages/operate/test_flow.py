"""How the flow is told: who counts, who is in trouble, and what the picture says."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.kafka.client_errors import LogUnavailable
from infra.kafka.log import TopicPartition
from infra.kafka.offsets import Offsets
from infra.observe.looking import Lag, Seen
from producers.desk.pages.operate.flow import Health, flow_of, health_of
from producers.desk.pages.operate.looking import FlowWatch
from producers.desk.pages.operate.operating import ORDER
from producers.desk.pages.operate.picture import BOX, HEIGHT, WIDTH, picture_of
from tests.support.operating import look

PLACE = TopicPartition("predictions", 0)


def seen(name: str = "router@0", *, answers: bool = True, ready: bool = True, lag: Lag | None = None) -> Seen:
    return Seen(name, answers, ready, "it works" if ready else "it waits", {PLACE: lag} if lag else {})


def test_a_stage_that_answers_is_believed_more_than_the_brokers() -> None:
    flow = flow_of(look(seen(lag=Lag(0, 0.0)), reached=90), ORDER)
    router = flow.stage("router")
    assert [(each.partition, each.records, each.told_by) for each in router.waiting] == [(1, 10, "the brokers")]
    assert router.health is Health.WORKS


def test_what_waits_before_a_halted_stage_is_told_by_the_brokers() -> None:
    halted = look(seen(answers=False, ready=False), reached=40)._replace(late={("router", PLACE): 33.0})
    router = flow_of(halted, ORDER).stage("router")
    assert (router.records, router.seconds, router.health) == (120, 33.0, Health.SILENT)
    assert router.is_behind


def test_a_stage_that_never_committed_has_everything_before_it() -> None:
    quiet = look()
    assert quiet.offsets is not None
    groups = {name: places for name, places in quiet.offsets.groups.items() if name != "feedback"}
    flow = flow_of(quiet._replace(offsets=quiet.offsets._replace(groups=groups)), ORDER)
    assert flow.stage("feedback").records == 200 and flow.stage("router").records == 0


def test_without_brokers_what_stages_say_is_still_told() -> None:
    flow = flow_of(look(seen(lag=Lag(4, 2.0)), failure="no broker answered"), ORDER)
    assert flow.failure == "no broker answered" and flow.topics == ()
    assert (flow.stage("router").records, flow.stage("casework").records) == (4, None)
    assert len(picture_of(flow).boxes) == 11


@pytest.mark.parametrize(
    ("replicas", "health"),
    [
        ([], Health.UNKNOWN), ([seen()], Health.WORKS), ([seen(), seen(ready=False)], Health.NOT_READY),
        ([seen(), seen(answers=False)], Health.SILENT),
    ],
)  # fmt: skip
def test_one_replica_in_trouble_is_not_hidden_by_another(replicas: Sequence[Seen], health: Health) -> None:
    assert health_of(replicas) is health


def test_the_picture_shows_each_box_within_its_edges_and_none_over_another() -> None:
    boxes = picture_of(flow_of(look(seen()), ORDER)).boxes
    corners = {(box.x, box.y) for box in boxes}
    assert len(corners) == len(boxes)
    assert all(0 <= x <= WIDTH - BOX[0] and 0 <= y <= HEIGHT - BOX[1] for x, y in corners)
    for x, y in corners:
        assert not any((x, y) != (a, b) and abs(x - a) < BOX[0] and abs(y - b) < BOX[1] for a, b in corners)


def test_the_picture_adds_up_what_goes_to_reviewers_and_says_who_is_in_trouble() -> None:
    calm, troubled = (picture_of(flow_of(look(seen(ready=ready)), ORDER)) for ready in (True, False))
    to_reviewers = next(box for box in calm.boxes if box.name == "review")
    assert to_reviewers.lines == ("49.4 /s", "800 in all"), "four priorities, two partitions each"
    assert calm.told.endswith("No stage is in trouble.") and troubled.told.endswith("Look at router.")
    assert {box.name: box.state for box in troubled.boxes}["router"] == "bad"


class Brokers:
    """Implements `producers.desk.pages.operate.looking.Asking`."""

    def __init__(self) -> None:
        self.asked = 0
        self.end, self.reached, self.away = 100, 100, False

    def ask(self, places: Sequence[TopicPartition], groups: Sequence[str]) -> Offsets:
        self.asked += 1
        if self.away:
            raise LogUnavailable("nobody answers")
        return Offsets({PLACE: 0}, {PLACE: self.end}, {"router": {PLACE: self.reached}})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def watch(brokers: Brokers, clock: Clock) -> FlowWatch:
    return FlowWatch(brokers, lambda: [PLACE], lambda _: [], Path(), clock=clock, wall=lambda: 1.8e9)


def test_all_who_look_within_a_second_share_one_look() -> None:
    brokers, clock = Brokers(), Clock()
    watching = watch(brokers, clock)
    threads = [threading.Thread(target=watching.now) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert brokers.asked == 1
    clock.now = 1.0
    watching.now()
    assert brokers.asked == 2


def test_rates_are_of_the_last_ten_seconds_and_begin_anew_after_a_pause() -> None:
    brokers, clock = Brokers(), Clock()
    watching = watch(brokers, clock)
    assert watching.now().rates == {}
    for second in range(1, 21):
        clock.now, brokers.end = float(second), 100 + 5 * second
        rates = watching.now().rates
    assert rates == {"predictions": 5.0}
    clock.now = 100.0
    assert watching.now().rates == {}, "what came meanwhile came at no known rate"


def test_how_long_something_waits_is_known_from_when_it_was_seen() -> None:
    brokers, clock = Brokers(), Clock()
    watching = watch(brokers, clock)
    watching.now()
    for clock.now, brokers.end in ((5.0, 110), (9.0, 120)):
        late = watching.now().late
    assert late == {("router", PLACE): 4.0}
    clock.now, brokers.reached = 12.0, 120
    assert watching.now().late == {("router", PLACE): 0.0}


def test_brokers_that_are_away_are_told_in_words() -> None:
    brokers, clock = Brokers(), Clock()
    brokers.away = True
    found = watch(brokers, clock).now()
    assert (found.offsets, found.failure) == (None, "nobody answers")
