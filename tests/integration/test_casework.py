"""Casework on a real broker: many people at the same cases, and kill -9 with ten thousand cases in every state."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from infra.kafka.client import connect
from infra.kafka.publisher import Publisher, publish
from infra.kafka.scan import scan
from infra.secret_keys import secrets
from schemas.events import (
    AnswerReceived,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseNoted,
    CaseOpened,
    CaseSnapshot,
    CommandRefused,
    DecisionMade,
    HoldEnded,
    LeaseEnded,
    LeaseGranted,
    PolicyPublished,
    ReviewDecided,
)
from schemas.topics import CASES, OUTCOMES, POLICIES, REVIEW_DECISIONS, Outgoing
from schemas.values import CaseStatus, Coordinates, EndedBy, EscalatedBy
from streams.casework.answer import LONGEST_GRACE
from streams.casework.cases import due_times
from streams.casework.sealing import Sealer
from tests.simulation.holding import check_holding
from tests.simulation.invariants import changes_of_a_case_are_in_order
from tests.support.announced import Listener, announced, command
from tests.support.stand import DOCUMENT, Stand, wait_until
from tests.support.traffic import CODEC, WORKFLOW

pytestmark = pytest.mark.integration
HURRIED = "hurried"  # a workflow whose leases are short
DAY = 24 * 3_600_000  # milliseconds
CLIENTS, RIVALS, CONTESTED = 50, 5, 200  # 1,000 claims: so many of the clients want each case
OPEN = 10_000
SHORT = 12.0  # seconds of a lease of the hurried workflow, a hold, a grace, a deadline that is to run out
RUNNING_OUT = ("lease out", "hold out", "grace out", "overdue")  # while casework stands still


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Casework alone; the test is the router and all people."""
    stand = Stand(tmp_path_factory.mktemp("casework"))
    try:
        stand.up(["casework"])
        for version, (name, minutes) in enumerate(((WORKFLOW, 10.0), (HURRIED, SHORT / 60)), start=1):
            document = DOCUMENT.replace(f'"{WORKFLOW}"', f'"{name}"') + f"[review]\nlease_minutes = {minutes}\n"
            event = PolicyPublished(
                event_id=f"policy:{name}", workflow=name, version=1, digest=str(version) * 64, document=document,
                published_by="test", published_at=0,
            )  # fmt: skip
            publish(stand.log, CODEC, [POLICIES.message(event)])
        yield stand
    finally:
        stand.down()


@pytest.fixture
def sealer(stand: Stand) -> Sealer:
    return Sealer(secrets(stand.settings).seal_key)


@pytest.fixture
def listener(stand: Stand, sealer: Sealer) -> Iterator[Listener]:
    """Hears casework, once that follows both policies."""
    made = Listener(stand.log)
    probes = iter(range(1_000))

    def follows() -> bool:
        publish(stand.log, CODEC, [announced(f"probe-{now()}-{next(probes)}", sealer, due_at=now() + DAY)])
        return any(event.config_offsets.get(POLICIES.name) == 2 for event in made.of(CaseOpened))

    try:
        wait_until(follows, what="casework that follows both policies")
        yield made
    finally:
        made.close()


def opened(listener: Listener, names: Sequence[str]) -> None:
    wanted = set(names)
    listener.until(
        lambda heard: wanted <= {e.request_id for e in listener.of(CaseOpened)}, seconds=120, what="every case opened"
    )


