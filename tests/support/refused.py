"""Everything for which casework turns a well-formed record down, as scenes that any client can be put into.

A scene prepares a case, with other people's help, and says in one line what the client then writes: an answer with
`action`, or a `command`; the programs of `tests/e2e` take the same lines.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from infra.kafka.partitioner import partition_of
from infra.kafka.publisher import publish
from infra.kafka.scan import scan
from infra.secret_keys import secrets
from schemas.events import (
    AppealFiled,
    CaseActionRequested,
    CaseAnnounced,
    CommandRefused,
    DecisionMade,
    ReviewDecided,
    SigningKeyPublished,
    SigningKeyRetired,
)
from schemas.topics import APPEALS, IDENTITIES, OUTCOMES, REVIEW_COMMANDS, REVIEW_DECISIONS, Outgoing
from schemas.values import Coordinates
from streams.casework.identity import Claims, Role, Scope, issuer
from streams.casework.jws import SigningKey
from streams.casework.sealing import Sealer
from tests.support.announced import TEXT, Listener, announced, command
from tests.support.stand import Stand, wait_until
from tests.support.traffic import CODEC, decision, request

DAY: Final = 24 * 3_600_000  # milliseconds
ANSWER: Final[Mapping[str, Any]] = {"action": "approve", "confidence": 0.9}
Line = dict[str, Any]


def now() -> int:
    return time.time_ns() // 1_000_000


class Office:
    """The router, a lead and colleagues of whoever is tested, on a stand."""

    def __init__(self, stand: Stand) -> None:
        self.stand, self.listener = stand, Listener(stand.log)
        self._sealer = Sealer(secrets(stand.settings).seal_key)
        self._key = SigningKey(bytes(32))

    def open(self, name: str, **more: Any) -> Coordinates:
        """A case that is open under this name; where it is announced."""
        opened = self._led_to(name, announced(name, self._sealer, due_at=now() + DAY, **more))
        return opened.review  # type: ignore[no-any-return]

    def asked(self, action: str, name: str, who: str, **more: Any) -> Any:
        """What a command led to."""
        return self._led_to(name, command(action, name, who, **more))

    def answered(self, name: str, review: Coordinates, who: str) -> Any:
        """What an answer led to."""
        send = decision(name, review, "approve", name=f"{who}:{uuid.uuid4()}", who=who)
        return self._led_to(name, Outgoing(send.topic, send.key or b"", CODEC.decode(send.value)))

    def written(self, line: Line, who: str, review: Coordinates | None = None) -> Any:
        """What a line led to, when a client in Python writes it."""
        return self._led_to(line["request_id"], as_written(line, who, review))

    def _led_to(self, name: str, outgoing: Outgoing) -> Any:
        """The first thing that casework says about the case after this record."""
        before = sum(said.event.request_id == name for said in self.listener.heard)
        publish(self.stand.log, CODEC, [outgoing])
        self.listener.until(
            lambda heard: sum(said.event.request_id == name for said in heard) > before,
            seconds=120, what=f"a word about {name}",
        )  # fmt: skip
        return [said.event for said in self.listener.heard if said.event.request_id == name][before]

    def appealed(self, name: str, by: str) -> Coordinates:
        """The case is judged anew, and announced to experts."""
        decided = scan(self.stand.log, CODEC, [OUTCOMES.name])
        entry = next(e for e in decided if isinstance(e.event, DecisionMade) and e.event.request_id == name)
        made = entry.event
        assert isinstance(made, DecisionMade)
        request_body, request_fingerprint = CODEC.body(CODEC.encode(request(name, TEXT)))
        body, fingerprint = CODEC.body(entry.value or b"")
        filed = AppealFiled(
            appeal_id=f"appeal:{name}", request_id=name, workflow=made.workflow, request=made.request,
            request_body=request_body, request_fingerprint=request_fingerprint,
            requested_at=made.requested_at, decision=entry.coordinates, decision_body=body,
            decision_fingerprint=fingerprint, statement="It was meant kindly.", filed_by=by,
        )  # fmt: skip
        publish(self.stand.log, CODEC, [APPEALS.message(filed)])
        self.listener.until(lambda heard: bool(self._announcements(name)), seconds=120, what="an expert's case")
        return self._announcements(name)[-1].review  # type: ignore[no-any-return]

    def _announcements(self, name: str) -> list[Any]:
        return [event for event in self.listener.of(CaseAnnounced) if event.request_id == name]

    # ---- identity ----

    def vouch(self) -> None:
        """From now on casework believes nobody without a token; by a new key, since one that is retired stays so."""
        self._key = SigningKey(uuid.uuid4().bytes * 2)
        event = SigningKeyPublished(
            event_id=f"key:{self._key.key_id}", key_id=self._key.key_id, public_key=self._key.public_key,
            published_by="test", published_at=now(),
        )  # fmt: skip
        publish(self.stand.log, CODEC, [IDENTITIES.message(event)])
        wait_until(self._refuses_strangers, what="identity on")

    def vouch_no_more(self) -> None:
        """As it was before."""
        event = SigningKeyRetired(
            event_id=f"retired:{self._key.key_id}", key_id=self._key.key_id, retired_by="test", retired_at=now()
        )
        publish(self.stand.log, CODEC, [IDENTITIES.message(event)])
        wait_until(lambda: not self._refuses_strangers(), what="identity off")

    def _refuses_strangers(self) -> bool:
        said = self.asked("note", f"nothing-{uuid.uuid4()}", "probe", note="?")
        return isinstance(said, CommandRefused) and said.reason == "missing_token"

    def token(self, who: str, **limits: Any) -> str:
        """As the gateway issues it."""
        claims = Claims(
            iss=issuer(self.stand.settings.topic_prefix), sub=who, iat=now() // 1_000 - 1, exp=now() // 1_000 + 600,
            jti=uuid.uuid4().hex, roles=(Role.REVIEWER, Role.EXPERT), **limits,
        )  # fmt: skip
        return self._key.sign(msgspec.json.encode(claims))

    def close(self) -> None:
        self.listener.close()


def as_written(line: Line, who: str, review: Coordinates | None) -> Outgoing:
    """The record that a line stands for."""
    request_id, lease, token = line["request_id"], line.get("lease"), line.get("token")
    if "command" in line:
        return REVIEW_COMMANDS.message(
            CaseActionRequested(
                command_id=str(uuid.uuid4()), request_id=request_id, reviewer_id=who, action=line["command"],
                lease=lease, token=token,
            )
        )  # fmt: skip
    named = line.get("review")
    where = msgspec.convert(named, Coordinates) if named else review
    assert where is not None
    return REVIEW_DECISIONS.message(
        ReviewDecided(
            decision_id=str(uuid.uuid4()), request_id=request_id, review=where, reviewer_id=who, action=line["action"],
            label=line.get("label"), confidence=line["confidence"], lease=lease, token=token,
        )
    )  # fmt: skip


# ---- the scenes ----


class Scene(NamedTuple):
    """`prepare` is given the office, the name of a case of its own, and who is tested; it says what they write."""

    reason: str
    prepare: Callable[[Office, str, str], Line]


def wrong(**fields: Any) -> Callable[[Office, str, str], Line]:
    """An answer with a bad value."""

    def prepare(office: Office, name: str, who: str) -> Line:
        office.open(name)
        return {"request_id": name, **ANSWER, **fields}

    return prepare


def unknown(office: Office, name: str, who: str) -> Line:
    """Its announcement cannot exist: the coordinates are another case's, in the partition of the unknown one."""
    there, partitions = office.open(name), office.stand.partitions
    names = (f"{name}-nobody-{number}" for number in range(1_000))
    nobody = next(each for each in names if partition_of(each.encode(), partitions) == there.partition)
    return {"request_id": nobody, **ANSWER, "review": msgspec.to_builtins(there)}


