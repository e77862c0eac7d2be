"""What a person who has signed in may ask at the API, by their roles: one table. Pure.

Casework judges the single case by the roles in a person's token. While identity is off there is no token, and to
casework everybody who is not enrolled may be anything; then the desk judges here, by what the read model tells.
"""

from collections.abc import Collection, Mapping
from typing import Final

from infra.redis.records import RequestRecord
from producers.desk.signin.roles import Deed, Denied, Role, may
from schemas.values import CaseStage

WORK: Final = (Deed.WORK,)
WORK_OR_STEER: Final = (Deed.WORK, Deed.STEER)
NEEDED: Final[Mapping[str, tuple[Deed, ...]]] = {  # one of these, by what is asked: an action's word, or an endpoint
    "next": WORK,
    "claim": WORK,
    "renew": WORK,
    "hold": WORK,
    "undo": WORK,
    "decide": WORK,
    "return": (Deed.ADJUDICATE,),
    "note": WORK_OR_STEER,
    "release": WORK_OR_STEER,  # of one's own, and of others'
    "hand_over": WORK_OR_STEER,
    "reprioritise": (Deed.STEER,),
    "case": WORK_OR_STEER,
    "changes": WORK_OR_STEER,
    "queue": (Deed.WORK, Deed.SEE_QUEUES),
}
FOR_EXPERTS: Final = frozenset({"claim", "renew", "hold", "decide"})  # where the case is one of theirs
OF_OTHERS: Final = frozenset({"release", "hand_over"})  # where somebody else has the case


def depends_on_the_case(word: str, roles: Collection[Role]) -> bool:
    """Whether it must be known where the case is before somebody may do this."""
    if word in FOR_EXPERTS:
        return may(roles, Deed.ADJUDICATE) is not None
    return word in OF_OTHERS and may(roles, Deed.STEER) is not None


def may_about(word: str, roles: Collection[Role], reviewer_id: str, record: RequestRecord | None) -> Denied | None:
    """Why somebody may not do this about this case; None when casework may be asked.

    It is, too, where the read model knows of nobody who has the case: it may be a moment behind somebody's own claim.
    """
    if record is None or not depends_on_the_case(word, roles):
        return None
    if word in FOR_EXPERTS:
        is_for_experts = record.queued is not None and record.queued.stage is CaseStage.EXPERT
        return may(roles, Deed.ADJUDICATE) if is_for_experts else None
    has = record.in_hand
    return None if has is None or has.reviewer_id == reviewer_id else may(roles, Deed.STEER)
