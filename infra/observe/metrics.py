"""Every metric, declared once: what it counts, its unit, and labels whose values are bounded by something named.

Nothing is made here: `instruments.py` makes what a process needs in a registry of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a metric is."""

    COUNTER = "counter"
    GAUGE = "gauge"
    FLAG = "flag"  # a gauge that is 1 or 0
    HISTOGRAM = "histogram"


UNITS: Final = frozenset(
    {"seconds", "bytes", "records", "offset", "ratio", "nats", "tokens", "inputs", "cases", "partitions"}
    | {"letters", "decisions", "transactions", "models", "failures", "rebuilds", "requests", "retrainings"}
    | {"refusals", "escalations"}
)
LABELS: Final[Mapping[str, str]] = {  # name -> what bounds its values
    "service": "the services that are installed",
    "slot": "the replicas that run",
    "version": "one for each build",
    "stage": "the stages",
    "topic": "the catalogue of topics",
    "partition": "the installation's partition count",
    "workflow": "published policies; everything else is `_unknown`",
    "action": "the words of the stages' tallies",
    "priority": "the four priorities, or `none`",
    "reason": "a closed set of words in the code",
    "cause": "infra.kafka.observing.Cause",
    "case_stage": "human or expert",
    "of": "answer or appeal",
    "by": "schemas.values.EscalatedBy",
    "trigger": "schemas.values.Trigger",
    "became": "trained, promoted or refused",
    "device": "the GPUs of one machine",
    "route": "the endpoints of a service; everything else is `_unknown`",
    "code": "the HTTP status codes that a service answers with",
    "waits": "true or false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric; `name` ends with its unit, a counter's with `_total` behind it."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def _counter(name: str, help: str, *labels: str) -> Metric:
    return Metric(name=name, kind=Kind.COUNTER, help=help, labels=labels)


def _gauge(name: str, help: str, *labels: str) -> Metric:
    return Metric(name=name, kind=Kind.GAUGE, help=help, labels=labels)


def _flag(name: str, help: str, *labels: str) -> Metric:
    return Metric(name=name, kind=Kind.FLAG, help=help, labels=labels)


def _histogram(name: str, help: str, *labels: str, buckets: tuple[float, ...]) -> Metric:
    return Metric(name=name, kind=Kind.HISTOGRAM, help=help, labels=labels, buckets=buckets)


BRIEF: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
PATIENT: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0)
SIZES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0)
LONG: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0)
TEXTS: Final = (100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0, 10_000_000.0)

# ---- every service ----

INFO = _flag("hitl_service_info", "1 for the service that answers.", "service", "slot", "version")
HEALTHY = _flag("hitl_service_healthy", "1 while it works; 0 when it has not turned for minutes.")
READY = _flag("hitl_service_ready", "1 while it does its work; 0 while it starts, waits for what it needs or hangs.")
SINCE_TURN = _gauge("hitl_service_since_turn_seconds", "Seconds since its loop went round.")

# ---- every stage ----

TAKEN = _counter(
    "hitl_stage_taken_records_total", "Records whose processing was committed, dead letters included.", "stage", "topic"
)
WRITTEN = _counter(
    "hitl_stage_written_records_total", "Records committed to a topic, tallies left out.", "stage", "topic"
)
DECISIONS = _counter(
    "hitl_stage_decisions_total", "Decisions committed, by the words of the tally.",
    "stage", "workflow", "action", "priority",
)  # fmt: skip
DEAD_LETTERS = _counter(
    "hitl_stage_dead_letters_total", "Records that became dead letters, by the topic they came from.",
    "stage", "topic", "reason",
)  # fmt: skip
BATCH = _histogram("hitl_stage_batch_records", "Records decided together.", "stage", buckets=SIZES)
HANDLING = _histogram(
    "hitl_stage_handling_seconds", "Time to decode, decide and hand over one batch.", "stage", buckets=BRIEF
)
COMMIT = _histogram("hitl_stage_commit_seconds", "Time that the commit of a transaction takes.", "stage", buckets=BRIEF)
LATENCY = _histogram(
    "hitl_stage_latency_seconds", "From the time of a record to the commit of what it led to.", "stage",
    buckets=PATIENT,
)  # fmt: skip
TRANSACTIONS = _counter("hitl_stage_transactions_total", "Transactions committed.", "stage")
TRANSACTIONS_LOST = _counter(
    "hitl_stage_lost_transactions_total", "Transactions that never were: their records are done again.",
    "stage", "cause",
)  # fmt: skip
OWNED = _gauge("hitl_stage_owned_partitions", "Partition numbers that this replica has restored and works on.", "stage")
HELD = _gauge("hitl_stage_held_records", "Records that wait for others to be read.", "stage", "topic", "partition")
PAUSED = _gauge("hitl_stage_paused_partitions", "Inputs not fetched, since so many records are held.", "stage")
LAG = _gauge(
    "hitl_stage_lag_records", "Offsets before the end of an input that are not processed, markers included.",
    "stage", "topic", "partition",
)  # fmt: skip
LAG_SECONDS = _gauge(
    "hitl_stage_lag_seconds", "How long the end of an input is known that is not reached yet.",
    "stage", "topic", "partition",
)  # fmt: skip
CONFIG_OFFSET = _gauge("hitl_stage_config_offset", "Next offset of a config topic that is in force.", "stage", "topic")

# ---- inference ----

