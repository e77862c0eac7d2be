"""What an auditor remembers of each record while reading: places, ids and kinds, never the content."""

import hashlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from infra.kafka.partitioner import partition_of
from infra.kafka.scan import Entry
from schemas.codec import HEADER
from schemas.events import (
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    CaseClosed,
    CaseOpened,
    CaseReopened,
    CaseSnapshot,
    DeadLettered,
    DecisionMade,
    DecisionRefused,
    DecisionRequested,
    Event,
    GoldAnswered,
    OutcomeAmended,
    OutcomeUpheld,
    PredictionMade,
)
from schemas.topics import ASSIGNMENTS, AUDITS, BY_NAME, CASES, DEAD_LETTERS, OUTCOMES, PREDICTIONS, REQUESTS
from schemas.values import CaseStatus, Coordinates, DecidedBy, SampleKind
from streams.casework.sealing import SealBroken, Sealer

# In the order in which their ends are asked. What a record names comes behind it, so that under live traffic it is
# among what is read, and a place that is not is foreign. The price: requests that came meanwhile may count as missing.
# `outcomes` comes before `cases`: the other way round a case answered meanwhile is open and decided, that is double.
RECONCILED_TOPICS = tuple(
    topic.name for topic in (DEAD_LETTERS, OUTCOMES, ASSIGNMENTS, AUDITS, CASES, PREDICTIONS, REQUESTS)
)


class Place(NamedTuple):
    """A record of `requests` by its coordinates."""

    partition: int
    offset: int


class Asked(NamedTuple):
    """A record of `requests`; without an id it is none that any stage could decide, and `fault` says why."""

    place: Place
    timestamp: int  # append time, milliseconds
    request_id: str | None
    workflow: str | None
    content: bytes
    fault: str


class Decided(NamedTuple):
    """An outcome as far as it is counted."""

    event_id: str
    request_id: str
    workflow: str
    decided_by: DecidedBy


class CaseNow(NamedTuple):
    """The last state of a case."""

    workflow: str
    is_open: bool
    place: Place
    judges_anew: bool = False  # a decision that stands meanwhile: it owes no outcome


class Judged(NamedTuple):
    """A later judgement of a decided request."""

    request_id: str
    workflow: str
    place: Place
    original: str  # event id of the outcome that it is about
    amends: bool


class Draw(NamedTuple):
    """An audit or a blind review that chance chose."""

    request_id: str
    workflow: str
    kind: SampleKind


IsGold = Callable[[CaseOpened], bool]  # whether a case is a question whose answer is known


def nobody_knows(opened: CaseOpened) -> bool:
    """Without the key to what is sealed, a question whose answer is known looks like any other case."""
    return False


def known_by(sealer: Sealer) -> IsGold:
    """As what is sealed of the case says."""

    def is_gold(opened: CaseOpened) -> bool:
        try:
            sealed = sealer.open(opened.sealed, request_id=opened.request_id, revision=opened.revision)
        except SealBroken:
            return False
        return sealed.kind is SampleKind.GOLD

    return is_gold


@dataclass(slots=True)
class Ledger:
    """The log as an auditor sees it. Entries of one partition come in order; topics may interleave as they like."""

    partitions: int  # of request-keyed topics
    is_gold: IsGold = nobody_knows
    asked: dict[Place, Asked] = field(default_factory=dict)
    predictions: dict[Place, Place] = field(default_factory=dict)  # a prediction's own place -> the request's
    dead_letters: list[Coordinates] = field(default_factory=list)  # their origins
    outcomes: defaultdict[Place, list[Decided]] = field(default_factory=lambda: defaultdict(list))
    judged: list[Judged] = field(default_factory=list)
    cases: dict[str, CaseNow] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)  # request ids by `assignments`: cases opened and not yet closed
    refused: list[tuple[str, str | None]] = field(default_factory=list)  # request id and workflow of refused answers
    draws: dict[Place, Draw] = field(default_factory=dict)  # by the place of the request
    audited: set[str] = field(default_factory=set)  # request ids of draws that were answered or have expired
    gold: dict[str, str] = field(default_factory=dict)  # workflow by request id of questions whose answer is known
    unreadable: int = 0  # records that hold no event, or none that belongs where it lies

    def add(self, entry: Entry) -> None:
        """Remember one more record."""
        match entry.event:
            case _ if entry.topic == REQUESTS.name:
                self.asked[Place(entry.partition, entry.offset)] = asked(entry, self.partitions)
            case None if entry.topic == CASES.name and entry.value is None:
                self.cases.pop((entry.key or b"").decode(errors="replace"), None)
            case event if not belongs(entry.topic, entry.key, event):
                self.unreadable += 1  # no stage takes it for what it says: it leads to a dead letter at most
            case PredictionMade() as made:
                self.predictions[Place(entry.partition, entry.offset)] = place_of(made.request)
            case DeadLettered() as dead:
                self.dead_letters.append(dead.origin)
            case DecisionMade() as made:
                decided = Decided(made.event_id, made.request_id, made.workflow, made.decided_by)
                self.outcomes[place_of(made.request)].append(decided)
            case OutcomeAmended() | OutcomeUpheld() as judged:
                amends = isinstance(judged, OutcomeAmended)
                place = place_of(judged.request)
                self.judged.append(Judged(judged.request_id, judged.workflow, place, judged.original, amends))
            case _:
                self._add_case(entry)

    def _add_case(self, entry: Entry) -> None:
        match entry.event:
            case CaseSnapshot() as case:
                is_open = case.status is CaseStatus.OPEN
                again = case.reopened_by is not None
                self.cases[case.request_id] = CaseNow(case.workflow, is_open, place_of(case.request), again)
            case CaseOpened() | CaseReopened() as opened:
                self.opened.add(opened.request_id)
                if isinstance(opened, CaseOpened) and self.is_gold(opened):
                    self.gold[opened.request_id] = opened.workflow
            case GoldAnswered() as answered:
                self.gold[answered.request_id] = answered.workflow
            case CaseClosed() as closed:
                self.opened.discard(closed.request_id)
            case DecisionRefused() as refused:
                self.refused.append((refused.request_id, refused.workflow))
            case AuditDrawn() as drawn:
                self.draws[place_of(drawn.request)] = Draw(drawn.request_id, drawn.workflow, drawn.kind)
            case AuditAnswered() | AuditExpired() as ended:
                self.audited.add(ended.request_id)


def belongs(topic: str, key: bytes | None, event: Event | None) -> bool:
    """Whether a stage takes this for an event of the topic; a prediction only under its request's id."""
    if isinstance(event, PredictionMade) and key != event.request_id.encode():
        return False
    return type(event) in BY_NAME[topic].events


def place_of(coordinates: Coordinates) -> Place:
    """Partition and offset of coordinates that name a request."""
    return Place(coordinates.partition, coordinates.offset)


def asked(entry: Entry, partitions: int) -> Asked:
    """A record of `requests`, judged by what every stage checks before it decides."""
    place = Place(entry.partition, entry.offset)
    value = entry.value or b""
    content = hashlib.sha256(value[HEADER.size :] + value[1 : HEADER.size]).digest()
    request = entry.event
    if not isinstance(request, DecisionRequested):
        found = entry.unreadable or f"{type(request).__name__} is no request"
        return Asked(place, entry.timestamp, None, None, content, found)
    fault = ""
    if entry.key != request.request_id.encode():
        fault = "its key is not its request id"
    elif partition_of(entry.key, partitions) != entry.partition:
        fault = "it lies in the wrong partition"
    return Asked(place, entry.timestamp, request.request_id, request.workflow, content, fault)
