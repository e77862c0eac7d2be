"""How late a partition is processed, in seconds, from where it ended at which moment. Pure; times in seconds."""

from collections import deque
from typing import Final

MOST: Final = 512  # moments kept; beyond that every second one is forgotten, and with it some precision


class Arrears:
    """Remembers since when each end of one partition is known that was not reached yet."""

    def __init__(self) -> None:
        self._known: deque[tuple[float, int]] = deque()

    def seconds(self, *, reached: int, end: int, now: float) -> float:
        """How long the oldest end that lies beyond `reached` is known; 0 when everything was reached.

        >>> late = Arrears()
        >>> [late.seconds(reached=r, end=e, now=t) for t, r, e in ((0, 5, 5), (1, 5, 9), (2, 5, 12), (3, 9, 12))]
        [0.0, 0.0, 1.0, 1.0]
        """
        known = self._known
        while known and known[0][1] <= reached:
            known.popleft()
        if end > reached and (not known or end > known[-1][1]):
            known.append((now, end))
            if len(known) > MOST:
                self._known = known = deque(list(known)[::2])
        return float(now - known[0][0]) if known else 0.0