SCORING = _histogram(
    "hitl_inference_scoring_seconds", "One call of a model: features, forward, calibration.", buckets=BRIEF
)
DEVICE = _counter(
    "hitl_inference_device_seconds_total", "Time in forward passes, transfers to and from the device included."
)
INPUTS = _histogram("hitl_inference_batch_inputs", "Inputs of one call of a model.", buckets=SIZES)
TOKENS = _histogram(
    "hitl_inference_batch_tokens", "Characters, columns or numbers of one call of a model.", buckets=TEXTS
)
MODEL_IN_FORCE = _flag("hitl_inference_model_in_force", "1 when a model decides for a published workflow.", "workflow")
MODEL_IS_NEWEST = _flag(
    "hitl_inference_model_is_newest", "1 when the model promoted last decides; 0 when it cannot be loaded.", "workflow"
)
GPU_UTILISATION = _gauge(
    "hitl_gpu_utilisation_ratio", "Share of time in which the GPU was busy; absent without one.", "device"
)
GPU_MEMORY_USED = _gauge("hitl_gpu_memory_used_bytes", "Memory of the GPU that is taken; absent without one.", "device")
GPU_MEMORY = _gauge("hitl_gpu_memory_bytes", "Memory of the GPU; absent without one.", "device")

# ---- casework ----

OPEN_CASES = _gauge("hitl_casework_open_cases", "Cases that wait for people.", "case_stage", "priority")
OVERDUE_CASES = _gauge("hitl_casework_overdue_cases", "Open cases beyond their deadline.", "case_stage")
OLDEST_CASE = _gauge("hitl_casework_oldest_case_seconds", "Age of the oldest open case; 0 without one.", "case_stage")
MOST_OVERDUE = _gauge(
    "hitl_casework_most_overdue_seconds", "How far the open case that is most overdue is beyond its deadline.",
    "case_stage",
)  # fmt: skip
REFUSALS = _counter("hitl_casework_refusals_total", "Answers, commands and appeals that were refused.", "of", "reason")
ESCALATIONS = _counter("hitl_casework_escalations_total", "Cases that went on to an expert.", "by")

# ---- feedback and training ----

RETRAININGS = _counter("hitl_feedback_retrainings_total", "Fits asked for.", "workflow", "trigger")
MODELS = _counter("hitl_training_models_total", "What became of fits.", "workflow", "became")
GATE_IMPROVEMENT = _gauge(
    "hitl_training_gate_improvement_nats", "By how much the last candidate's log-loss is lower.", "workflow"
)
GATE_LOWER_BOUND = _gauge(
    "hitl_training_gate_lower_bound_nats", "Lower bound of that; above 0 it is promoted.", "workflow"
)
REFIT = _histogram("hitl_training_refit_seconds", "Time that a fit takes.", buckets=LONG)
REFIT_RUNNING = _gauge("hitl_training_refit_running_seconds", "How long the fit under way runs; 0 without one.")

# ---- index ----

APPLIED = _counter("hitl_index_applied_records_total", "Records applied to the read model.")
INDEX_LAG = _gauge(
    "hitl_index_lag_records", "Offsets before the end of a topic that the read model lacks.", "topic", "partition"
)
INDEX_LAG_SECONDS = _gauge(
    "hitl_index_lag_seconds", "How long the end of a topic is known that the read model lacks.", "topic", "partition"
)
REDIS_AVAILABLE = _flag("hitl_index_redis_available", "1 when Redis took the last write or answered the last question.")
REDIS_FAILURES = _counter("hitl_index_redis_failures_total", "Steps that Redis did not let through.")
REBUILDS = _counter("hitl_index_rebuilds_total", "Times that the read model was begun anew.")

# ---- insights ----

FIGURES_APPLIED = _counter("hitl_insights_applied_records_total", "Records applied to the view of the figures.")
FIGURES_AGE = _gauge(
    "hitl_insights_age_seconds", "Time since the view of the figures was level with the log, or since its start."
)

# ---- gateway ----

REQUESTS = _counter("hitl_gateway_requests_total", "HTTP requests answered.", "route", "code")
REQUEST_SECONDS = _histogram(
    "hitl_gateway_request_seconds", "Time to the answer, by whether the caller waits for the outcome.",
    "route", "waits", buckets=PATIENT,
)  # fmt: skip
IN_FLIGHT = _gauge("hitl_gateway_in_flight_requests", "HTTP requests being answered.")
REFUSED = _counter(
    "hitl_gateway_refusals_total", "Requests and items of batches refused, by the reason told.", "reason"
)
TURNED_AWAY: Final = ("rate", "too_much_under_way", "not_acknowledged", "log_unavailable", "read_model", "busy")
ACKNOWLEDGED = _counter("hitl_gateway_acknowledged_records_total", "Records of the gateway that the brokers have.")
UNACKNOWLEDGED = _gauge("hitl_gateway_unacknowledged_records", "Records that wait for the brokers.")
WAITERS = _gauge("hitl_gateway_waiting_requests", "Requests that wait for an outcome.")

# ---- desk ----

DESK_REQUESTS = _counter("hitl_desk_requests_total", "HTTP requests answered.", "route", "code")
DESK_SECONDS = _histogram(
    "hitl_desk_request_seconds", "Time to the answer; of a stream of changes until it ends.", "route", buckets=PATIENT
)
DESK_IN_FLIGHT = _gauge("hitl_desk_in_flight_requests", "HTTP requests being answered, streams of changes included.")
DESK_REFUSED = _counter(
    "hitl_desk_refusals_total", "Requests refused, by the reason told: casework's, or one of the desk's.", "reason"
)
READERS = _gauge("hitl_desk_streaming_requests", "Readers of the stream of changes.")
ACCESS_LOST = _counter(
    "hitl_desk_lost_access_records_total", "Records of who did what at the desk that did not reach the log.", "reason"
)
CUT_OFF = _counter("hitl_desk_cut_off_requests_total", "Streams of changes that ended because nobody read them.")

DECLARED: Final[Mapping[str, Metric]] = {
    metric.name: metric for metric in list(globals().values()) if isinstance(metric, Metric)
}
