"""The API for reviewer apps: who is believed, what casework says unchanged, and what is told when something is away."""

import asyncio
from typing import Any

import httpx2
import msgspec
import pytest

from infra.http.limits import Rate
from infra.kafka.acknowledging import NotAcknowledged, TooMuchUnderWay
from infra.redis.errors import RedisUnavailable
from infra.redis.records import Hands, Noted, Possession
from producers.desk import desk as desk_module
from producers.desk.next import NextCase, NothingToDo, NotRuled, Unavailing
from producers.desk.pace import Pace
from schemas.events import (
    CaseActionRequested,
    CaseClosed,
    CaseReturned,
    CommandRefused,
    DecisionRefused,
    Event,
    LeaseEnded,
    LeaseGranted,
    ReviewDecided,
)
from schemas.values import ClosedBy, Coordinates, EndedBy, Priority
from streams.casework.config import Config
from streams.casework.eligibility import Idle
from streams.casework.identity import Claims, NotVouched, Role
from streams.casework.jws import SigningKey
from streams.casework.refusal import Refusal
from streams.casework.serving import Because
from streams.casework.signing_keys import Key
from tests.support.desk import INSTALLATION, World
from tests.support.recorded import START

KEY = SigningKey(bytes(32))
FRAME: dict[str, Any] = {"event_id": "e", "workflow": "w", "sequence": 2, "revision": 1, "occurred_at": START}


@pytest.fixture
def world() -> World:
    return World()


def says(world: World, **refusals: str) -> None:
    """Casework grants, frees, closes; it refuses the requests named, for these reasons."""

    def said(record: CaseActionRequested | ReviewDecided, at: Coordinates) -> list[Event]:
        name, who = record.request_id, record.reviewer_id
        reason = refusals.get(name)
        frame = {**FRAME, "request_id": name, "cause": at}
        if isinstance(record, ReviewDecided):
            if reason is not None:
                return [DecisionRefused(event_id="e", request_id=name, sequence=0, cause=at, occurred_at=START,
                                        decision_id=record.decision_id, reviewer_id=who, reason=reason,
                                        detail=f"because of {reason}")]  # fmt: skip
            return [CaseClosed(**frame, closed_by=ClosedBy.REVIEWER, reviewer_id=who, label="approve")]
        if reason is not None:
            return [CommandRefused(event_id="e", request_id=name, sequence=0, cause=at, occurred_at=START,
                                   command_id=record.command_id, reviewer_id=who, action=record.action, reason=reason,
                                   detail=f"because of {reason}")]  # fmt: skip
        if record.action == "return":
            return [CaseReturned(**frame, reviewer_id=who, note=record.note)]
        if record.action == "release":
            return [LeaseEnded(**frame, reviewer_id=who, lease=2, ended_by=EndedBy.RELEASED)]
        return [LeaseGranted(**frame, reviewer_id=who, lease=2, expires_at=START)]

    world.casework.says = said


def identity_on(world: World) -> None:
    key = Key(public_key=KEY.public_key, since=0)
    world.config = Config(identities={KEY.key_id: key})


def token(who: str, **more: Any) -> str:
    said: dict[str, Any] = {
        "iss": INSTALLATION, "sub": who, "iat": 1, "exp": 4_000_000_000, "jti": "t", "roles": (Role.REVIEWER,),
    }  # fmt: skip
    return KEY.sign(msgspec.json.encode(Claims(**(said | more))))


# ---- who is believed ----


def test_while_identity_is_off_a_name_is_taken_as_it_stands(world: World) -> None:
    says(world)
    got = world.post("/v1/cases/a:claim", who="an%C3%AF")
    assert got.status_code == 200 and got.json()["holder"] == "anï"
    nobody = world.post("/v1/cases/a:claim", who=None)
    assert (nobody.status_code, nobody.json()["reason"]) == (401, "no_reviewer")
    assert len(world.casework.written) == 1


def test_a_page_under_another_name_of_this_machine_is_turned_away(world: World) -> None:
    got = world.post("/v1/cases/a:claim", host="evil.example")
    assert (got.status_code, got.json()["reason"]) == (421, "host")


