"""Dead letters and positions on a real broker: sent again over HTTP and in a terminal, and where everything ends."""

import json
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator

import httpx2
import pytest

from infra.kafka.log import TopicPartition
from infra.kafka.newest import newest
from infra.kafka.offsets import OffsetQuestions
from infra.kafka.scan import ends_of, scan
from infra.local.services import environment
from infra.settings import DESK_FILE
from producers.desk.signin.links import folder_of, put_link
from producers.desk.signin.opening import wall
from producers.desk.signin.person import Person
from producers.desk.signin.roles import Role
from producers.desk.signin.secret import new_secret
from schemas.events import DeadLettered, DeadLetterReplayed
from schemas.topics import DEAD_LETTERS, REPLAYS, REQUESTS, TALLIES
from tests.support.gateway import ADDRESS, url_of
from tests.support.offsets import answered
from tests.support.stand import Stand, wait_until
from tests.support.traffic import CODEC, asked, request

pytestmark = [pytest.mark.integration, pytest.mark.long]
HITL = [sys.executable, "-P", "-m", "infra.cli.main"]
PLACE = re.compile(r"/operate/dead-letters/(\d+)/(\d+)")


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("operate"), desk_address=ADDRESS)
    try:
        stand.up(["inference", "desk"])
        stand.publish_policy()
        yield stand
    finally:
        stand.down()


@pytest.fixture(scope="module")
def url(stand: Stand) -> str:
    return url_of(stand, DESK_FILE)


@pytest.fixture
def admin(stand: Stand, url: str) -> Iterator[httpx2.Client]:
    """Signed in, with the token that a page of the desk sends."""
    secret = new_secret()
    put_link(folder_of(stand.settings), Person(reviewer_id="ada", name="Ada", roles=(Role.ADMIN,)), secret=secret,
             now=wall())  # fmt: skip
    with httpx2.Client(base_url=url, headers={"accept": "text/html", "origin": url}, timeout=30) as client:
        assert client.get(f"/sign-in/link?token={secret}").status_code == 303
        client.headers["x-csrf-token"] = client.get("/session").json()["csrf"]
        yield client


def buried(stand: Stand) -> tuple[str, DeadLettered]:
    """A new dead letter: its place, and what it says."""
    name = f"r-{uuid.uuid4().hex[:8]}"
    stand.send([asked(request(name, "a garden", workflow="nobody"))])
    stand.flush()
    found: list[tuple[str, DeadLettered]] = []

    def is_there() -> bool:
        found[:] = [
            (f"{entry.partition}:{entry.offset}", entry.event)
            for entry in scan(stand.log, CODEC, [DEAD_LETTERS.name])
            if isinstance(entry.event, DeadLettered) and entry.event.request_id == name
        ]
        return bool(found)

    wait_until(is_there, what="a dead letter")
    return found[0]


def copies(stand: Stand, dead: DeadLettered) -> int:
    """How often the log has the original record."""
    return sum(entry.value == dead.original_value for entry in scan(stand.log, CODEC, [REQUESTS.name]))


def replays(stand: Stand, place: str) -> list[DeadLetterReplayed]:
    found = (entry.event for entry in scan(stand.log, CODEC, [REPLAYS.name]))
    return [
        each
        for each in found
        if isinstance(each, DeadLetterReplayed) and f"{each.letter.partition}:{each.letter.offset}" == place
    ]


def test_eight_at_once_send_one_form_and_it_is_sent_once(stand: Stand, admin: httpx2.Client) -> None:
    place, dead = buried(stand)
    partition, offset = place.split(":")
    assert dead.reason in admin.get(f"/operate/dead-letters/{partition}/{offset}").text
    form = admin.get("/operate/dead-letters/confirm", params={"place": place}).text
    said = re.search(r'name="act" value="(\w+)"', form)
    assert said is not None
    answers: list[int] = []

    def send() -> None:
        body = {"act": said[1], "place": place}
        answers.append(admin.post("/operate/dead-letters/replay", data=body).status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [303] * 8
    assert copies(stand, dead) == 2
    (told,) = replays(stand, place)
    assert (told.reviewer_id, told.origin, told.request_id) == ("ada", dead.origin, dead.request_id)
    assert told.sent.topic == REQUESTS.name and told.sent != dead.origin
    page = admin.get("/operate/dead-letters").text
    assert "by ada" in page and PLACE.search(page) is not None


def test_a_terminal_says_who_sent_it_again_and_the_desk_knows(
    stand: Stand, admin: httpx2.Client
) -> None:
    place, dead = buried(stand)
    words = [*HITL, "dead-letters", "replay", place, "--by", "olga", "--json"]
    done = subprocess.run(words, env=environment(stand.settings), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["replayed"] == [{"place": place, "topic": REQUESTS.name}]
    assert [told.reviewer_id for told in replays(stand, place)] == ["olga"] and copies(stand, dead) == 2
    answer = admin.post("/operate/dead-letters/replay", data={"act": "later", "place": place})
    assert answer.status_code == 409 and "olga has sent it again already" in answer.text


def test_the_newest_of_a_topic_that_is_written_in_transactions_are_found(stand: Stand) -> None:
    for _ in range(3):
        buried(stand)
    found = newest(stand.log, DEAD_LETTERS.name, most=2, most_bytes=1 << 20)
    everything = sorted(scan(stand.log, CODEC, [DEAD_LETTERS.name]), key=lambda entry: -entry.timestamp)
    assert [record.value for record in found.records] == [entry.value for entry in everything[:2]]
    assert not found.is_last
    rest = newest(stand.log, DEAD_LETTERS.name, before=found.before, most=10_000, most_bytes=1 << 20)
    assert rest.is_last and len(rest.records) == len(everything) - 2


def test_one_question_tells_where_topics_end_and_how_far_groups_are(stand: Stand) -> None:
    buried(stand)
    places = list(ends_of(stand.log, [REQUESTS.name, TALLIES.name]))
    asking = OffsetQuestions(stand.log.options)

    def is_level() -> bool:
        found = answered(asking, places, ["inference", "nobody"])
        assert found.groups["nobody"] == {}
        ours = [TopicPartition(REQUESTS.name, number) for number in range(stand.partitions)]
        return all(found.groups["inference"].get(place, 0) == found.ends[place] for place in ours)

    wait_until(is_level, what="the position of inference at the end")
    found = answered(asking, places, [])
    assert found.ends == ends_of(stand.log, [REQUESTS.name, TALLIES.name])
    assert found.begins == dict.fromkeys(places, 0)


def test_the_flow_shows_what_was_written_and_the_figures_say_why_there_are_none(admin: httpx2.Client) -> None:
    page = admin.get("/operate")
    assert page.status_code == 200 and "inference@0" in page.text and "dead-letters" in page.text
    away = admin.get("/figures")
    assert away.status_code == 503 and "hitl up" in away.text
