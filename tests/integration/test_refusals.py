"""Through the topics, by a client in Python: whatever is refused is refused with its reason, and changes nothing."""

from collections.abc import Iterator

import pytest

from infra.kafka.scan import scan
from schemas.events import CaseSnapshot, CommandRefused, DecisionRefused, LeaseGranted
from schemas.topics import CASES
from tests.support.refused import ANSWERS, COMMANDS, FORGED, Office, Scene
from tests.support.stand import Stand
from tests.support.traffic import CODEC

pytestmark = pytest.mark.integration
WHO = "py"


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("refusals"))
    try:
        stand.up(["casework"])
        stand.publish_policy()
        yield stand
    finally:
        stand.down()


@pytest.fixture(scope="module")
def office(stand: Stand) -> Iterator[Office]:
    made = Office(stand)
    yield made
    made.close()


@pytest.fixture(scope="module")
def guarded(office: Office) -> Iterator[Office]:
    """Where nobody is believed without a token."""
    office.vouch()
    yield office
    office.vouch_no_more()


def known(office: Office, name: str) -> list[CaseSnapshot]:
    """Everything that was ever known of a case."""
    found = (entry.event for entry in scan(office.stand.log, CODEC, [CASES.name]))
    return [event for event in found if isinstance(event, CaseSnapshot) and event.request_id == name]


def check(office: Office, name: str, scene: Scene) -> None:
    line = scene.prepare(office, name, WHO)
    before = known(office, name)
    said = office.written(line, WHO, before[-1].review if before else None)
    assert isinstance(said, CommandRefused if "command" in line else DecisionRefused), said
    assert said.reason == scene.reason
    assert len(said.detail) > 30 and said.reviewer_id == WHO
    assert known(office, name) == before


@pytest.mark.parametrize("scene", ANSWERS)
def test_an_answer_is_refused(scene: str, office: Office) -> None:
    check(office, f"answer: {scene}", ANSWERS[scene])


@pytest.mark.parametrize("scene", COMMANDS)
def test_a_command_is_refused(scene: str, office: Office) -> None:
    check(office, f"command: {scene}", COMMANDS[scene])


@pytest.mark.parametrize("scene", FORGED)
def test_a_forged_identity_is_refused(scene: str, guarded: Office) -> None:
    check(guarded, f"forged: {scene}", FORGED[scene])


def test_with_a_token_of_ones_own_a_claim_and_its_answer_are_accepted(guarded: Office) -> None:
    review = guarded.open("vouched")
    own = {"request_id": "vouched", "token": guarded.token(WHO)}
    granted = guarded.written({**own, "command": "claim"}, WHO)
    assert isinstance(granted, LeaseGranted) and granted.reviewer_id == WHO
    line = {**own, "action": "approve", "confidence": 0.9, "lease": granted.lease}
    assert getattr(guarded.written(line, WHO, review), "label", None) == "approve"
