"""A reviewer's working day, typed as commands and nothing else: every answer of casework, every exit status."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.cli.main import run
from infra.kafka.publisher import publish
from schemas.events import ReviewDecided, SigningKeyPublished
from schemas.topics import IDENTITIES, OUTCOMES, REVIEW_DECISIONS
from streams.casework.identity import Claims, Role, issuer
from streams.casework.jws import SigningKey
from tests.support.stand import DOCUMENT, Stand, wait_until
from tests.support.traffic import CODEC, WORKFLOW, asked, request

pytestmark = pytest.mark.integration
SERVICES = ("inference", "router", "casework", "index")
HOUR = 3_600_000  # milliseconds
FOLLOWED = 0.4  # seconds: services look five times a second, and a command takes its time, too

Shown = dict[str, Any]
Hitl = Callable[..., tuple[int, Shown]]


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("cases"))
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
    for module in ("streams.assurance.enrolling_command", "producers.gateway.gold_command"):
        monkeypatch.setattr(f"{module}.IN_FORCE_AFTER", FOLLOWED)

    def call(*words: str) -> tuple[int, Shown]:
        status = run([*words, "--json"])
        said = capfd.readouterr()
        return status, json.loads(said.out or said.err)

    return call


def case(stand: Stand, hitl: Hitl, request_id: str) -> str:
    """A case for people: no model has learnt anything yet."""
    stand.send([asked(request(request_id, "a garden"))])
    stand.flush()
    wait_until(lambda: hitl("cases", "show", request_id)[0] == 0, what=f"a case for {request_id}")
    return request_id


def by(name: str, *words: str) -> list[str]:
    return ["cases", *words, "--reviewer", name]


def test_people_are_enrolled_and_what_is_not_said_stays(hitl: Hitl) -> None:
    assert hitl("reviewers", "enrol", "ada", "--skill", "medical", "--by", "lea")[0] == 0
    hitl("reviewers", "enrol", "eva", "--role", "expert")
    hitl("reviewers", "enrol", "lea", "--role", "lead", "--role", "reviewer")
    status, ada = hitl("reviewers", "enrol", "ada", "--wip", "3")
    assert (status, ada["roles"], ada["skills"], ada["wip_limit"]) == (0, ["reviewer"], ["medical"], 3)
    assert hitl("reviewers", "show", "ada")[1]["enrolment"] == ada
    assert [each["reviewer_id"] for each in hitl("reviewers", "list")[1]["enrolled"]] == ["ada", "eva", "lea"]
    assert hitl("reviewers", "show", "nobody")[0] == 1


def test_a_lease_is_claimed_renewed_held_released_and_handed_over(stand: Stand, hitl: Hitl) -> None:
    name = case(stand, hitl, "c1")
    status, granted = hitl(*by("ada", "claim", name))
    assert (status, granted["became"], granted["holder"]) == (0, "granted", "ada")
    status, refused = hitl(*by("bea", "claim", name))
    assert (status, refused["reason"]) == (1, "already_leased") and "'ada' has the case" in refused["detail"]
    status, renewed = hitl(*by("ada", "renew", name, "--lease", str(granted["lease"])))
    assert (status, renewed["became"], renewed["lease"]) == (0, "extended", granted["lease"])
    assert hitl(*by("bea", "renew", name))[1]["reason"] == "not_owner"

    assert hitl(*by("ada", "note", name, "who planted this?"))[1]["became"] == "noted"
    status, held = hitl(*by("ada", "hold", name, "--for", "2h", "--note", "asked the gardener"))
    assert (status, held["became"]) == (0, "held")
    assert abs(held["resumes_at"] - time.time() * 1_000 - 2 * HOUR) < 60_000
    assert hitl(*by("bea", "claim", name))[1]["reason"] == "on_hold"
    shown = hitl("cases", "show", name)[1]
    assert (shown["holder"], shown["hold"]["note"], shown["lease"]) == ("ada", "asked the gardener", None)
    assert [each["note"] for each in shown["notes"]] == ["who planted this?"]
    (listed,) = (each for each in hitl("cases", "list")[1]["cases"] if each["request_id"] == name)
    assert (listed["holder"], listed["on_hold"]) == ("ada", True)
    assert hitl(*by("ada", "release", name))[1]["became"] == "released"
    assert hitl(*by("ada", "release", name))[1]["reason"] == "not_owner"
    assert hitl(*by("ada", "hold", name))[0] == 2

    lease = hitl(*by("ada", "claim", name))[1]["lease"]
    status, handed = hitl(*by("ada", "hand-over", name, "--to", "lea", "--lease", str(lease)))
    assert (status, handed["became"], handed["holder"]) == (0, "handed_over", "lea")
    status, late = hitl(*by("ada", "decide", name, "approve", "--lease", str(lease)))
    assert (status, late["became"], late["reason"]) == (1, "refused", "stale_lease")
    status, closed = hitl(*by("lea", "decide", name, "approve"))
    assert (status, closed["became"], closed["label"]) == (0, "closed", "approve")
    leases = [e.lease for e in stand.history().events(REVIEW_DECISIONS.name) if isinstance(e, ReviewDecided)]
    assert leases == [lease, handed["lease"]], "whoever has the case answers under its lease unasked"
    assert hitl(*by("ada", "claim", name))[1]["reason"] == "finished"


def test_the_next_case_is_ones_own_at_once_and_without_one_the_reason_is_said(stand: Stand, hitl: Hitl) -> None:
    name = case(stand, hitl, "c9")
    wait_until(lambda: hitl(*by("ada", "next", "--workflow", WORKFLOW))[0] == 0, what="a next case")
    shown = hitl("cases", "show", name)[1]
    assert (shown["holder"], shown["content"] is not None) == ("ada", True)
    status, nothing = hitl(*by("zoe", "next"))
    assert (status, nothing["why"]) == (1, "none_waits") and "no case waits" in nothing["detail"]
    assert hitl(*by("ada", "next", "--role", "expert"))[1]["why"] == "no_lane"
    hitl(*by("ada", "release", name))
    wait_until(lambda: hitl(*by("zoe", "next"))[0] == 0, what="the case for somebody else")
    hitl(*by("zoe", "release", name))
    assert hitl(*by("ada", "next"))[1]["why"] == "none_waits", "whoever gives a case back is not offered it next"
    assert hitl(*by("ada", "next", "--workflow", "unheard-of"))[1]["kind"] == "WorkflowUnknown"
    assert hitl(*by("ada", "decide", name, "approve"))[1]["became"] == "closed"


def test_only_a_lead_changes_a_priority_and_the_case_can_be_decided_at_once(stand: Stand, hitl: Hitl) -> None:
    name = case(stand, hitl, "c2")
    assert hitl(*by("ada", "reprioritise", name, "urgent"))[1]["reason"] == "missing_role"
    status, changed = hitl(*by("lea", "reprioritise", name, "urgent", "--note", "the press"))
    assert (status, changed["became"], changed["priority"]) == (0, "reprioritised", "urgent")
    assert hitl(*by("ada", "decide", name, "reject"))[1]["became"] == "closed"
    assert hitl(*by("ada", "decide", name, "reject"))[0] == 1


def test_an_answer_is_taken_back_within_its_grace_and_not_later(stand: Stand, hitl: Hitl) -> None:
    name = case(stand, hitl, "c3")
    status, received = hitl(*by("ada", "decide", name, "approve", "--grace", "30"))
    assert (status, received["became"]) == (0, "received") and received["leaves_at"] > time.time() * 1_000
    assert hitl("cases", "show", name)[1]["undo_until"] == received["leaves_at"]
    assert hitl(*by("bea", "undo", name))[1]["reason"] == "not_owner"
    status, back = hitl(*by("ada", "undo", name))
    assert (status, back["became"], back["holder"]) == (0, "withdrawn", "ada")
    assert hitl(*by("ada", "decide", name, "reject", "--grace", "0.2"))[1]["became"] == "received"
    wait_until(lambda: hitl("cases", "show", name)[0] == 1, what="the end of the grace period")
    status, late = hitl(*by("ada", "undo", name))
    assert (status, late["reason"]) == (1, "too_late")
    (outcome,) = (event for event in stand.history().events(OUTCOMES.name) if event.request_id == name)
    assert outcome.label == "reject"


def test_an_expert_returns_a_case_decides_it_and_another_hears_the_appeal(stand: Stand, hitl: Hitl) -> None:
    name = case(stand, hitl, "c4")
    status, passed = hitl(*by("ada", "escalate", name, "--note", "is this a park?"))
    assert (status, passed["became"]) == (0, "escalated")
    assert hitl(*by("ada", "decide", name, "approve"))[1]["reason"] == "missing_role"
    assert hitl(*by("eva", "return", name))[0] == 2
    status, returned = hitl(*by("eva", "return", name, "--note", "a garden, and yours"))
    assert (status, returned["became"]) == (0, "returned")
    assert hitl(*by("lea", "escalate", name))[1]["became"] == "escalated"
    shown = hitl("cases", "show", name)[1]
    assert shown["answers"][0]["note"] == "is this a park?"
    assert hitl(*by("eva", "decide", name, "reject"))[1]["became"] == "closed"
    status, ruling = hitl(*by("gardener", "appeal", name, "--statement", "It is a garden."))
    assert (status, ruling["became"]) == (0, "reopened")
    assert hitl(*by("eva", "decide", name, "approve"))[1]["reason"] == "same_person"
    hitl("reviewers", "enrol", "emil", "--role", "expert")
    assert hitl(*by("emil", "decide", name, "approve"))[1]["became"] == "closed"


def test_two_people_answer_where_the_policy_asks_and_neither_sees_the_other(
    stand: Stand, hitl: Hitl, tmp_path: Path
) -> None:
    policy = tmp_path / "two.toml"
    policy.write_text(f"{DOCUMENT}[review]\noverlap = 2\n")
    assert hitl("policy", "publish", str(policy))[0] == 0
    agreed, disputed = case(stand, hitl, "c5"), case(stand, hitl, "c6")
    status, first = hitl(*by("ada", "decide", agreed, "approve"))
    assert (status, first["became"], first["answers"]) == (0, "counted", 1)
    shown = hitl("cases", "show", agreed)[1]
    assert shown["answers_counted"] == 1 and "ada" not in json.dumps(shown)
    assert hitl(*by("ada", "decide", agreed, "approve"))[1]["reason"] == "same_person"
    assert hitl(*by("bea", "decide", agreed, "approve"))[1]["became"] == "closed"
    hitl(*by("ada", "decide", disputed, "approve"))
    assert hitl(*by("bea", "decide", disputed, "reject"))[1]["became"] == "escalated"


def test_a_lead_keeps_questions_whose_answer_is_known(hitl: Hitl, tmp_path: Path) -> None:
    file = tmp_path / "gold.csv"
    file.write_text("id,text,label\nq1,a rose,approve\nq2,a weed,maybe\n")
    status, refused = hitl("gold", "add", WORKFLOW, str(file))
    assert (status, refused["kind"]) == (1, "NotAdded")
    assert hitl("gold", "add", WORKFLOW, str(file), "--skip-bad-lines")[1]["added"] == 1
    assert hitl("gold", "add-case", "c1", "--label", "maybe")[1]["kind"] == "LabelUnknown"
    assert hitl("gold", "add-case", "c1", "--label", "approve", "--by", "lea")[0] == 0
    assert hitl("gold", "retire", WORKFLOW, "q1")[0] == 0
    assert hitl("gold", "retire", WORKFLOW, "q1")[1]["kind"] == "NoSuchQuestion"
    status, listed = hitl("gold", "list")
    assert [(each["gold_id"], each["label"], each["added_by"]) for each in listed] == [("c1", "approve", "lea")]  # type: ignore[index]


def test_changes_are_watched_as_they_come(stand: Stand, hitl: Hitl, capfd: pytest.CaptureFixture[str]) -> None:
    name = case(stand, hitl, "c8")
    worker = threading.Timer(5.0, lambda: run([*by("bea", "claim", name), "--json"]))
    worker.start()
    assert run(["cases", "watch", "--for", "25s"]) == 0
    worker.join()
    said = capfd.readouterr().out
    assert f"{name}  bea has the case for themselves." in said


def test_with_identity_on_a_person_is_whom_the_token_names(
    stand: Stand, hitl: Hitl, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = case(stand, hitl, "c7")
    key, now = SigningKey(bytes(range(32))), int(time.time())
    published = SigningKeyPublished(
        event_id="key", key_id=key.key_id, public_key=key.public_key, published_by="test", published_at=0
    )
    publish(stand.log, CODEC, [IDENTITIES.message(published)])
    wait_until(lambda: hitl(*by("ada", "renew", name))[1].get("reason") == "missing_token", what="identity on")
    claims = Claims(
        iss=issuer(stand.settings.topic_prefix), sub="zoe", iat=now, exp=now + 600, jti="t1", roles=(Role.REVIEWER,)
    )
    monkeypatch.setenv("HITL_REVIEWER_TOKEN", key.sign(msgspec.json.encode(claims)))
    assert hitl(*by("ada", "claim", name))[1]["reason"] == "wrong_person"
    status, given = hitl("cases", "claim", name)
    assert (status, given["holder"]) == (0, "zoe")
    assert hitl("cases", "decide", name, "reject")[1]["became"] == "counted"
    assert hitl("cases", "next", "--role", "expert")[1]["why"] == "no_lane", "as the token says"
