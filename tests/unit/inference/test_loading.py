"""A promoted model takes over when it is loaded; until then, and if it cannot be, the running one goes on."""

import threading

import pytest

from consumers.inference.loading import RETRY_AFTER, Models, Wanted
from tests.support.standin import StandInScorer, StandInStore

OLD, NEW, NEWEST = (Wanted(f"store/{c * 64}", c * 64) for c in "abc")


class GatedStore(StandInStore):
    """Loads a model only when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.open.set()

    def load(self, uri: str, digest: str) -> StandInScorer:
        assert self.open.wait(10)
        return super().load(uri, digest)


def digest(models: Models, wanted: Wanted) -> str | None:
    scorer = models.scorer("posts", wanted)
    return None if scorer is None else scorer.digest


def test_the_first_model_is_waited_for() -> None:
    store = GatedStore()
    store.open.clear()
    models = Models(store)
    models.want("posts", OLD)
    threading.Timer(0.05, store.open.set).start()
    assert digest(models, OLD) == OLD.digest


def test_the_running_model_decides_until_the_new_one_is_ready() -> None:
    store = GatedStore()
    models = Models(store)
    assert digest(models, OLD) == OLD.digest
    store.open.clear()
    models.want("posts", NEW)
    assert digest(models, NEW) == OLD.digest
    store.open.set()
    models.settle()
    assert digest(models, NEW) == NEW.digest


def test_a_model_that_was_overtaken_is_not_loaded() -> None:
    store = GatedStore()
    models = Models(store)
    assert digest(models, OLD) == OLD.digest
    store.open.clear()
    models.want("posts", NEW)  # the loader has this one in hand
    models.want("posts", OLD)
    models.want("posts", NEWEST)
    store.open.set()
    models.settle()
    assert digest(models, NEWEST) == NEWEST.digest
    assert store.loaded.count(OLD.digest) == 1


@pytest.mark.parametrize("background", [True, False])
def test_a_damaged_model_leaves_the_running_one_in_place(background: bool) -> None:
    store = StandInStore(damaged={NEW.digest})
    models = Models(store, background=background)
    assert digest(models, OLD) == OLD.digest
    models.want("posts", NEW)
    assert digest(models, NEW) == OLD.digest


@pytest.mark.parametrize("background", [True, False])
def test_a_damaged_first_model_leaves_nobody_to_decide(background: bool) -> None:
    assert digest(Models(StandInStore(damaged={OLD.digest}), background=background), OLD) is None


def test_a_model_that_could_not_be_loaded_is_tried_again_later() -> None:
    now = 0.0
    store = StandInStore(damaged={OLD.digest})
    models = Models(store, background=False, elapsed=lambda: now)
    assert digest(models, OLD) is None
    store.damaged.clear()
    now = RETRY_AFTER - 1
    assert digest(models, OLD) is None
    now = RETRY_AFTER
    assert digest(models, OLD) == OLD.digest


def test_workflows_have_models_of_their_own() -> None:
    models = Models(StandInStore())
    models.want("posts", OLD)
    models.want("scans", NEW)
    assert digest(models, OLD) == OLD.digest
    scorer = models.scorer("scans", NEW)
    assert scorer is not None
    assert scorer.digest == NEW.digest


def test_after_a_restart_the_model_before_a_damaged_one_decides() -> None:
    models = Models(StandInStore(damaged={NEW.digest}))
    models.want("posts", NEW, OLD)
    scorer = models.scorer("posts", NEW, OLD)
    assert scorer is not None
    assert scorer.digest == OLD.digest


def test_a_store_that_gives_another_model_is_not_believed() -> None:
    assert digest(Models(StandInStore({OLD.digest: StandInScorer(digest=NEW.digest)}), background=False), OLD) is None