def test_beyond_this_machine_nobody_is_believed_without_identity() -> None:
    got = World(local=False).post("/v1/cases/a:claim")
    assert (got.status_code, got.json()["reason"]) == (403, "identity_off")


def test_with_identity_on_a_token_goes_into_the_record_and_a_forged_one_gets_no_further(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    says(world)
    identity_on(world)
    own = token("ann")
    got = world.post("/v1/cases/a:claim", who=None, authorization=f"Bearer {own}")
    assert got.status_code == 200
    (written,) = world.casework.written
    assert (written.reviewer_id, written.token) == ("ann", own)
    forged = own[:-8] + ("A" * 8 if own[-8:] != "A" * 8 else "B" * 8)
    wrong = {
        NotVouched.MISSING_TOKEN: ({}, "ann"),
        NotVouched.BAD_SIGNATURE: ({"authorization": f"Bearer {forged}"}, None),
        NotVouched.WRONG_PERSON: ({"authorization": f"Bearer {own}"}, "bea"),
        NotVouched.EXPIRED: ({"authorization": f"Bearer {token('ann', exp=2)}"}, None),
        NotVouched.MALFORMED: ({"authorization": "Bearer nonsense"}, None),
    }
    for reason, (headers, who) in wrong.items():
        for path in ("/v1/cases/a:claim", "/v1/cases/a/decisions", "/v1/cases:next"):
            refused = world.post(path, {"action": "approve"} if "decisions" in path else {}, who, **headers)
            assert (refused.status_code, refused.json()["reason"]) == (401, reason), path
            assert refused.headers["www-authenticate"].startswith("Bearer")
    assert len(world.casework.written) == 1, "what is forged is not written"
    logged = [each for each in caplog.records if getattr(each, "action", "") == "request_refused"]
    written_down = repr([vars(each) for each in logged])
    assert len(logged) == 3 * len(wrong) and own not in written_down and forged not in written_down


# ---- the next case ----


def given(world: World, request_id: str) -> NextCase:
    return NextCase(
        request_id=request_id, workflow="moderation", priority=Priority.NORMAL, skills=(), review=world.put(request_id),
        lease=7, expires_at=START, because=Because.PRIORITY,
    )  # fmt: skip


def test_the_next_case_comes_whole_and_says_why(world: World) -> None:
    world.following.gives = found = given(world, "a")
    got = world.post("/v1/cases:next").json()
    assert (got["request_id"], got["lease"], got["holder"], got["until"]) == ("a", 7, "ann", START)
    assert "a garden" in got["content"] and got["because"] == "priority" and "most urgent" in got["rule"]
    assert got["review"] == msgspec.to_builtins(found.review) and "approve" in got["actions"]
    assert not {"sealed", "counted", "pending", "people"} & got.keys()


def test_without_redis_the_case_that_was_granted_is_read_from_the_log(world: World) -> None:
    world.following.gives = given(world, "a")
    world.model.away = True
    got = world.post("/v1/cases:next")
    assert got.status_code == 200 and "a garden" in got.json()["content"]


def test_nothing_to_do_is_an_answer_with_a_reason(world: World) -> None:
    world.following.gives = NothingToDo(why=Idle.NONE_WAITS, in_hand=2, detail="no case waits")
    got = world.post("/v1/cases:next", {"workflows": [], "skills": ["law"], "roles": ["expert"]})
    assert got.status_code == 200
    assert (got.json()["why"], got.json()["in_hand"]) == ("none_waits", 2)
    assert world.following.asked[0][0].roles == frozenset({"expert"})
    unknown = world.post("/v1/cases:next", {"workflows": ["no such"]})
    assert (unknown.status_code, unknown.json()["reason"]) == (422, "unknown_workflow")


def test_whoever_is_not_admitted_is_told_why(world: World) -> None:
    said = CommandRefused(event_id="e", request_id="a", sequence=0, cause=Coordinates(topic="t", partition=0, offset=0),
                          occurred_at=0, command_id="c", reviewer_id="ann", action="claim", reason="not_active",
                          detail="set inactive")  # fmt: skip
    world.following.gives = NothingToDo(why=Unavailing.NOT_ADMITTED, in_hand=0, detail="you are not", refused=(said,))
    got = world.post("/v1/cases:next")
    assert (got.status_code, got.json()["reason"], got.json()["detail"]) == (403, "not_active", "set inactive")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RedisUnavailable("Redis is away."), "read_model"), (NotRuled(), "not_judged"),
        (NotAcknowledged(), "not_acknowledged"), (TooMuchUnderWay(), "too_much_under_way"),
    ],
)  # fmt: skip
def test_what_is_away_is_told_in_words_and_when_to_come_again(world: World, error: Exception, reason: str) -> None:
    world.following.gives = error
    got = world.post("/v1/cases:next")
    assert (got.status_code, got.json()["reason"]) == (503, reason)
    assert int(got.headers["retry-after"]) >= 1 and len(got.json()["detail"]) > 40


