"""Our loop as a measured process: `python -m tests.benchmarks.peers.ours ORDER`. Runs as `run_stage` does."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from infra.kafka.client import connect
from infra.kafka.loop import Loop
from infra.kafka.running import COLLECT_AFTER, elapsed, loop_policy, wall
from infra.kafka.stage import Batch, Handled, Keyed, Lane, Message, Source, Stage
from infra.settings import Settings
from schemas import topics
from schemas.avsc import parse_avsc
from schemas.codec import Codec, SchemaVersion, _Reader
from schemas.events import Event
from schemas.topics import Outgoing, Topic
from schemas.writing import encoder
from tests.benchmarks.peers import one_output, router_outputs
from tests.benchmarks.peers.one_output import JobDecision, JobRequest
from tests.benchmarks.peers.order import Meter, Order, say


class TypedCodec(Codec):
    """The codec of the house over the two schemas of the job."""

    def __init__(self) -> None:
        asked = SchemaVersion(name="JobRequest", version=1, schema_id=one_output.REQUEST_ID, fingerprint=b"request",
                              source=one_output.REQUEST_SCHEMA)  # fmt: skip
        made = SchemaVersion(name="JobDecision", version=1, schema_id=one_output.DECISION_ID, fingerprint=b"decision",
                             source=one_output.DECISION_SCHEMA)  # fmt: skip
        heads = [one_output.HEADER.pack(0, version.schema_id) for version in (asked, made)]
        self._readers = {heads[0]: _Reader(asked, asked, cast(type[Event], JobRequest))}
        self._writers = {cast(type[Event], JobDecision): encoder(parse_avsc(made.source), heads[1])}


class PlainCodec(Codec):
    """Dictionaries, exactly as the peers read and write them."""

    def __init__(self) -> None:
        self.decode = cast(Any, one_output.decode)  # type: ignore[method-assign]
        self.encode = cast(Any, one_output.encode)  # type: ignore[method-assign]


class OneOutput:
    """The job of one output as a stage without state."""

    name = "one-output"
    config_topics: Sequence[Topic[Any]] = ()

    def __init__(self, requests: Topic[Any], *, typed: bool) -> None:
        self.inputs: Sequence[Topic[Any]] = (requests,)
        self._decide: Callable[[Any], Any] = typed_decision if typed else one_output.decide

    def initial_config(self) -> None:
        return None

    def fold_config(self, config: None, message: Message) -> None:
        return None

    def initial_state(self, partition: int) -> Keyed[None]:
        return Keyed()

    def restore(self, state: Keyed[None], source: Source) -> None:
        """There is nothing to restore."""

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[Keyed[None]]], config: None) -> Batch:
        decide, target = self._decide, one_output.TARGET
        return Batch([Outgoing(target, message.key, decide(message.event)) for message in messages])

    def tick(self, lane: Lane[Keyed[None]], config: None) -> Handled:
        return Handled()


def typed_decision(request: JobRequest) -> JobDecision:
    label, confidence = one_output.rule(request.features, request.attributes)
    return JobDecision(
        request_id=request.request_id, workflow=request.workflow, label=label, confidence=confidence,
        model=one_output.MODEL, requested_at=request.requested_at,
    )  # fmt: skip


def catalogued(*, typed: bool) -> Topic[Any]:
    """The job's input, made known to the loop. Plain dictionaries have no key to be checked."""
    events = cast(Any, (JobRequest,) if typed else (dict,))
    topic: Topic[Any] = Topic(
        name=one_output.SOURCE, keyed=topics.Keyed.REQUEST, events=events, writers=(), readers=(),
        arbitrated=not typed,
    )  # fmt: skip
    cast(dict[str, Topic[Any]], topics.BY_NAME)[topic.name] = topic
    return topic


def stage_of(order: Order) -> tuple[Stage[Any, Any], Codec]:
    if order.job == router_outputs.NAME:
        codec = Codec.of_repository()
        return router_outputs.router(codec), codec
    typed = order.variant == "typed"
    return OneOutput(catalogued(typed=typed), typed=typed), TypedCodec() if typed else PlainCodec()


def main() -> None:
    order = Order.of_command_line()
    stage, codec = stage_of(order)
    stage.name = order.run  # the group's name
    settings = Settings(bootstrap_servers=order.bootstrap_servers)
    policy = replace(loop_policy(settings), exactly_once=order.exactly_once, max_commit_interval=order.commit_interval)
    loop: Loop[Any, Any] = Loop(
        stage, connect(settings), codec, partitions=settings.partitions, policy=policy, wall=wall, elapsed=elapsed
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)

    def committed() -> int:
        return sum(loop.committed.values())

    meter = Meter(order.records)
    while not meter.add(committed() - meter.decided):
        loop.step()
    say("end", meter.decided)
    loop.close()


if __name__ == "__main__":
    main()