def test_of_a_thousand_claims_at_once_each_case_goes_to_one_and_every_other_is_told(
    stand: Stand, sealer: Sealer, listener: Listener
) -> None:
    """50 clients, each a thread with a connection and a reviewer id of its own, send 20 claims each as fast as can be.

    All start at one moment, so up to 1,000 claims lie in the log at once. A claim's time runs from handing it to the
    client library to hearing casework's answer on `assignments`; one listener hears for all, since a reviewer app has
    no shorter way either.
    """
    names = [f"contested-{number}" for number in range(CONTESTED)]
    publish(stand.log, CODEC, (announced(name, sealer, due_at=now() + DAY) for name in names))
    opened(listener, names)
    wanted: dict[int, list[str]] = {client: [] for client in range(CLIENTS)}
    for number, name in enumerate(names):
        for rival in range(RIVALS):
            wanted[(number + rival * 11) % CLIENTS].append(name)
    sent: dict[tuple[str, str], float] = {}
    barrier = threading.Barrier(CLIENTS)

    def work(client: int) -> None:
        who, log = f"client-{client}", connect(stand.settings)
        publisher = Publisher(log, CODEC)
        publisher.flush()
        mine = Random(client).sample(wanted[client], len(wanted[client]))
        barrier.wait(60)
        for name in mine:
            sent[name, who] = time.monotonic()
            publisher.send(command("claim", name, who))
        publisher.flush()
        publisher.close()
        log.close()

    threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(sent) == CLIENTS * 20 == CONTESTED * RIVALS
    told = {}

    def all_told(heard: Sequence[Any]) -> bool:
        told.update({
            (said.event.request_id, said.event.reviewer_id): said
            for said in heard if isinstance(said.event, LeaseGranted | CommandRefused)
        })  # fmt: skip
        return sent.keys() <= told.keys()

    listener.until(all_told, seconds=120, what="an answer to every claim")
    times = sorted(told[claim].at - sent[claim] for claim in sent)
    print(f"1,000 claims: slowest answer {times[-1]:.3f} s, median {times[500]:.3f} s")
    granted = Counter(name for name, who in sent if isinstance(told[name, who].event, LeaseGranted))
    assert granted == dict.fromkeys(names, 1)
    owners = {name: who for name, who in sent if isinstance(told[name, who].event, LeaseGranted)}
    for name, who in sent:
        if owners[name] != who:
            refused = told[name, who].event
            assert (refused.reason, repr(owners[name]) in refused.detail) == ("already_leased", True)
    history = stand.history()
    check_holding(history)
    changes_of_a_case_are_in_order(history)


def written(name: str, group: str, review: Coordinates) -> Outgoing | None:
    """What brings a case into its state."""
    match group:
        case "leased" | "lease out":
            return command("claim", name, "ada")
        case "held" | "hold out":
            until = now() + (DAY if group == "held" else round(SHORT * 1_000))
            return command("hold", name, "ada", resumes_at=until, note="asked legal")
        case "in grace" | "grace out":
            answer = ReviewDecided(
                decision_id=f"d:{name}", request_id=name, review=review, reviewer_id="ada", action="approve",
                grace_seconds=LONGEST_GRACE if group == "in grace" else SHORT,
            )  # fmt: skip
            return REVIEW_DECISIONS.message(answer)
    return None


def snapshots(stand: Stand) -> dict[str, CaseSnapshot]:
    """What is known of every case, as a restore reads it."""
    found = (entry.event for entry in scan(stand.log, CODEC, [CASES.name]))
    return {event.request_id: event for event in found if isinstance(event, CaseSnapshot)}


def test_after_kill_9_ten_thousand_cases_are_as_before_and_what_ran_out_meanwhile_takes_effect(
    stand: Stand, sealer: Sealer, listener: Listener
) -> None:
    """Casework is halted, so that no clock is looked at, then killed; a new process restores from the log.

    Every case is touched afterwards by a note, so that its next snapshot tells what that process knows of it.
    """
    names = [f"open-{number}" for number in range(OPEN)]
    groups = {
        "leased": names[:1_000], "held": names[1_000:1_500], "in grace": names[1_500:1_600],
        "lease out": names[2_000:2_200], "hold out": names[2_200:2_300], "grace out": names[2_300:2_400],
        "overdue": names[2_400:2_500],
    }  # fmt: skip
    group_of = {name: group for group, members in groups.items() for name in members}
    plain = [name for name in names if group_of.get(name) != "overdue"]
    publish(stand.log, CODEC, (
        announced(name, sealer, due_at=now() + DAY, workflow=HURRIED if group_of.get(name) == "lease out" else WORKFLOW)
        for name in plain
    ))  # fmt: skip
    opened(listener, plain)
    review = {event.request_id: event.review for event in listener.of(CaseOpened)}

    def touch(*chosen: str) -> None:
        """Lease, hold and answer the cases of these groups, and hear of each."""
        touched = [name for group in chosen for name in groups[group]]
        made = (written(name, group_of[name], review[name]) for name in touched)
        publish(stand.log, CODEC, filter(None, made))
        listener.until(
            lambda heard: set(touched) <= {e.request_id for e in listener.of(LeaseGranted, CaseHeld, AnswerReceived)},
            seconds=120, what="every lease, hold and answer",
        )  # fmt: skip

    touch("leased", "held")
    due_at = now() + round(SHORT * 1_000)
    publish(stand.log, CODEC, (announced(name, sealer, due_at=due_at) for name in groups["overdue"]))
    touch("lease out", "hold out", "grace out", "in grace")
    opened(listener, names)
    stand.stack.kill("casework", signal.SIGSTOP)
    restarts, halted = stand.process("casework").restarts, now()
    before = {name: case for name, case in snapshots(stand).items() if name in set(names)}
    assert len(before) == OPEN and all(case.status is CaseStatus.OPEN for case in before.values())
    over = max(min(due_times(before[name])) for group in RUNNING_OUT for name in groups[group])
    wait_until(lambda: now() > over, what="the time at which all these have run out")
    stand.stack.kill("casework")
    began = time.monotonic()
    wait_until(lambda: stand.process("casework").restarts > restarts, what="a new process")
    publish(stand.log, CODEC, (command("note", name, "bob", note="still there?") for name in names))
    listener.until(
        lambda heard: set(names) <= {e.request_id for e in listener.of(CaseNoted, CommandRefused)},
        seconds=120, what="a word about every case",
    )  # fmt: skip
    print(f"10,000 cases: {time.monotonic() - began:.1f} s from kill -9 to a word about each")
    ran_out(listener, groups, since=halted)
    listener.until(
        lambda heard: set(groups["overdue"]) <= {e.request_id for e in listener.of(CaseEscalated)},
        seconds=120, what="an expert for what is overdue",
    )  # fmt: skip
    as_before(before, snapshots(stand), group_of)
    history = stand.history()
    check_holding(history)
    changes_of_a_case_are_in_order(history)


