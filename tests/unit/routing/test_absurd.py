"""Predictions that no inference of ours writes: each is refused by itself, and stops nothing."""

from typing import Any

import pytest

from infra.kafka.errors import Reason
from tests.support import routing as r


@pytest.mark.parametrize(
    "absurd",
    [
        {"requested_at": -(2**63)},
        {"requested_at": 2**61},
        {"model_digest": "d" * 5_000},
        {"calibrator": "c" * 5_000},
    ],
)
def test_an_absurd_prediction_is_refused_and_moves_no_clock(absurd: dict[str, Any]) -> None:
    stage = r.router()
    lane = r.lane(stage)
    first, second = r.prediction(), r.prediction(r.request("r2"), **absurd)
    batch = stage.handle([r.message(first, 0), r.message(second, 1), r.message(first, 2)], {0: lane}, r.policies())
    [(_, error)] = batch.invalid
    assert (error.reason, error.request_id) == (Reason.INVALID, "r2")
    assert [o.key for o in batch.outgoing if o.topic == "outcomes"] == [b"r1"]
    assert lane.state._pending_clock == r.AT
