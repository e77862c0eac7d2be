"""Publishers and reviewer apps in other languages, with nothing but the .avsc files, on the whole pipeline.

What they do right reaches an outcome, what they do wrong is refused with the documented reason.
"""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from infra.kafka.partitioner import partition_of
from infra.kafka.scan import scan
from schemas.codec import HEADER, MAGIC
from schemas.events import DeadLettered, DecisionMade
from schemas.publishing import entries
from schemas.topics import DEAD_LETTERS, OUTCOMES, REQUESTS, REVIEW_DECISIONS
from tests.support.foreign import PEOPLE, Client, Line, Program
from tests.support.refused import ANSWERS, COMMANDS, FORGED, Office
from tests.support.stand import Stand, wait_until
from tests.support.traffic import CODEC, GOOD, WORKFLOW

pytestmark = pytest.mark.integration
UNKNOWN = HEADER.pack(MAGIC, 999_999) + b"body"
NO_AVRO = b'{"request_id": "json is no Avro"}'
BAD_BYTES = {"unknown_schema": UNKNOWN, "undecodable": NO_AVRO}
SCENES = {**ANSWERS, **COMMANDS, **FORGED}
ANSWER: dict[str, Any] = {"action": "approve", "confidence": 0.9}


@pytest.fixture
def publisher(foreign: Client, stand: Stand) -> Iterator[Program]:
    with foreign.publishing(stand.settings.bootstrap_servers, stand.settings.topic_prefix) as program:
        yield program


@pytest.fixture
def reviewer(foreign: Client, stand: Stand) -> Iterator[Program]:
    with foreign.reviewing(stand.settings.bootstrap_servers, stand.settings.topic_prefix) as program:
        yield program


@pytest.fixture
def case(publisher: Program, request: pytest.FixtureRequest) -> str:
    """A case that waits for people, published by the foreign publisher, under the name of the test."""
    name: str = request.node.name
    publisher.tell(request_id=name, workflow=PEOPLE, text="Dear all")
    return name


def outcome_of(stand: Stand, request_id: str) -> DecisionMade:
    found = [entry.event for entry in scan(stand.log, CODEC, [OUTCOMES.name])]
    [made] = [event for event in found if isinstance(event, DecisionMade) and event.request_id == request_id]
    return made


def wrong_partition(stand: Stand, key: str) -> int:
    return (partition_of(key.encode(), stand.partitions) + 1) % stand.partitions


def dead_letter(stand: Stand, topic: str, at: Line) -> DeadLettered:
    """What became of a record that a program says it wrote."""

    def found() -> list[DeadLettered]:
        letters = (entry.event for entry in scan(stand.log, CODEC, [DEAD_LETTERS.name]))
        place = (topic, at["partition"], at["offset"])
        return [
            letter
            for letter in letters
            if isinstance(letter, DeadLettered)
            and (letter.origin.topic, letter.origin.partition, letter.origin.offset) == place
        ]

    wait_until(lambda: bool(found()), what=f"a dead letter of {at}")
    [letter] = found()
    return letter


def test_requests_reach_automatic_and_human_outcomes(
    foreign: Client, stand: Stand, publisher: Program, reviewer: Program
) -> None:
    sure, unsure = f"{foreign.language}-sure-ü", f"{foreign.language}-unsure"
    publisher.tell(request_id=sure, workflow=WORKFLOW, text=" ".join(GOOD))
    publisher.tell(request_id=unsure, workflow=PEOPLE, text="Grüße, 早安")
    asked = reviewer.said("asked", of=unsure)
    assert "Grüße, 早安" in asked["content"]
    assert (asked["classes"], asked["priority"], asked["recommendation"]) == (["reject", "approve"], "high", None)
    reviewer.tell(request_id=unsure, action="reject", confidence=0.75)
    reviewer.said("accepted", of=unsure)
    assert reviewer.end() == 0
    assert publisher.end() == 0
    assert publisher.heard(request_id=sure)["decided_by"] == "automation"
    assert publisher.heard(request_id=unsure) == {
        "outcome": "rejected", "request_id": unsure, "decided_by": "reviewer", "label": "reject",
    }  # fmt: skip
    made = outcome_of(stand, unsure)
    assert (made.reviewer_id, made.confidence) == (foreign.language, 0.75)


def test_keys_lie_where_our_own_partitioner_puts_them(foreign: Client, stand: Stand, publisher: Program) -> None:
    for number in range(20):
        name = f"{foreign.language}-key-{number}-é"
        publisher.tell(request_id=name, workflow=PEOPLE, text="?", value=base64.b64encode(NO_AVRO).decode())
        at = publisher.said("published", of=name)
        assert at["partition"] == partition_of(name.encode(), stand.partitions)