def finished(office: Office, name: str, who: str) -> Line:
    office.answered(name, office.open(name), "ann")
    return {"request_id": name, **ANSWER}


def not_owner(office: Office, name: str, who: str) -> Line:
    office.open(name)
    office.asked("claim", name, "ann")
    return {"request_id": name, **ANSWER}


def stale(office: Office, name: str, who: str) -> Line:
    """A lead took the case away and somebody else gave it back: nobody has it, and the old lease is worth nothing."""
    office.open(name)
    lease = office.asked("claim", name, who).lease
    office.asked("hand_over", name, "lea", to_reviewer="ann")
    office.asked("release", name, "ann")
    return {"request_id": name, **ANSWER, "lease": lease}


def own_appeal(office: Office, name: str, who: str) -> Line:
    office.answered(name, office.open(name), "ann")
    there = office.appealed(name, by=who)
    return {"request_id": name, **ANSWER, "review": msgspec.to_builtins(there)}


def unskilled(office: Office, name: str, who: str) -> Line:
    office.open(name, skills=("law",))
    return {"request_id": name, **ANSWER}


def twice(office: Office, name: str, who: str) -> Line:
    office.answered(name, office.open(name, overlap=2, most_answers=3), who)
    return {"request_id": name, **ANSWER}


def claiming(prepare: Callable[[Office, str, str], Line], action: str = "claim") -> Callable[[Office, str, str], Line]:
    """A command instead of the answer."""

    def instead(office: Office, name: str, who: str) -> Line:
        line = prepare(office, name, who)
        return {"request_id": line["request_id"], "command": action, "lease": line.get("lease")}

    return instead


