"""What the pages of whoever steers ask the read model and the log, beside the event loop. Each raises `Problem`."""

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Final, NamedTuple, TypeVar

import msgspec

from infra.http.beside import Beside
from infra.http.problems import Problem
from infra.kafka.log import Log, TopicPartition
from infra.kafka.scan import scan
from infra.redis.members import DisagreementRow
from infra.redis.pace import PAUSE, Pace
from infra.redis.reading import ReadModel, ReviewerActivity
from infra.redis.records import RequestRecord
from infra.redis.steering import AtRisk, Counted, Queue
from producers.desk.lookup import served
from producers.desk.pages.lead.queues import LATER, SOON, Measured, queues_of
from producers.desk.refusing import RETRY
from schemas.codec import Codec
from schemas.events import DecisionRequested
from schemas.values import CaseStage
from streams.casework.eligibility import Lane, Reviewer
from streams.casework.questions import NoSuchRequest

T = TypeVar("T")
Disagreed = tuple[int, DisagreementRow]
PATIENCE: Final = 15.0  # seconds
PACE_KEPT: Final = 10_000  # milliseconds
LOOKED_AT: Final = 2_000  # disagreements for one page, whatever is wanted of them
EVER: Final = 1 << 53  # milliseconds since the epoch: later than any deadline
_reviewers = msgspec.json.Decoder(Reviewer)


class Risky(NamedTuple):
    """Cases in the order of their deadlines, and what is known of each; `more` when others come behind them."""

    places: Sequence[AtRisk]
    records: Sequence[RequestRecord | None]
    more: bool


class Stored(NamedTuple):
    """A request as the log has it: its Avro body and the fingerprint of its schema."""

    request: DecisionRequested
    body: tuple[bytes, bytes]


class Doing(NamedTuple):
    """What people do, by their ids: what they did lately, the open cases that they have or have set aside, and who of
    all has asked for a case lately."""

    activities: Mapping[str, ReviewerActivity]
    held: Mapping[str, Sequence[tuple[str, RequestRecord]]]
    at_work: Set[str]


class Disagreements(NamedTuple):
    """Some that were found among so many that were looked at, with what is known of each; `behind` which one there are
    more to look at, None at the end."""

    rows: Sequence[Disagreed]
    records: Sequence[RequestRecord | None]
    behind: Disagreed | None
    looked_at: int


