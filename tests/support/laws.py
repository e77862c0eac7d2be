"""What must hold of the log after any fault: the laws of the simulation, the audit's account, and the replay."""

from collections import defaultdict
from collections.abc import Sequence

from infra.kafka.log import Record
from infra.secret_keys import secrets
from infra.settings import Settings
from schemas.events import AppealNoted, AppealRefused, DecisionMade
from schemas.topics import APPEALS, ASSIGNMENTS, DEAD_LETTERS, FEEDBACK, OUTCOMES, REVIEW_DECISIONS
from streams.casework.sealing import Sealer
from streams.casework.stage import CaseworkStage
from streams.routing.stage import RouterStage
from tests.simulation.invariants import check, place
from tests.support.history import History
from tests.support.replay import Replay
from tests.support.traffic import CODEC

RULINGS = (AppealNoted, AppealRefused)


def nothing_is_lost_or_double(history: History, settings: Settings) -> None:
    """Raises AssertionError with what is wrong."""
    assert history.account.reconciled, history.account.problems[:5]
    keys = secrets(settings)
    sealer = Sealer(keys.seal_key)
    check(history, sealer)
    replay = Replay(lambda topic: _decided(history, topic), CODEC, partitions=history.partitions)
    wrong = replay.router(RouterStage(codec=CODEC, sealer=sealer, salt=keys.draw_salt))
    wrong += replay.casework(
        CaseworkStage(
            sealer, CODEC, partitions=history.partitions, salt=keys.draw_salt, topic_prefix=settings.topic_prefix
        )
    )
    assert not wrong, f"the replay differs: {wrong[:3]}"


def nothing_is_lost(history: History) -> None:
    """What holds at least once, too: kills may repeat a decision, under the same id, but forget none."""
    account = history.account
    assert account.missing == 0, account.problems[:5]
    originals: dict[str, set[str]] = defaultdict(set)
    for outcome in history.events(OUTCOMES.name):
        if not isinstance(outcome, DecisionMade):
            continue  # a later judgement
        originals[outcome.request_id].add(outcome.event_id)
    several = [request_id for request_id, ids in originals.items() if len(ids) > 1]
    assert not several, f"outcomes that no reader can tell to be the same: {several[:5]}"
    effects = {place(letter.origin) for letter in history.events(DEAD_LETTERS.name)}
    effects |= {place(event.cause) for event in history.events(ASSIGNMENTS.name)}
    effects |= {place(event.cause) for event in history.events(APPEALS.name) if isinstance(event, RULINGS)}
    written = (*history.entries(REVIEW_DECISIONS.name), *history.entries(APPEALS.name))
    silent = [e[:3] for e in written if not isinstance(e.event, RULINGS) and e[:3] not in effects]
    assert not silent, f"answers or appeals without any effect: {silent[:5]}"


def _decided(history: History, topic: str) -> Sequence[Record]:
    """Records of a topic as a replay knows them: imported labels were decided by nobody, junk became dead letters."""
    if topic == FEEDBACK.name:
        return [Record(*e[:6]) for e in history.entries(topic) if getattr(e.event, "cause", None) is not None]
    return history.read_all(topic)