def forged(office: Office, name: str, who: str) -> Line:
    """Somebody else's token, as good as it is for them."""
    office.open(name)
    return {"request_id": name, **ANSWER, "token": office.token("mallory")}


def limited(office: Office, name: str, who: str) -> Line:
    """One's own token, which lets its app only look."""
    office.open(name)
    return {"request_id": name, **ANSWER, "token": office.token(who, scopes=())}


def elsewhere(office: Office, name: str, who: str) -> Line:
    """One's own token, for another workflow."""
    office.open(name)
    return {"request_id": name, **ANSWER, "token": office.token(who, workflows=("another",))}


def unvouched(office: Office, name: str, who: str) -> Line:
    office.open(name)
    return {"request_id": name, **ANSWER}


ANSWERS: Final[Mapping[str, Scene]] = {
    "unknown case": Scene("unknown_case", unknown),
    "finished": Scene("finished", finished),
    "not owner": Scene("not_owner", not_owner),
    "stale token": Scene("stale_lease", stale),
    "unknown action": Scene("bad_value", wrong(action="perhaps")),
    "wrong label": Scene("bad_value", wrong(action="reject", label="maybe")),
    "confidence above 1": Scene("bad_value", wrong(confidence=7.0)),
    "confidence below 0": Scene("bad_value", wrong(confidence=-0.1)),
    "self-appeal": Scene("self_appeal", own_appeal),
    "missing skill": Scene("missing_skill", unskilled),
    "second answer of the same person": Scene("same_person", twice),
}
COMMANDS: Final[Mapping[str, Scene]] = {
    "claim of an unknown case": Scene("unknown_case", claiming(unknown)),
    "claim of a finished case": Scene("finished", claiming(finished)),
    "claim of what another has": Scene("already_leased", claiming(not_owner)),
    "renewal of a stale token": Scene("stale_lease", claiming(stale, "renew")),
    "unknown command": Scene("bad_value", claiming(unskilled, "dance")),
    "claim of one's own appeal": Scene("self_appeal", claiming(own_appeal)),
    "claim without the skill": Scene("missing_skill", claiming(unskilled)),
    "claim after an answer": Scene("same_person", claiming(twice)),
}
FORGED: Final[Mapping[str, Scene]] = {
    "another's token": Scene("wrong_person", forged),
    "no token": Scene("missing_token", unvouched),
    "claim with another's token": Scene("wrong_person", lambda office, name, who: {
        **claiming(forged)(office, name, who), "token": office.token("mallory")
    }),
    "a token that only looks": Scene("out_of_scope", limited),
    "a token for another workflow": Scene("out_of_scope", elsewhere),
    "claim with a token that only decides": Scene("out_of_scope", lambda office, name, who: {
        **claiming(limited)(office, name, who), "token": office.token(who, scopes=(Scope.DECIDE,))
    }),
}  # fmt: skip
