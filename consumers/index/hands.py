"""How many open cases of each queue are in somebody's hands: leased, set aside, or answered within a grace period."""

from collections.abc import Iterator

from consumers.index.possession import possession
from infra.redis.connection import Command
from infra.redis.keys import Keys
from infra.redis.records import Hands, RequestRecord
from schemas.values import CaseStage

Place = tuple[str, CaseStage, Hands]


def hands(keys: Keys, request_id: str, old: RequestRecord | None, new: RequestRecord) -> Iterator[Command]:
    """The commands that lead from where the case was to where it is."""
    before, after = _place(old), _place(new)
    if before == after:
        return
    if before:
        yield ("SREM", keys.in_hands(*before), request_id)
    if after:
        yield ("SADD", keys.in_hands(*after), request_id)


def _place(record: RequestRecord | None) -> Place | None:
    if record is None or record.queued is None or (said := possession(record)) is None:
        return None
    return record.queued.workflow, record.queued.stage, said.hands
