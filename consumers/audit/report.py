"""The end report: what became of every request, and the figures, by workflow. Values in, values out."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from consumers.audit.appeals import Appealed, Appeals
from consumers.audit.automation import Automation, automation
from consumers.audit.ledger import RECONCILED_TOPICS, IsGold, Ledger, nobody_knows
from consumers.audit.measures import MEASURED_TOPICS, Collector, Measures
from consumers.audit.reconcile import UNKNOWN, WINDOW, Counts, Problem, Reconciliation, reconcile
from infra.kafka.scan import Entry
from schemas.events import DecisionMade, DecisionRequested
from streams.insights.kpis import Kpis, kpis

REPORTED_TOPICS: Final = tuple(dict.fromkeys((*RECONCILED_TOPICS, *MEASURED_TOPICS)))
SHOWN_PROBLEMS: Final = 20


class WorkflowReport(Counts, kw_only=True):
    """Counts, learning and figures of one workflow; records that name none have no figures."""

    retrainings: int = 0
    promotions: int = 0
    refusals: int = 0
    overturn_rate: float | None = None  # of the decisions judged anew, the share that was changed
    appeals: Appealed = Appealed()
    model_digests: tuple[str, ...] = ()
    kpis: Kpis | UnsetType = UNSET
    automation: Automation | UnsetType = UNSET


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The reconciliation without its counts by workflow; the first problems as examples."""

    requests: int
    missing: int
    double: int
    foreign: int
    audits_missing: int
    cases_apart: int
    other_dead_letters: int
    unreadable: int
    reconciled: bool
    problems: tuple[Problem, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds` from the first request's append time to the last outcome, and the decisions a second in between."""

    workflows: dict[str, WorkflowReport]
    reconciliation: Verdict
    decisions_per_second: float | None
    seconds: float


def report(
    entries: Iterable[Entry], *, partitions: int, window: int = WINDOW, is_gold: IsGold = nobody_knows
) -> Report:
    """The report over the records of `REPORTED_TOPICS`; `window` in milliseconds, as the router has it."""
    ledger, appeals, span = Ledger(partitions, is_gold), Appeals(), _Span()
    collector = Collector(gold=ledger.gold)
    for entry in entries:
        ledger.add(entry)
        collector.add(entry)
        appeals.add(entry)
        span.add(entry)
    account = reconcile(ledger, window=window)
    names = sorted(account.workflows.keys() | {n for n, m in collector.workflows.items() if m.resolved})
    decided = sum(len(measures.resolved) for measures in collector.workflows.values())
    return Report(
        workflows={
            name: workflow_report(name, account.workflows.get(name, Counts()), collector, appeals) for name in names
        },
        reconciliation=verdict(account),
        decisions_per_second=round(decided / span.seconds, 1) if span.seconds else None,
        seconds=span.seconds,
    )


def workflow_report(name: str, counts: Counts, collector: Collector, appeals: Appeals) -> WorkflowReport:
    """Counts and figures of one workflow."""
    measures = collector.workflows.get(name, Measures())
    return WorkflowReport(
        **msgspec.structs.asdict(counts),
        retrainings=len(measures.retrainings),
        promotions=len(measures.promotions),
        refusals=len(measures.refusals),
        overturn_rate=overturn_rate(counts),
        appeals=appeals.of(name),
        model_digests=tuple(measures.model_digests),
        kpis=UNSET if name == UNKNOWN else kpis(measures.figures, collector.costs(name)),
        automation=UNSET if name == UNKNOWN else automation(measures),
    )


def overturn_rate(counts: Counts) -> float | None:
    """Amended outcomes among those that were judged anew; None before any was."""
    judged = counts.amended + counts.upheld
    return round(counts.amended / judged, 6) if judged else None


def verdict(account: Reconciliation) -> Verdict:
    """Whether the log adds up, with examples of what does not."""
    plain = msgspec.structs.asdict(account)
    del plain["workflows"]
    return Verdict(**plain | {"problems": account.problems[:SHOWN_PROBLEMS]})


class _Span:
    """From the first request to the last outcome."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.last: int | None = None

    def add(self, entry: Entry) -> None:
        if isinstance(entry.event, DecisionRequested):
            self.first = min(entry.timestamp, self.first or entry.timestamp)
        elif isinstance(entry.event, DecisionMade):
            self.last = max(entry.timestamp, self.last or entry.timestamp)

    @property
    def seconds(self) -> float:
        """0 before the first outcome."""
        return 0.0 if self.first is None or self.last is None else max(0.0, (self.last - self.first) / 1_000)