class LookingAround:
    """`model` gives the read model once the application's lifespan has begun."""

    def __init__(self, model: Callable[[], ReadModel], log: Log, codec: Codec) -> None:
        self._model, self._log, self._codec = model, log, codec
        self._looking = Beside("looking at the queues", threads=4, line=200, patience_seconds=PATIENCE)
        self._paces: tuple[int, Mapping[CaseStage, Pace | None]] | None = None

    async def queues(self, *, now: int) -> Measured:
        """All queues of this moment."""
        return await self._asked(lambda model: _measured(model, self._pace(model, now), now))

    async def at_risk(self, queues: Sequence[Queue], *, count: int, after: AtRisk | None) -> Risky:
        """So many cases of these queues, or of all, behind that place."""

        def look(model: ReadModel) -> Risky:
            chosen = queues or queues_of(model.workflows())
            found = model.steering.at_risk(chosen, until=EVER, count=count + 1, after=after)
            places = found[:count]
            return Risky(places, model.steering.records([each.request_id for each in places]), len(found) > count)

        return await self._asked(look)

    async def record(self, request_id: str) -> RequestRecord | None:
        """What is known of a request."""
        return await self._asked(lambda model: model.status(request_id))

    async def at_work(self, *, now: int) -> list[Reviewer]:
        """Everybody who has asked for a case lately, as they were told to the queue."""
        return await self._asked(lambda model: _at_work(model, now))

    async def last_seen(self) -> dict[str, int]:
        """When everybody was last seen, who was seen last first."""
        return await self._asked(lambda model: model.last_seen(0))

    async def doing(self, seen: Mapping[str, int], *, now: int) -> Doing:
        """What these people, who were last seen at these times, did lately and have in hand, and who is at work."""

        def look(model: ReadModel) -> Doing:
            return Doing(
                activities={each.reviewer_id: each for each in model.activities(seen, now=now)},
                held=_held(model, list(seen)),
                at_work={each.reviewer_id for each in _at_work(model, now)},
            )

        return await self._asked(look)

    async def workflows(self) -> list[str]:
        """Every workflow that ever had a case."""
        return await self._asked(lambda model: model.workflows())

    async def gold(self, workflow: str, gold_ids: Sequence[str]) -> dict[str, Counted]:
        """How often these questions were asked and answered right."""
        return await self._asked(lambda model: model.steering.gold_answers(workflow, gold_ids))

    async def disagreements(
        self, workflow: str, wanted: Callable[[DisagreementRow], bool], *, count: int, after: Disagreed | None
    ) -> Disagreements:
        """The newest that are wanted, behind that one, as far as a page looks."""

        def look(model: ReadModel) -> Disagreements:
            rows, last, looked_at, behind = list[Disagreed](), None, 0, None
            for each in model.steering.disagreements(workflow, after):
                if len(rows) == count or looked_at == LOOKED_AT:
                    behind = last
                    break
                last, looked_at = each, looked_at + 1
                if wanted(each[1]):
                    rows.append(each)
            records = model.steering.records([row.request_id for _, row in rows])
            return Disagreements(rows, records, behind, looked_at)

        return await self._asked(look)

    async def stored(self, record: RequestRecord) -> Stored:
        """The request that a record is of, from where it lies in the log. Raises `Problem`."""
        origin = record.origin

        def read() -> Stored:
            if origin is None:
                raise Problem(404, NoSuchRequest.__doc__ or "", reason="unknown_request")
            place, at = TopicPartition(origin.request.topic, origin.request.partition), origin.request.offset
            for entry in scan(self._log, self._codec, [], starts={place: at}, ends={place: at + 1}):
                if isinstance(entry.event, DecisionRequested) and entry.value is not None:
                    return Stored(entry.event, self._codec.body(entry.value))
            raise Problem(404, "The log no longer has this request.", reason="not_kept")

        return await served(self._looking.call(read))

    def _pace(self, model: ReadModel, now: int) -> Mapping[CaseStage, Pace | None]:
        """As of a moment ago: it is made of every answer of the last hour, and changes slowly."""
        known = self._paces
        if known is None or not 0 <= now - known[0] < PACE_KEPT:
            self._paces = known = (now, model.paces(now=now))
        return known[1]

    async def _asked(self, look: Callable[[ReadModel], T]) -> T:
        def looking() -> T:
            model = self._model()
            if model.is_rebuilding():
                detail = "The view of the cases is being rebuilt from the log; this page goes on by itself."
                raise Problem(503, detail, reason="read_model", retry_seconds=RETRY)
            return look(model)

        return await served(self._looking.call(looking))


def _measured(model: ReadModel, paces: Mapping[CaseStage, Pace | None], now: int) -> Measured:
    workflows, steering = model.workflows(), model.steering
    queues = queues_of(workflows)
    return Measured(
        sizes=steering.sizes(queues),
        due=steering.due(queues, now=now, soon=SOON, later=LATER),
        hands=steering.in_hands(queues),
        oldest={name: model.oldest_age(name, now=now) for name in workflows},
        paces=paces,
        lanes=[Lane(*lane) for lane in model.lanes()],
        at_work=_at_work(model, now),
    )


def _held(model: ReadModel, reviewers: Sequence[str]) -> dict[str, list[tuple[str, RequestRecord]]]:
    held = model.steering.in_hand_of(reviewers)
    names = [name for each in held.values() for name in each]
    known = dict(zip(names, model.steering.records(names), strict=True))
    return {
        who: [(name, record) for name in each if (record := known[name]) is not None] for who, each in held.items()
    }


def _at_work(model: ReadModel, now: int) -> list[Reviewer]:
    return [_reviewers.decode(each) for each in model.steering.at_work(since=now - PAUSE)]
