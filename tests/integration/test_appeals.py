"""A decision is contested and judged anew, with the commands that people type, and with casework killed meanwhile."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.cli.main import run
from schemas.events import CaseReopened, DecisionMade, OutcomeAmended
from schemas.topics import APPEALS, ASSIGNMENTS, OUTCOMES
from tests.support.laws import nothing_is_lost_or_double
from tests.support.stand import Stand, wait_until
from tests.support.traffic import asked, request

pytestmark = pytest.mark.integration
SERVICES = ("inference", "router", "casework")

Hitl = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("appeals"))
    try:
        stand.up(SERVICES)
        stand.publish_policy()
        yield stand
    finally:
        stand.down()


@pytest.fixture
def hitl(stand: Stand, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Hitl:
    for name, value in stand.settings.environment().items():
        monkeypatch.setenv(name, value)

    def call(*words: str) -> tuple[int, Any, str]:
        status = run([*words, "--json"])
        said = capfd.readouterr()
        return status, json.loads(said.out) if said.out else None, said.err

    return call


def decided(stand: Stand, hitl: Hitl, request_id: str) -> None:
    """Without a model a person decides; ann rejects."""
    stand.send([asked(request(request_id, "a garden"))])
    stand.flush()
    wait_until(lambda: hitl("cases", "show", request_id)[0] == 0, what=f"a case for {request_id}")
    assert hitl("cases", "decide", request_id, "reject", "--reviewer", "ann")[1]["became"] == "closed"


def test_an_appeal_is_judged_by_another_expert_and_the_original_stays(stand: Stand, hitl: Hitl) -> None:
    decided(stand, hitl, "p1")
    status, ruling, _ = hitl("appeal", "p1", "--statement", "It is a garden.", "--by", "sender", "--id", "a1")
    assert (status, ruling["became"]) == (0, "reopened")
    wait_until(lambda: (hitl("cases", "show", "p1")[1] or {}).get("review") is not None, what="the announcement")
    shown = hitl("cases", "show", "p1")[1]
    assert (shown["appeal"]["statement"], shown["standing"]["reviewer_id"]) == ("It is a garden.", "ann")
    status, refused, _ = hitl("cases", "decide", "p1", "approve", "--reviewer", "ann")
    assert (status, refused["reason"]) == (1, "same_person")
    assert hitl("cases", "decide", "p1", "approve", "--reviewer", "eva")[1]["became"] == "closed"
    story = hitl("audit", "show", "p1")[1]
    assert (story["state"], story["status"], story["amended_from"]) == ("completed", "approved", "rejected")
    assert story["appeal"] == {"appeal_id": "a1", "status": "amended", "reason": None}
    outcomes = [e for e in stand.history().events(OUTCOMES.name) if e.request_id == "p1"]
    assert [type(event) for event in outcomes] == [DecisionMade, OutcomeAmended]
    assert hitl("appeal", "p1", "--id", "a2")[1]["reason"] == "already_appealed"


def test_an_appeal_filed_while_casework_is_dead_is_taken_on_when_it_is_back(stand: Stand, hitl: Hitl) -> None:
    decided(stand, hitl, "p2")
    stand.kill("casework")
    status, ruling, said = hitl("appeal", "p2")
    if status == 0:
        assert ruling["became"] == "reopened"
    else:  # it waits for a while, and may give up before casework is back: then it says so, and the appeal counts
        assert "casework has not taken it on yet" in said
    wait_until(lambda: len(reopened(stand, "p2")) == 1, what="the case that is reopened")
    stand.kill("casework")
    history = stand.quiet(services=SERVICES)
    nothing_is_lost_or_double(history, stand.settings)
    assert len(reopened(stand, "p2")) == 1


def reopened(stand: Stand, request_id: str) -> list[CaseReopened]:
    told = stand.history().events(ASSIGNMENTS.name)
    return [each for each in told if isinstance(each, CaseReopened) and each.request_id == request_id]


def test_what_is_not_decided_cannot_be_appealed(stand: Stand, hitl: Hitl) -> None:
    status, _, said = hitl("appeal", "nobody")
    assert status == 1 and "neither the request 'nobody' nor an outcome of it" in said


def test_junk_and_a_forged_appeal_become_dead_letters_and_the_next_is_taken_on(stand: Stand, hitl: Hitl) -> None:
    decided(stand, hitl, "p3")
    filed = next(r for r in stand.history().read_all(APPEALS.name) if r.key == b"p2")
    for value in (b"\x00junk", filed.value):
        stand.send([asked(request("p3", "?"))._replace(topic=APPEALS.name, value=value)])
    stand.flush()
    assert hitl("appeal", "p3")[1]["became"] == "reopened"
    reasons = [d.reason for d in stand.history().events("dead-letters") if d.origin.topic == APPEALS.name]
    assert sorted(reasons) == ["unknown_schema", "wrong_key"]
