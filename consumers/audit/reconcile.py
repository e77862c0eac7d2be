"""Nothing lost, nothing double: every record of `requests` has exactly what it must lead to. Values in, values out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import field

from consumers.audit.ledger import Asked, Ledger, Place
from schemas.topics import PREDICTIONS, REQUESTS
from schemas.values import DecidedBy, SampleKind

UNKNOWN: Final = "_unknown"  # records whose workflow cannot be read
WINDOW: Final = 3_600_000  # milliseconds for which the router remembers an id


class Fate(StrEnum):
    """What a record of `requests` is."""

    FIRST = "first"
    DUPLICATE = "duplicate"
    LATE_REPEAT = "late_repeat"
    DEAD_LETTERED = "dead_lettered"
    UNANSWERED_FAULT = "unanswered_fault"  # invalid or conflicting, and without the dead letter it must have


class Counts(msgspec.Struct, kw_only=True):
    """Records of `requests` and what became of them, for one workflow."""

    requests: int = 0
    duplicates: int = 0
    late_repeats: int = 0
    outcomes: int = 0
    open_cases: int = 0
    open_audits: int = 0
    dead_letters: int = 0
    automatic: int = 0
    reviewed: int = 0
    expert: int = 0
    refused: int = 0
    audits: int = 0
    amended: int = 0  # outcomes that a later judgement changed
    upheld: int = 0  # outcomes that a later judgement confirmed
    open_second_looks: int = 0  # decisions that an expert is judging anew
    gold_cases: int = 0  # questions whose answer is known: cases without a request


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that does not add up; coordinates are those of the request where there is one."""

    kind: str  # missing, double, foreign, audit or case
    request_id: str | None
    partition: int | None
    offset: int | None
    detail: str


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """The account of a log. It is reconciled when there are no problems at all."""

    requests: int
    missing: int
    double: int
    foreign: int
    audits_missing: int
    cases_apart: int  # open in `cases` or in `assignments`, but not in both
    other_dead_letters: int
    unreadable: int
    reconciled: bool
    workflows: dict[str, Counts] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def reconcile(ledger: Ledger, *, window: int = WINDOW) -> Reconciliation:
    """Account for every record of `requests`; `window` in milliseconds, as the router has it."""
    account = _Account(ledger)
    for asked, fate in fates(ledger, account.dead, window):
        account.enter(asked, fate)
    account.count_others()
    return account.result()


def fates(ledger: Ledger, dead: Counter[Place], window: int) -> Iterator[tuple[Asked, Fate]]:
    """What each record is, each partition in order: the router's memory of ids, told again from the log alone."""
    seen: dict[str, Asked] = {}
    clock: Counter[int] = Counter()  # partition -> latest append time of a valid record
    for place in sorted(ledger.asked):
        asked = ledger.asked[place]
        if dead[place]:
            yield asked, Fate.DEAD_LETTERED
            continue
        if asked.request_id is None or asked.fault:
            yield asked, Fate.UNANSWERED_FAULT
            continue
        before = seen.get(asked.request_id)
        if before is None:
            fate = Fate.FIRST
        elif max(clock[place.partition], asked.timestamp) - before.timestamp > window:
            fate = Fate.LATE_REPEAT
        elif before.content == asked.content:
            fate = Fate.DUPLICATE
        else:
            yield asked, Fate.UNANSWERED_FAULT
            continue
        seen[asked.request_id] = asked  # a repeat renews its id
        clock[place.partition] = max(clock[place.partition], asked.timestamp)
        yield asked, fate