def test_a_request_in_the_wrong_partition_is_a_dead_letter(foreign: Client, stand: Stand, publisher: Program) -> None:
    name = f"{foreign.language}-misplaced"
    publisher.tell(request_id=name, workflow=PEOPLE, text="?", partition=wrong_partition(stand, name))
    letter = dead_letter(stand, REQUESTS.name, publisher.said("published", of=name))
    assert letter.reason == "wrong_partition"
    assert "murmur2_random" in letter.detail


@pytest.mark.parametrize("reason", BAD_BYTES)
def test_a_request_in_bytes_that_are_not_ours_is_a_dead_letter(
    reason: str, foreign: Client, stand: Stand, publisher: Program
) -> None:
    name = f"{foreign.language}-{reason}"
    publisher.tell(request_id=name, value=base64.b64encode(BAD_BYTES[reason]).decode())
    letter = dead_letter(stand, REQUESTS.name, publisher.said("published", of=name))
    assert (letter.reason, letter.original_value) == (reason, BAD_BYTES[reason])


def test_a_request_of_the_wrong_event_is_a_dead_letter(foreign: Client, stand: Stand, publisher: Program) -> None:
    name = f"{foreign.language}-wrong-event"
    truncated = HEADER.pack(MAGIC, entries()["DecisionRequested/v1"].id) + b"\x02"
    publisher.tell(request_id=name, value=base64.b64encode(truncated).decode())
    assert dead_letter(stand, REQUESTS.name, publisher.said("published", of=name)).reason == "undecodable"


@pytest.mark.parametrize("reason", BAD_BYTES)
def test_a_decision_in_bytes_that_are_not_ours_is_a_dead_letter(
    reason: str, foreign: Client, stand: Stand, reviewer: Program
) -> None:
    name = f"{foreign.language}-decision-{reason}"
    reviewer.tell(request_id=name, value=base64.b64encode(BAD_BYTES[reason]).decode())
    letter = dead_letter(stand, REVIEW_DECISIONS.name, reviewer.said("decided", of=name))
    assert (letter.stage, letter.reason) == ("casework", reason)


def refused(reviewer: Program, name: str) -> Line:
    """The refusal that the app itself read, and with which it ended."""
    line = reviewer.said("refused", of=name)
    assert reviewer.ended() == 3
    return line


def test_a_decision_in_the_wrong_partition_is_refused(case: str, stand: Stand, reviewer: Program) -> None:
    reviewer.said("asked", of=case)
    reviewer.tell(request_id=case, **ANSWER, partition=wrong_partition(stand, case))
    line = refused(reviewer, case)
    assert line["reason"] == "wrong_partition"
    assert "murmur2_random" in line["detail"]


def test_a_decision_about_a_finished_case_is_refused_and_changes_nothing(
    case: str, foreign: Client, stand: Stand, publisher: Program, reviewer: Program
) -> None:
    reviewer.said("asked", of=case)
    reviewer.tell(request_id=case, **ANSWER)
    reviewer.said("accepted", of=case)
    reviewer.tell(request_id=case, action="reject", confidence=1.0)
    assert refused(reviewer, case)["reason"] == "finished"
    assert publisher.end() == 0
    assert publisher.heard(request_id=case)["outcome"] == "approved"
    assert outcome_of(stand, case).outcome == "approved"


def test_a_case_is_claimed_and_decided_under_its_lease(
    case: str, foreign: Client, stand: Stand, reviewer: Program
) -> None:
    reviewer.said("asked", of=case)
    reviewer.tell(request_id=case, command="claim")
    lease = reviewer.said("granted", of=case)["lease"]
    reviewer.tell(request_id=case, **ANSWER, lease=lease)
    reviewer.said("accepted", of=case)
    assert reviewer.end() == 0
    assert outcome_of(stand, case).reviewer_id == foreign.language


@pytest.fixture(scope="session")
def office(stand: Stand) -> Iterator[Office]:
    made = Office(stand)
    yield made
    made.close()


@pytest.mark.parametrize("scene", [*ANSWERS, "claim of what another has", "claim without the skill"])
def test_every_refusal_reaches_the_app(scene: str, office: Office, foreign: Client, reviewer: Program) -> None:
    """The same scenes as for the client in Python: the reason is the same, and the program ends with it."""
    meets_the_refusal(scene, office, foreign, reviewer)


def meets_the_refusal(scene: str, office: Office, foreign: Client, reviewer: Program) -> None:
    name = f"{foreign.language}: {scene}"
    line = SCENES[scene].prepare(office, name, foreign.language)
    reviewer.said("asked", of=name)
    reviewer.tell(**line)
    said = refused(reviewer, line["request_id"])
    assert said["reason"] == SCENES[scene].reason
    assert len(said["detail"]) > 30


@pytest.mark.parametrize("scene", FORGED)
def test_a_forged_identity_is_refused(scene: str, office: Office, foreign: Client, reviewer: Program) -> None:
    """While identity is on; everybody else's test is over or has not begun."""
    office.vouch()
    try:
        meets_the_refusal(scene, office, foreign, reviewer)
    finally:
        office.vouch_no_more()