# ---- what casework says ----


@pytest.mark.parametrize("reason", [*Refusal, *NotVouched])
def test_every_refusal_of_casework_has_its_status_and_its_own_words(world: World, reason: str) -> None:
    says(world, a=reason)
    review = {"topic": "review.normal", "partition": 0, "offset": 0}
    for got in (
        world.post("/v1/cases/a:claim"), world.post("/v1/cases/a/decisions", {"action": "approve", "review": review})
    ):  # fmt: skip
        assert got.status_code in {401, 403, 404, 409, 422}
        assert got.headers["content-type"] == "application/problem+json"
        assert (got.json()["reason"], got.json()["detail"]) == (reason, f"because of {reason}")


@pytest.mark.parametrize(
    ("reason", "status"),
    [("already_leased", 409), ("unknown_case", 404), ("missing_skill", 403), ("bad_value", 422), ("stale_lease", 409)],
)
def test_refusals_are_told_apart(world: World, reason: str, status: int) -> None:
    says(world, a=reason)
    assert world.post("/v1/cases/a:renew", {"lease": 3}).status_code == status


def test_what_a_person_gives_back_is_not_offered_to_them_next(world: World) -> None:
    """Not even while casework has freed it and the desk has not heard of that: it is passed over before."""
    says(world, c="stale_lease")
    answers, before = world.casework.says, []

    def noticed(record: CaseActionRequested | ReviewDecided, at: Coordinates) -> list[Event]:
        before.append(list(world.following.passed_over))
        return answers(record, at)

    world.casework.says = noticed
    assert world.post("/v1/cases/a:release", {"lease": 2}).json()["became"] == "released"
    assert world.post("/v1/cases/b:return", {"lease": 2, "note": "look again"}).json()["became"] == "returned"
    assert world.post("/v1/cases/c:release", {"lease": 1}).status_code == 409
    assert world.post("/v1/cases/a:renew").status_code == 200
    a, b, c = (("ann", name) for name in "abc")
    assert before == [[a], [a, b], [a, b, c], [a, b]]
    assert world.following.passed_over == [a, b] == world.following.left_free


def test_what_may_still_be_given_back_is_not_offered_either(world: World) -> None:
    world.casework.fails = NotAcknowledged()
    assert world.post("/v1/cases/a:release", {"lease": 2}).status_code == 503
    assert (world.following.passed_over, world.following.left_free) == ([("ann", "a")], [])


def test_an_id_with_slashes_and_colons_is_one_id(world: World) -> None:
    says(world)
    world.post("/v1/cases/shop%2F7:claim:note", {"note": "look"})
    (written,) = world.casework.written
    assert isinstance(written, CaseActionRequested)
    assert (written.request_id, written.action, written.note) == ("shop/7:claim", "note", "look")


def test_an_answer_without_coordinates_answers_the_newest_announcement(world: World) -> None:
    says(world)
    review = world.put("a")
    got = world.post("/v1/cases/a/decisions", {"action": "approve", "confidence": 0.8, "lease": 2})
    assert (got.status_code, got.json()["became"]) == (200, "closed")
    (written,) = world.casework.written
    assert isinstance(written, ReviewDecided)
    assert (written.review, written.confidence, written.lease) == (review, 0.8, 2)
    unknown = world.post("/v1/cases/nowhere/decisions", {"action": "approve"})
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "unknown_case")


