"""With a key in force no reviewer id is believed without its person's token: refused, counted, and nothing changed."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from infra.kafka.partitioner import partition_of
from infra.kafka.stage import Handled
from schemas.events import CaseActionRequested, CommandRefused, DecisionRefused, Event, LeaseGranted
from schemas.topics import ASSIGNMENTS, OUTCOMES, REVIEW_COMMANDS
from streams.casework.config import Config
from streams.casework.identity import Claims, NotVouched, Role, Scope, issuer
from streams.casework.jws import SigningKey
from streams.casework.refusal import Refusal
from tests.unit.casework.driver import (
    HOUR,
    PARTITIONS,
    START,
    Table,
    decision,
    encoded,
    expert_review,
    policies,
    review,
)
from tests.unit.casework.test_signing_keys import FIRST, SECOND, published, retired, revoked

WRITTEN = START - HOUR  # when every record of the table was appended, milliseconds
THIRD = SigningKey(bytes([3]) * 32)


def token(person: str = "ada", key: SigningKey = FIRST, **changes: object) -> str:
    plain = Claims(
        iss=issuer("hitl."), sub=person, iat=WRITTEN // 1_000, exp=WRITTEN // 1_000 + 600, jti="t1",
        roles=(Role.REVIEWER, Role.EXPERT),
    )  # fmt: skip
    return key.sign(msgspec.json.encode(replace(plain, **changes)))


def unsigned() -> str:
    _, body, _ = token().split(".")
    return f"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}."


def guarded(*history: Event) -> Table:
    """Casework that follows these keys."""
    table = Table(partition_of(b"r", PARTITIONS))
    table.config = Config(policies=policies())
    for event in history or (published(), published(SECOND), retired(SECOND), revoked("lost")):
        table.config = table.config.with_event(event)
    return table


FORGED: dict[NotVouched, Callable[[], str | None]] = {
    NotVouched.MISSING_TOKEN: lambda: None,
    NotVouched.TOO_LONG: lambda: token(skills=("s" * 4_096,)),
    NotVouched.MALFORMED: lambda: "ada",
    NotVouched.WRONG_ALGORITHM: unsigned,
    NotVouched.UNKNOWN_KEY: lambda: token(key=THIRD),
    NotVouched.RETIRED_KEY: lambda: token(key=SECOND),
    NotVouched.BAD_SIGNATURE: lambda: token()[:-8] + "AAAAAAAA",
    NotVouched.OTHER_INSTALLATION: lambda: token(iss=issuer("other.")),
    NotVouched.NOT_YET_VALID: lambda: token(iat=WRITTEN // 1_000 + 61),
    NotVouched.EXPIRED: lambda: token(exp=WRITTEN // 1_000),
    NotVouched.REVOKED: lambda: token(jti="lost"),
    NotVouched.WRONG_PERSON: lambda: token("mallory"),
}


def test_every_reason_is_among_them() -> None:
    assert set(FORGED) == set(NotVouched)


@pytest.mark.parametrize("reason", FORGED)
def test_a_forged_answer_is_refused_and_the_case_stays_as_it_was(reason: NotVouched) -> None:
    table = guarded()
    place = table.announce(review())
    before = table.cases()
    (refused,) = table.answer(replace(decision(place), token=FORGED[reason]()))
    assert isinstance(refused, DecisionRefused) and refused.reason == reason
    assert refused.reviewer_id == "ada" and len(refused.detail) > 30
    assert table.cases() == before
    assert [record.topic for record in table.given[-1].outgoing] == [ASSIGNMENTS.name]
    table.answer(replace(decision(place, decision_id="d2"), token=token()))
    assert OUTCOMES.name in {record.topic for record in table.outgoing}  # the person it was can still answer


@pytest.mark.parametrize("reason", FORGED)
@pytest.mark.parametrize("action", ["claim", "hold", "note", "return", "undo"])
def test_a_forged_command_is_refused_and_does_nothing(reason: NotVouched, action: str) -> None:
    table = guarded()
    place = table.announce(review())
    before = table.cases()
    (refused,) = asked(table, claim(action, token=FORGED[reason](), review=place))
    assert isinstance(refused, CommandRefused) and refused.reason == reason
    assert table.cases() == before


def claim(action: str = "claim", **changes: object) -> CaseActionRequested:
    plain = CaseActionRequested(command_id="c1", request_id="r", reviewer_id="ada", action=action)
    return replace(plain, **changes)


def asked(table: Table, command: CaseActionRequested) -> list[Event]:
    table.write(REVIEW_COMMANDS.name, command)
    return [event for event in table.read_all(REVIEW_COMMANDS.name) if not hasattr(event, "status")]


def test_a_person_with_a_token_is_let_in() -> None:
    table = guarded()
    table.announce(review())
    (granted,) = asked(table, claim(token=token()))
    assert isinstance(granted, LeaseGranted) and granted.reviewer_id == "ada"


def test_a_reviewer_s_token_answers_no_expert_case() -> None:
    table = guarded()
    place = table.announce(expert_review())
    (refused,) = table.answer(replace(decision(place), token=token(roles=(Role.REVIEWER,))))
    assert isinstance(refused, DecisionRefused) and refused.reason == "missing_role"
    assert table.answer(replace(decision(place, decision_id="d2"), token=token())) != []


LIMITED: list[tuple[dict[str, Any], str, str]] = [
    ({"scopes": (Scope.DECIDE,)}, "claim", "lets its app decide only, and this needs work"),
    ({"scopes": ()}, "claim", "look only"),
    ({"scopes": ()}, "decide", "look only"),
    ({"scopes": (Scope.WORK,)}, "decide", "this needs decide"),
    ({"workflows": ("loans",)}, "claim", "is for 'loans', and the case is of 'content_moderation'"),
    ({"workflows": ("loans",)}, "decide", "get one for that workflow"),
]


@pytest.mark.parametrize(("limits", "what", "says"), LIMITED, ids=range(len(LIMITED)))
def test_a_token_lets_its_app_do_less_than_its_person_may(limits: dict[str, Any], what: str, says: str) -> None:
    table = guarded()
    place = table.announce(review())
    limited = token(**limits)
    if what == "claim":
        (refused,) = asked(table, claim(token=limited))
    else:
        (refused,) = table.answer(replace(decision(place), token=limited))
    assert isinstance(refused, CommandRefused | DecisionRefused)
    assert refused.reason == Refusal.OUT_OF_SCOPE and says in refused.detail
    assert table.answer(replace(decision(place, decision_id="d2"), token=token())) != []


def test_within_its_limits_a_token_counts() -> None:
    table = guarded()
    place = table.announce(review())
    own = token(scopes=(Scope.WORK, Scope.DECIDE), workflows=("loans", "content_moderation"))
    (granted,) = asked(table, claim(token=own))
    assert isinstance(granted, LeaseGranted)
    made = table.answer(replace(decision(place, lease=granted.lease), token=own))
    assert not any(isinstance(event, DecisionRefused) for event in made)


def test_a_forged_answer_is_counted_as_that() -> None:
    table = guarded()
    place = table.announce(review())
    table.write("review-decisions", replace(decision(place), token=token("mallory")))
    batch: Handled = table.stage.handle(
        [table.message("review-decisions", 0)], {table.partition: table.lane}, table.config
    )
    assert [(row.workflow, row.action) for row in batch.tallies] == [("content_moderation", "forged")]


def test_a_replay_comes_to_the_same_verdicts_at_any_time() -> None:
    """Hours later and with everything in another order before it: by the record's time alone."""
    table = guarded()
    place = table.announce(review())
    for number, forged in enumerate((*FORGED.values(), token)):
        table.write("review-decisions", replace(decision(place, decision_id=f"d{number}"), token=forged()))
    again = guarded()
    again.announce(review())
    again.topics = table.topics
    again.lane.now = table.lane.now
    table.read_all("review-decisions")
    for offset in range(len(FORGED) + 1):
        again.read([("review-decisions", offset)])
    assert encoded(again.outgoing) == encoded(table.outgoing)


def test_without_a_key_ids_are_taken_as_they_stand() -> None:
    table = guarded(published(at=WRITTEN + 1))  # a key for what comes later
    table.answer(replace(decision(table.announce(review())), token="nonsense"))
    assert OUTCOMES.name in {record.topic for record in table.outgoing}