def ran_out(listener: Listener, groups: Mapping[str, Sequence[str]], *, since: int) -> None:
    """What the clock ended while nobody looked was ended by the new process, each once."""

    def all_over(heard: Sequence[Any]) -> bool:
        over = Counter(
            e.request_id for e in listener.of(LeaseEnded, HoldEnded, CaseClosed)
            if not isinstance(e, LeaseEnded | HoldEnded) or e.ended_by is EndedBy.EXPIRED
        )  # fmt: skip
        return all(over[name] == 1 for group in ("lease out", "hold out", "grace out") for name in groups[group])

    listener.until(all_over, seconds=120, what="an end of what ran out")
    ended = {e.request_id: e for e in listener.of(LeaseEnded, HoldEnded, CaseClosed, CaseEscalated)}
    for group in RUNNING_OUT:
        assert all(ended[name].occurred_at > since for name in groups[group] if name in ended), group


def as_before(
    before: Mapping[str, CaseSnapshot], after: Mapping[str, CaseSnapshot], group_of: Mapping[str, str]
) -> None:
    """Field by field, but for the note and the number of its change; and only what ran out is otherwise."""
    end = now()
    for name, case in before.items():
        found, group = after[name], group_of.get(name, "")
        expected = case
        if group == "lease out":
            expected = replace(case, lease=None)
        elif group == "hold out":
            expected = replace(case, hold=None)
        elif group == "grace out" or (group == "in grace" and found.status is CaseStatus.CLOSED):  # on a slow machine
            assert min(due_times(case)) <= end, name
            assert (found.status, found.label) == (CaseStatus.CLOSED, "approve"), name
            continue
        elif group == "overdue":
            assert found.escalated_by is EscalatedBy.TIMEOUT, name
            continue
        else:
            assert not any(at <= end for at in due_times(case)), f"this machine is too slow: {name} is due"
        assert found.notes and found.notes[-1].note == "still there?", name
        assert replace(found, sequence=0, notes=()) == replace(expected, sequence=0, notes=()), name


def test_what_waited_through_the_kill_decides_once(stand: Stand, listener: Listener) -> None:
    """The answers whose grace ended meanwhile made their outcomes, one each."""

    def outcomes() -> Counter[str]:
        found = (entry.event for entry in scan(stand.log, CODEC, [OUTCOMES.name]))
        return Counter(event.request_id for event in found if isinstance(event, DecisionMade))

    def decided_once(_: Sequence[Any]) -> bool:
        closed = {event.request_id for event in listener.of(CaseClosed)}
        return len(closed) >= 100 and outcomes() == dict.fromkeys(closed, 1)

    listener.until(decided_once, seconds=120, what="one outcome of every case that is closed")
