"""One open case, found in the log."""

from infra.errors import HitlError
from infra.kafka.log import Log, TopicPartition
from infra.kafka.partitioner import partition_of
from infra.kafka.scan import ends_of, scan
from producers.desk.cases import open_cases
from schemas.codec import Codec
from schemas.events import CaseSnapshot
from schemas.topics import CASES


class NoOpenCase(HitlError):
    """No case is open for this request; `hitl cases list` shows those that are."""


def open_case(log: Log, codec: Codec, request_id: str) -> CaseSnapshot:
    """The open case of a request, from its own partition. Raises `NoOpenCase`."""
    key = request_id.encode()
    place = TopicPartition(CASES.name, partition_of(key, log.partitions(CASES.name)))
    ends = {place: ends_of(log, [CASES.name])[place]}
    found = open_cases(scan(log, codec, [CASES.name], ends=ends, wanted=lambda record: record.key == key))
    if not found:
        raise NoOpenCase(f"no case is open for the request {request_id!r}; `hitl cases list` shows those that are.")
    return found[0]