class _Account:
    """Entries of the account while it is drawn up."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.workflows: defaultdict[str, Counts] = defaultdict(Counts)
        self.problems: list[Problem] = []
        self.other_dead_letters = 0
        self.dead = self._dead_letters()
        # A question whose answer is known says that its request lies where another one's may: its id alone counts.
        self.open_at = {
            case.place: request_id
            for request_id, case in ledger.cases.items()
            if case.is_open and request_id not in ledger.gold
        }
        self.anew = {case.place for case in ledger.cases.values() if case.is_open and case.judges_anew}
        self.workflow_of: dict[str, str] = {}
        self.original: dict[str, str] = {}  # request id -> event id of its outcome

    def enter(self, asked: Asked, fate: Fate) -> None:
        """Count a record and check that it has what it must have, and no more."""
        counts = self.workflows[asked.workflow or UNKNOWN]
        counts.requests += 1
        outcomes = self.ledger.outcomes.get(asked.place, [])
        is_open = self._has_open_case(asked)
        answers = len(outcomes) + is_open
        self._check_names(asked, [outcome.request_id for outcome in outcomes])
        match fate:
            case Fate.FIRST:
                self.workflow_of.setdefault(asked.request_id or "", asked.workflow or UNKNOWN)
                self._expect(asked, answers, least=1, what="neither an outcome nor an open case")
                counts.open_cases += is_open and not outcomes
                self._account_for_draw(asked, counts)
                if outcomes:
                    self.original[asked.request_id or ""] = outcomes[0].event_id
                    self._count_outcome(counts, outcomes[0].decided_by)
            case Fate.DUPLICATE:
                counts.duplicates += 1
                self._expect(asked, answers, least=0, most=0, what="")
            case Fate.LATE_REPEAT:
                counts.late_repeats += 1
                first = self.original.get(asked.request_id or "")
                strangers = sum(first is not None and outcome.event_id != first for outcome in outcomes)
                self._expect(asked, answers + strangers, least=0, what="")
            case Fate.DEAD_LETTERED:
                counts.dead_letters += 1
                self._expect(asked, self.dead[asked.place] + answers, least=1, what="")
            case Fate.UNANSWERED_FAULT:
                fault = asked.fault or "it conflicts with an earlier request of the same id"
                self._expect(asked, 0, least=1, what=f"no dead letter, though {fault}")
                self._expect(asked, answers, least=0, most=0, what="")

    def count_others(self) -> None:
        """What names no record of `requests` by its coordinates, or is counted beside them."""
        for place, outcomes in self.ledger.outcomes.items():
            if place not in self.ledger.asked:
                for outcome in outcomes:
                    self._problem(
                        "foreign", outcome.request_id, place, "an outcome of a request that is not in the log"
                    )
        for place, request_id in self.open_at.items():
            asked = self.ledger.asked.get(place)
            if asked is None or asked.request_id != request_id:
                self._problem("foreign", request_id, place, "an open case of a request that is not in the log")
        self._compare_cases()
        self._count_judgements()
        self._count_gold()
        for request_id, workflow in self.ledger.refused:
            self.workflows[workflow or self.workflow_of.get(request_id, UNKNOWN)].refused += 1
        for place, draw in self.ledger.draws.items():
            if place not in self.ledger.asked:
                self._problem("foreign", draw.request_id, place, "a draw of a request that is not in the log")

    def result(self) -> Reconciliation:
        kinds = Counter(problem.kind for problem in self.problems)
        return Reconciliation(
            requests=len(self.ledger.asked),
            missing=kinds["missing"],
            double=kinds["double"],
            foreign=kinds["foreign"],
            audits_missing=kinds["audit"],
            cases_apart=kinds["case"],
            other_dead_letters=self.other_dead_letters,
            unreadable=self.ledger.unreadable,
            reconciled=not self.problems,
            workflows=dict(sorted(self.workflows.items())),
            problems=tuple(self.problems),
        )

    def _dead_letters(self) -> Counter[Place]:
        """Dead letters per record of `requests`; the router's name a prediction, which names the request."""
        dead: Counter[Place] = Counter()
        for origin in self.ledger.dead_letters:
            place: Place | None = Place(origin.partition, origin.offset)
            if origin.topic == PREDICTIONS.name:
                place = self.ledger.predictions.get(Place(origin.partition, origin.offset))  # None: names no request
            elif origin.topic != REQUESTS.name:
                place = None
            if place is None:
                self.other_dead_letters += 1
            elif place not in self.ledger.asked:
                self._problem("foreign", None, place, "a dead letter of a record that is not in the log")
            else:
                dead[place] += 1
        return dead

    def _has_open_case(self, asked: Asked) -> bool:
        """Whether an open case is what became of this request: an audit of a decided one, or a second look, is not."""
        if self.open_at.get(asked.place) != asked.request_id or asked.request_id is None or asked.place in self.anew:
            return False
        draw = self.ledger.draws.get(asked.place)
        return draw is None or draw.kind is not SampleKind.AUDIT

    def _account_for_draw(self, asked: Asked, counts: Counts) -> None:
        """A draw was answered, has expired, or its case is open; a late repeat is not drawn anew."""
        draw = self.ledger.draws.get(asked.place)
        if draw is None:
            return
        is_over, is_open = draw.request_id in self.ledger.audited, self._is_open(draw.request_id)
        if not (is_over or is_open):
            self._problem("audit", draw.request_id, asked.place, f"drawn ({draw.kind}), but neither open nor answered")
        if draw.kind is SampleKind.AUDIT:
            counts.audits += 1
            counts.open_audits += is_open and not is_over

    def _is_open(self, request_id: str) -> bool:
        case = self.ledger.cases.get(request_id)
        return case is not None and case.is_open

    def _compare_cases(self) -> None:
        """`cases` is the fold of `assignments`: the same cases are open in both."""
        open_now = {request_id for request_id, case in self.ledger.cases.items() if case.is_open}
        for request_id in sorted(self.ledger.opened - open_now):
            self._problem("case", request_id, None, "a case that was opened and never closed is not in `cases`")
        for request_id in sorted(open_now - self.ledger.opened):
            self._problem("case", request_id, None, "an open case that `assignments` does not know")

    def _count_judgements(self) -> None:
        """Later judgements are about the original of their request, and make no second one."""
        for judged in self.ledger.judged:
            originals = {outcome.event_id for outcome in self.ledger.outcomes.get(judged.place, [])}
            if judged.original not in originals:
                detail = f"a later judgement of {judged.original!r}, which is no outcome of this request"
                self._problem("foreign", judged.request_id, judged.place, detail)
            counts = self.workflows[judged.workflow]
            counts.amended += judged.amends
            counts.upheld += not judged.amends
        for case in self.ledger.cases.values():
            self.workflows[case.workflow].open_second_looks += case.is_open and case.judges_anew

    def _count_gold(self) -> None:
        """Questions whose answer is known are cases of no request."""
        for request_id, workflow in self.ledger.gold.items():
            self.workflows[workflow].gold_cases += 1
            if request_id in self.workflow_of:
                self._problem("foreign", request_id, None, "a question whose answer is known under a request's id")

    def _count_outcome(self, counts: Counts, decided_by: DecidedBy) -> None:
        counts.outcomes += 1
        match decided_by:
            case DecidedBy.AUTOMATION:
                counts.automatic += 1
            case DecidedBy.REVIEWER:
                counts.reviewed += 1
            case DecidedBy.EXPERT:
                counts.expert += 1

    def _check_names(self, asked: Asked, request_ids: Iterable[str]) -> None:
        for request_id in request_ids:
            if request_id != asked.request_id:
                self._problem("foreign", request_id, asked.place, f"an outcome at the place of {asked.request_id}")

    def _expect(self, asked: Asked, found: int, *, least: int, most: int = 1, what: str) -> None:
        if found < least:
            self._problem("missing", asked.request_id, asked.place, what)
        for _ in range(found - most):
            self._problem("double", asked.request_id, asked.place, f"{found} answers where {most} belong")

    def _problem(self, kind: str, request_id: str | None, place: Place | None, detail: str) -> None:
        partition, offset = place if place is not None else (None, None)
        self.problems.append(
            Problem(kind=kind, request_id=request_id, partition=partition, offset=offset, detail=detail)
        )
