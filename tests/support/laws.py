"""What must hold of the log after any fault: the laws of the simulation, the audit's account, and the replay."""

from collections.abc import Sequence

from infra.kafka.log import Record
from infra.secret_keys import secrets
from infra.settings import Settings
from schemas.topics import FEEDBACK
from streams.casework.sealing import Sealer
from streams.casework.stage import CaseworkStage
from streams.routing.stage import RouterStage
from tests.simulation.invariants import check
from tests.support.history import History
from tests.support.replay import Replay
from tests.support.traffic import CODEC


def nothing_is_lost_or_double(history: History, settings: Settings) -> None:
    """Raises AssertionError with what is wrong."""
    assert history.account.reconciled, history.account.problems[:5]
    keys = secrets(settings)
    sealer = Sealer(keys.seal_key)
    check(history, sealer)
    replay = Replay(lambda topic: _decided(history, topic), CODEC, partitions=history.partitions)
    wrong = replay.router(RouterStage(codec=CODEC, sealer=sealer, salt=keys.draw_salt))
    wrong += replay.casework(
        CaseworkStage(sealer, partitions=history.partitions, topic_prefix=settings.topic_prefix)
    )
    assert not wrong, f"the replay differs: {wrong[:3]}"


def _decided(history: History, topic: str) -> Sequence[Record]:
    """Records of a topic as a replay knows them: imported labels were decided by nobody, junk became dead letters."""
    if topic == FEEDBACK.name:
        return [Record(*e[:6]) for e in history.entries(topic) if getattr(e.event, "cause", None) is not None]
    return history.read_all(topic)
