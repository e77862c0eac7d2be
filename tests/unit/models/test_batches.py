import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from infra.models.batches import plan_batches


@given(st.lists(st.integers(0, 500), max_size=60), st.integers(1, 2_000))
def test_every_row_is_in_one_group_and_groups_are_bounded(lengths: list[int], max_tokens: int) -> None:
    sizes = np.array(lengths, np.int64)
    groups = plan_batches(sizes, max_tokens)
    assert sorted(row for group in groups for row in group.tolist()) == list(range(len(lengths)))
    assert all(len(group) == 1 or len(group) * sizes[group].max() <= max_tokens for group in groups)


def test_one_long_row_does_not_share_a_group_with_short_ones() -> None:
    groups = plan_batches(np.array([5, 900, 5, 5]), 1_000)
    assert [group.tolist() for group in groups] == [[0, 2, 3], [1]]


def test_a_batch_that_fits_stays_whole_and_in_order() -> None:
    assert [group.tolist() for group in plan_batches(np.array([3, 1, 2]), 9)] == [[0, 1, 2]]
