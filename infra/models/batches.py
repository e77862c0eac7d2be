"""Groups a batch by length, so that one long input does not make everyone else's memory."""

import numpy as np
from numpy.typing import NDArray


def plan_batches(lengths: NDArray[np.int64], max_tokens: int) -> list[NDArray[np.int64]]:
    """Row numbers of each group, shortest first; rows × longest row of a group stays within `max_tokens`, but for a
    row that exceeds it alone.

    Every row is in exactly one group: `result[group] = part` restores the order.
    """
    if lengths.size == 0:
        return []
    if lengths.size * int(lengths.max()) <= max_tokens:
        return [np.arange(lengths.size)]
    order = np.argsort(lengths, kind="stable")
    groups: list[NDArray[np.int64]] = []
    start = 0
    for end in range(1, lengths.size + 1):
        if end == lengths.size or (end + 1 - start) * int(lengths[order[end]]) > max_tokens:
            groups.append(order[start:end])
            start = end
    return groups
