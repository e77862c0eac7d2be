"""The API for reviewer apps: who is believed, with identity and without."""

from typing import Any

import msgspec
import pytest

from streams.casework.config import Config
from streams.casework.identity import Claims, NotVouched, Role
from streams.casework.jws import SigningKey
from streams.casework.signing_keys import Key
from tests.support.desk import INSTALLATION, World
from tests.support.ruling import says

KEY = SigningKey(bytes(32))


def identity_on(world: World) -> None:
    key = Key(public_key=KEY.public_key, since=0)
    world.config = Config(identities={KEY.key_id: key})


def token(who: str, **more: Any) -> str:
    said: dict[str, Any] = {
        "iss": INSTALLATION, "sub": who, "iat": 1, "exp": 4_000_000_000, "jti": "t", "roles": (Role.REVIEWER,),
    }  # fmt: skip
    return KEY.sign(msgspec.json.encode(Claims(**(said | more))))


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
