"""When somebody should look: every alert with the metrics it rests on, how long it must hold, and what to do then."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from infra.observe import metrics as m

JOB: Final = 'job="hitl"'  # as the scrape configuration names it


class Severity(StrEnum):
    """Whom it wakes."""

    CRITICAL = "critical"  # decisions stop, or are lost sight of: now
    WARNING = "warning"  # today


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One rule; `hold` is how long `expr` must be true, in Prometheus' words."""

    name: str
    expr: str
    hold: str
    severity: Severity
    summary: str
    description: str  # what it means and what to do


def _critical(name: str, expr: str, *, hold: str, summary: str, do: str) -> Alert:
    return Alert(name=name, expr=expr, hold=hold, severity=Severity.CRITICAL, summary=summary, description=do)


def _warning(name: str, expr: str, *, hold: str, summary: str, do: str) -> Alert:
    return Alert(name=name, expr=expr, hold=hold, severity=Severity.WARNING, summary=summary, description=do)


WHO: Final = "{{ $labels.service }}@{{ $labels.slot }}"
STAGE: Final = "{{ $labels.stage }}"
CASEWORK_ANSWERS: Final = f'{m.TAKEN.name}{{stage="casework",topic="review-decisions"}}'

SERVICES: Final = (
    _critical(
        "HitlServiceDown", f"up{{{JOB}}} == 0", hold="1m",
        summary=f"{WHO} does not answer.",
        do="Run `hitl status`: it tells why the service ended and where its log is. A service that cannot work stays "
        "down until that is corrected; what it missed waits in the log.",
    ),
    _critical(
        "HitlServiceHangs", f"{m.HEALTHY.name} == 0", hold="1m",
        summary=f"{WHO} has not turned for minutes.",
        do="Restart it: `kill -9` its pid of `hitl status`, and the supervisor starts it again from what is committed. "
        "Keep its log, and say what it did last.",
    ),
    _warning(
        "HitlServiceNotReady", f"{m.READY.name} == 0", hold="5m",
        summary=f"{WHO} runs but does not do its work.",
        do="Ask its /ready for the reason. No partition assigned: there are more replicas than partitions, or the "
        "brokers are away. Reading: wait, or see whether `hitl watch` shows progress.",
    ),
    _warning(
        "HitlServiceRestarts", f"changes(process_start_time_seconds{{{JOB}}}[15m]) >= 3", hold="0m",
        summary=f"{WHO} was restarted three times within 15 minutes.",
        do="Read the end of its log (`hitl status` names it): an error that nobody expected ends a service, and so "
        "does a fit or a store that fails. What it was doing is done again after each restart.",
    ),
)  # fmt: skip
STAGES: Final = (
    _critical(
        "HitlStageBehind",
        f'max by (stage, topic, partition) ({m.LAG_SECONDS.name}{{stage!="training"}}) > 60', hold="2m",
        summary=f"{STAGE} is more than a minute behind in {{{{ $labels.topic }}}}[{{{{ $labels.partition }}}}].",
        do="Start more replicas of the stage, up to the partition count (`hitl run STAGE --slot N`). If the lag does "
        "not fall, see its commit time and its lost transactions: the brokers may be slow, or a writer may have left "
        "a transaction open.",
    ),
    _warning(
        "HitlStagePaused", f"{m.PAUSED.name} > 0", hold="5m",
        summary=f"{STAGE} holds so many records that it no longer fetches.",
        do="Its records wait for others that do not come: a policy or an announcement that was not read. See "
        "hitl_stage_held_records by topic, and whether the stage before it is up.",
    ),
    _warning(
        "HitlDeadLetters", f"sum by (stage, topic, reason) (increase({m.DEAD_LETTERS.name}[15m])) > 0", hold="0m",
        summary=f"{STAGE} could not process records of {{{{ $labels.topic }}}} ({{{{ $labels.reason }}}}).",
        do="See them with `hitl dead-letters list`, correct what sends them or publish the missing policy, then "
        "`hitl dead-letters replay`.",
    ),
    _critical(
        "HitlDeadLetterFlood",
        f"sum by (stage) (rate({m.DEAD_LETTERS.name}[5m])) / sum by (stage) (rate({m.TAKEN.name}[5m])) > 0.1",
        hold="2m",
        summary=f"More than a tenth of what {STAGE} reads cannot be processed.",
        do="Stop the sender: at more than half the stage stops by itself. `hitl dead-letters list` tells the reason; "
        "`hitl run STAGE --accept-dead-letters N` resumes.",
    ),
    _warning(
        "HitlTransactionsAborted",
        f'sum by (stage) (increase({m.TRANSACTIONS_LOST.name}{{cause=~"aborted|indefinite"}}[10m])) >= 5', hold="0m",
        summary=f"Transactions of {STAGE} are aborted again and again.",
        do="Nothing is lost, it is done again. See the brokers' logs and disks: coordinators that move or time out "
        "abort transactions.",
    ),
    _critical(
        "HitlStageFenced", f'sum by (stage) (increase({m.TRANSACTIONS_LOST.name}{{cause="fenced"}}[10m])) >= 3',
        hold="0m",
        summary=f"{STAGE} is fenced again and again.",
        do="Two replicas may run under one slot: end one, or give it a slot of its own (HITL_SLOT). With one process "
        "only, its transactions time out: see its commit time, and whether the machine stands still.",
    ),
    _warning(
        "HitlCommitSlow",
        f"histogram_quantile(0.9, sum by (stage, le) (rate({m.COMMIT.name}_bucket[5m]))) > 1", hold="5m",
        summary=f"One commit in ten of {STAGE} takes more than a second.",
        do="Nothing is visible before its commit, so every decision waits for it. See the brokers' disks and network, "
        "and min.insync.replicas.",
    ),
    _warning(
        "HitlConfigurationOld",
        f"max by (topic) ({m.CONFIG_OFFSET.name}) - on (topic) group_right () {m.CONFIG_OFFSET.name} > 0", hold="1m",
        summary=f"{WHO} decides under older {{{{ $labels.topic }}}} than others.",
        do="A change reaches every replica within two seconds. Restart the one that lags; every decision carries the "
        "offsets it rests on, as `hitl audit show` tells.",
    ),
)  # fmt: skip
MODELS: Final = (
    _warning(
        "HitlNoModel", f"max by (workflow) ({m.MODEL_IN_FORCE.name}) == 0", hold="5m",
        summary="No model decides for {{ $labels.workflow }}: people get everything.",
        do="Train and promote one (`hitl model train`), or see in the log of inference why the promoted one cannot be "
        "loaded. Silence this for a workflow that is meant to have none.",
    ),
    _warning(
        "HitlModelNotLoaded", f"min by (workflow) ({m.MODEL_IS_NEWEST.name}) == 0", hold="5m",
        summary="The model promoted last for {{ $labels.workflow }} does not decide.",
        do="It cannot be loaded: see the log of inference, and whether HITL_MODEL_STORE can be read there. The one "
        "before it goes on deciding; `hitl model list` tells which.",
    ),
    _warning(
        "HitlNoPromotion",
        f'sum by (workflow) (increase({m.MODELS.name}{{became="refused"}}[1d])) >= 3 '
        f'unless sum by (workflow) (increase({m.MODELS.name}{{became="promoted"}}[1d])) > 0', hold="0m",
        summary="Every new model for {{ $labels.workflow }} was refused today.",
        do="`hitl model list` tells why. Too few blind answers: raise blind_share. No gain: the model has learnt what "
        "the labels hold, or people disagree.",
    ),
    _warning(
        "HitlTrainingStuck",
        f'{m.REFIT_RUNNING.name} > 3600 or max by (stage) ({m.LAG_SECONDS.name}{{stage="training"}}) > 7200',
        hold="5m",
        summary="A fit does not end.",
        do="See the log of training and its processor time; a restart of the service begins the fit anew.",
    ),
)  # fmt: skip
PEOPLE: Final = (
    _warning(
        "HitlCasesOverdue", f"sum by (case_stage) ({m.OVERDUE_CASES.name}) > 0", hold="15m",
        summary="Cases with {{ $labels.case_stage }} reviewers are beyond their deadline.",
        do="Cases with experts are never timed out, they only get late: have experts look at `hitl cases list`, the "
        "oldest first, or ask for more of them.",
    ),
    _critical(
        "HitlCaseLongOverdue", f"max by (case_stage) ({m.MOST_OVERDUE.name}) > 14400", hold="5m",
        summary="A case with {{ $labels.case_stage }} reviewers is more than four hours beyond its deadline.",
        do="`hitl cases list` shows it. With human reviewers it means that casework does not escalate: see whether it "
        "is behind, for answers are judged before the clock.",
    ),
    _warning(
        "HitlQueueNotDrained",
        f"max({m.OLDEST_CASE.name}) > 3600 and sum(increase({CASEWORK_ANSWERS}[1h])) == 0", hold="15m",
        summary="Cases wait for more than an hour, and nobody has answered one in that time.",
        do="See whether reviewer apps can read the review topics and write `review-decisions`, and whether anybody is "
        "on duty. At a time outside office hours, silence it.",
    ),
)  # fmt: skip
EDGES: Final = (
    _warning(
        "HitlRedisUnavailable", f"{m.REDIS_AVAILABLE.name} == 0", hold="1m",
        summary="Redis is not available to the index.",
        do="Start it again (`hitl status`), or correct HITL_REDIS_URL. Decisions go on; look-ups answer 503 or from "
        "the log. What Redis missed is read from the log, a loss is rebuilt from it.",
    ),
    _warning(
        "HitlReadModelBehind", f"max({m.INDEX_LAG_SECONDS.name}) > 60", hold="2m",
        summary="The read model is more than a minute behind the log.",
        do="After a rebuild that passes. Else see whether Redis is slow (`redis-cli --latency`) or out of memory.",
    ),
    _warning(
        "HitlGatewayFails", f'sum by (route) (increase({m.REQUESTS.name}{{code="500"}}[5m])) > 0', hold="0m",
        summary="The gateway fails on {{ $labels.route }}.",
        do="Its log has the traceback. Callers may repeat the request under the same id.",
    ),
    _warning(
        "HitlGatewayRefuses",
        f'sum(rate({m.REFUSED.name}{{reason=~"{"|".join(m.TURNED_AWAY)}"}}[5m])) / sum(rate({m.REQUESTS.name}[5m])) '
        "> 0.05", hold="5m",
        summary="The gateway turns away more than one request in twenty, or parts of batches.",
        do="hitl_gateway_refusals_total tells why: `rate`: raise the token's rate; `too_much_under_way`, "
        "`not_acknowledged`, `log_unavailable`: the brokers are slow or away; `read_model`: see the index.",
    ),
    _warning(
        "HitlAccessNotRecorded", f"sum by (reason) (increase({m.ACCESS_LOST.name}[10m])) > 0", hold="0m",
        summary="Some of what people did at the desk is not in the log ({{ $labels.reason }}).",
        do="The log of the desk tells what was done (`signed_in`, `request_refused`, …). `not_taken`, `full`: see "
        "whether the brokers serve (`hitl status`); `flood`: somebody tries very often, see `hitl desk access`.",
    ),
    _critical(
        "HitlGatewayNotAcknowledged", f"max({m.UNACKNOWLEDGED.name}) > 0 unless "
        f"sum(increase({m.ACKNOWLEDGED.name}[2m])) > 0", hold="1m",
        summary="The brokers acknowledge nothing of what the gateway took in.",
        do="See whether the brokers serve (`hitl status`). Callers get 503 and repeat under the same id; nothing that "
        "was answered 202 is lost.",
    ),
)  # fmt: skip
GROUPS: Final = {
    "hitl-services": SERVICES, "hitl-stages": STAGES, "hitl-models": MODELS, "hitl-people": PEOPLE,
    "hitl-edges": EDGES,
}  # fmt: skip
ALERTS: Final = tuple(alert for group in GROUPS.values() for alert in group)
