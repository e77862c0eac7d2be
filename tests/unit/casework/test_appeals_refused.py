"""Appeals that are not taken on: each says why, and nothing is changed."""

from typing import Any

import pytest
from msgspec.structs import replace

from infra.kafka.errors import Reason
from schemas.events import AppealFiled, AppealRefused
from streams.casework.answer import MAX_NOTE_BYTES
from streams.casework.appeals import AppealRefusal
from streams.casework.config import Config
from tests.unit.casework.appealing import appeal, file, judge, original, table
from tests.unit.casework.driver import Table, review


def refused_before(at: Table) -> AppealFiled:
    at.announce(review())
    return appeal()


def refused_twice(at: Table) -> AppealFiled:
    file(at)
    return appeal()


def refused_other(at: Table) -> AppealFiled:
    file(at)
    return appeal(appeal_id="a2")


def refused_judged(at: Table) -> AppealFiled:
    file(at)
    judge(at, "hate")
    return appeal(appeal_id="a2")


def refused_without_policy(at: Table) -> AppealFiled:
    at.config = Config()
    return appeal()


REFUSALS = [
    (AppealRefusal.NOT_DECIDED, "still with people", refused_before),
    (AppealRefusal.REPEATED, "need not be sent again", refused_twice),
    (AppealRefusal.ALREADY_APPEALED, "is being judged", refused_other),
    (AppealRefusal.ALREADY_APPEALED, "is the last", refused_judged),
    (AppealRefusal.BAD_VALUE, "appeal_id has 0 bytes", lambda at: appeal(appeal_id="")),
    (AppealRefusal.BAD_VALUE, "filed_by has 257", lambda at: appeal(filed_by="x" * 257)),
    (AppealRefusal.BAD_VALUE, "statement has", lambda at: appeal(statement="ü" * MAX_NOTE_BYTES)),
    (AppealRefusal.UNKNOWN_WORKFLOW, "no policy", refused_without_policy),
]


@pytest.mark.parametrize(
    ("reason", "says", "scene"), REFUSALS, ids=[f"{r}-{n}" for n, (r, _, _) in enumerate(REFUSALS)]
)
def test_a_refused_appeal_says_why_and_changes_nothing(reason: AppealRefusal, says: str, scene: Any) -> None:
    at = table()
    filed = scene(at)
    before = dict(at.lane.state.committed)
    (refused,) = file(at, filed)
    assert isinstance(refused, AppealRefused)
    assert refused.reason == reason and says in refused.detail
    assert at.lane.state.committed == before


def test_every_reason_to_refuse_an_appeal_is_reachable() -> None:
    assert {reason for reason, _, _ in REFUSALS} == set(AppealRefusal)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (appeal(request_body=b"\x02"), Reason.UNDECODABLE),
        (appeal(decision_fingerprint=b"87654321"), Reason.UNDECODABLE),
        (appeal(original(request_id="another")), Reason.INVALID),
        (appeal(workflow="other"), Reason.INVALID),
        (replace(appeal(), decision_body=appeal().request_body, decision_fingerprint=appeal().request_fingerprint),
         Reason.INVALID),
        (replace(appeal(), request_body=appeal().decision_body, request_fingerprint=appeal().decision_fingerprint),
         Reason.INVALID),
    ],
)  # fmt: skip
def test_an_appeal_without_the_decision_of_its_request_is_a_dead_letter(broken: AppealFiled, reason: Reason) -> None:
    at = table()
    assert file(at, broken) == []
    (_, error) = at.invalid[0]
    assert error.reason is reason and error.request_id == "r"
