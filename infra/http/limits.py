"""How often somebody may ask: a token bucket. Pure; times in seconds."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many requests a second in the long run, and so many at once."""

    per_second: float
    burst: float


@dataclass(slots=True)
class Bucket:
    """What one sender has left. A batch may take more than there is, and its sender then waits until that is paid."""

    rate: Rate
    now: float
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.rate.burst

    def take(self, count: int, *, now: float) -> float | None:
        """None when `count` may pass; else the seconds after which they may.

        >>> bucket = Bucket(Rate(per_second=2, burst=2), now=0.0)
        >>> bucket.take(1, now=0.0), bucket.take(1, now=0.0), bucket.take(1, now=0.0), bucket.take(1, now=0.5)
        (None, None, 0.5, None)
        """
        self.left = min(self.rate.burst, self.left + max(0.0, now - self.now) * self.rate.per_second)
        self.now = max(self.now, now)
        needed = min(count, self.rate.burst)
        if self.left < needed:
            return (needed - self.left) / self.rate.per_second
        self.left -= count
        return None


def retry_after(seconds: float) -> str:
    """The header `Retry-After`: whole seconds, at least one (RFC 9110, 10.2.3).

    >>> retry_after(0.2), retry_after(1.5)
    ('1', '2')
    """
    return str(max(1, math.ceil(seconds)))