def test_without_redis_an_answer_that_names_its_review_goes_through(world: World) -> None:
    says(world)
    review = world.put("a")
    world.model.away = True
    assert world.post("/v1/cases/a/decisions", {"action": "approve"}).status_code == 503
    named = {"action": "approve", "review": msgspec.to_builtins(review)}
    assert world.post("/v1/cases/a/decisions", named).status_code == 200


# ---- said again ----


def test_a_repeat_under_its_own_id_gives_the_same_answer_and_is_written_once(world: World) -> None:
    says(world)
    world.put("a")
    own = {"action": "approve", "decision_id": "mine"}
    named = {"reviewer-id": "ann"}

    async def post(client: httpx2.AsyncClient) -> httpx2.Response:
        return await client.post("/v1/cases/a/decisions", json=own, headers=named)

    async def other(client: httpx2.AsyncClient) -> httpx2.Response:
        return await client.post("/v1/cases/a/decisions", json=own | {"action": "reject"}, headers=named)

    async def together(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        return list(await asyncio.gather(*(post(client) for _ in range(5))))

    first, many, conflict = world.run(post, together, other)
    assert {got.content for got in (first, *many)} == {first.content} and first.status_code == 200
    assert (conflict.status_code, conflict.json()["reason"]) == (409, "id_conflict")
    assert len(world.casework.written) == 1


def test_an_answer_that_casework_has_not_judged_is_no_answer_and_a_repeat_finds_the_judgement(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "PATIENCE", 0.05)
    world.put("a")

    async def post(client: httpx2.AsyncClient) -> httpx2.Response:
        own = {"action": "approve", "decision_id": "mine"}
        return await client.post("/v1/cases/a/decisions", json=own, headers={"reviewer-id": "ann"})

    async def judged(client: httpx2.AsyncClient) -> None:
        (written,) = world.casework.written
        at = Coordinates(topic="review-decisions", partition=0, offset=0)
        closed = CaseClosed(**FRAME, request_id="a", cause=at, closed_by=ClosedBy.REVIEWER, label="approve")
        world.casework.tell(written.request_id.encode(), closed)
        monkeypatch.setattr(desk_module, "PATIENCE", 5.0)

    before, _, after = world.run(post, judged, post)
    assert (before.status_code, before.json()["reason"]) == (503, "not_judged")
    assert (after.status_code, after.json()["became"]) == (200, "closed")
    assert len(world.casework.written) == 1


def test_what_the_brokers_did_not_take_is_never_acknowledged(world: World) -> None:
    world.casework.fails = NotAcknowledged()
    got = world.post("/v1/cases/a:claim", {"command_id": "mine"})
    assert (got.status_code, got.json()["reason"]) == (503, "not_acknowledged")
    world.casework.fails = None
    says(world)
    assert world.post("/v1/cases/a:claim", {"command_id": "mine"}).status_code == 200


def test_a_forged_token_that_casework_refused_can_be_made_good_under_the_same_id(world: World) -> None:
    """Casework knows of a key before the desk does."""
    world.put("a")
    path, own = "/v1/cases/a/decisions", {"action": "approve", "decision_id": "mine"}

    async def post(client: httpx2.AsyncClient) -> httpx2.Response:
        return await client.post(path, json=own, headers={"reviewer-id": "ann"})

    async def believed(_: httpx2.AsyncClient) -> None:
        says(world)

    says(world, a=NotVouched.UNKNOWN_KEY)
    refused, _, accepted = world.run(post, believed, post)
    assert (refused.status_code, accepted.status_code) == (401, 200)


def test_who_asks_too_often_waits_and_others_do_not() -> None:
    world = World(pace=Pace(lambda: 0.0, Rate(per_second=1, burst=2)))
    got = [world.get("/v1/cases/a").status_code for _ in range(3)]
    assert got == [404, 404, 429]
    late = world.get("/v1/queue")
    assert (late.status_code, late.json()["reason"], late.headers["retry-after"]) == (429, "rate", "1")
    assert world.get("/v1/queue", who="bea").status_code == 200


def test_at_the_end_whoever_waits_for_casework_is_let_go(world: World) -> None:
    world.put("a")

    async def story(client: httpx2.AsyncClient) -> httpx2.Response:
        named = {"reviewer-id": "ann"}
        waiting = asyncio.ensure_future(client.post("/v1/cases/a/decisions", json={"action": "approve"}, headers=named))
        while not world.casework.written:
            await asyncio.sleep(0.01)
        world.rulings.end()
        return await asyncio.wait_for(waiting, 5)

    (got,) = world.run(story)
    assert (got.status_code, got.json()["reason"]) == (503, "log_unavailable")


# ---- looking ----


def test_a_case_tells_who_has_it(world: World) -> None:
    world.put("a", Possession(sequence=3, hands=Hands.HELD, reviewer_id="bea", expires_at=START))
    got = world.get("/v1/cases/a").json()
    assert (got["holder"], got["hands"], got["until"], got["lease"]) == ("bea", "held", START, None)
    missing = world.get("/v1/cases/b")
    assert (missing.status_code, missing.json()["reason"]) == (404, "unknown_case")
    world.model.rebuilding = True
    assert world.get("/v1/cases/b").status_code == 503, "nobody can tell"


def test_a_case_comes_with_the_notes_beside_it(world: World) -> None:
    world.put("a")
    noted = Noted(sequence=3, at=START, reviewer_id="bea", note="<b>seen before</b>")
    world.model.records["a"] = msgspec.structs.replace(world.model.records["a"], notes=(noted,))
    said = {"reviewer_id": "bea", "note": "<b>seen before</b>", "noted_at": START}
    assert world.get("/v1/cases/a").json()["notes"] == [said]


def test_the_queue_tells_sizes_what_is_in_hand_and_a_place(world: World) -> None:
    world.put("a")
    world.model.held["ann"] = {"a": START}
    got = world.get("/v1/queue?request_id=a").json()
    assert got["workflows"][0]["human"]["normal"] == 1 and got["workflows"][0]["oldest_age_ms"] == 60_000
    assert got["in_hand"] == [{"request_id": "a", "expires_at": START}]
    assert got["case"] == {"request_id": "a", "position": 1, "ahead": 0, "estimated_wait_ms": 30_000}
    world.model.away = True
    assert world.get("/v1/queue").status_code == 503


def test_a_good_answer_says_how_long_it_took(world: World) -> None:
    world.put("a")
    name, _, spent = world.get("/v1/queue").headers["server-timing"].partition(";dur=")
    assert name == "app" and 0 <= float(spent) < 60_000  # milliseconds
    assert "server-timing" not in world.get("/v1/cases/unheard-of").headers, "a refusal tells nothing more"


def test_until_the_configuration_is_read_nothing_is_done(world: World) -> None:
    world.config = None
    for got in (world.post("/v1/cases/a:claim"), world.get("/ready")):
        assert (got.status_code, got.json()["reason"]) == (503, "starting")
    assert world.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("a:hold", {}, 422), ("a:claim", {"lease": 1}, 422), ("a:reprioritise", {"priority": "whenever"}, 422),
        ("a:note", {"note": "\ud800"}, 400), ("a" * 1_025 + ":claim", {}, 422), ("a:dance", {}, 405),
        ("a:undo", {"command_id": ""}, 422), ("a/decisions", {"action": "approve", "grace_seconds": 61}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_not_written(world: World, path: str, body: dict[str, object], status: int) -> None:
    says(world)
    got = world.post(f"/v1/cases/{path}", body)
    assert got.status_code == status, got.text
    assert got.headers["content-type"] == "application/problem+json" and not world.casework.written


def test_answers_and_refusals_are_counted(world: World) -> None:
    says(world, b="finished")
    world.post("/v1/cases/a:claim")
    world.post("/v1/cases/b:claim")
    text = world.watch.instruments.text().decode()
    assert 'hitl_desk_requests_total{code="200",route="/v1/cases/{request_id:path}:claim"} 1.0' in text
    assert 'hitl_desk_refusals_total{reason="finished"} 1.0' in text
