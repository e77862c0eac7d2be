"""How often anybody may try to sign in: by address, and all together. Pure; `now` in seconds."""

from dataclasses import dataclass, field
from typing import Final

from infra.http.limits import Bucket, Rate

ONE: Final = Rate(per_second=1, burst=40)  # of one address: a team behind one may come in together
ALL: Final = Rate(per_second=20, burst=200)
MOST: Final = 4_096  # addresses that are remembered


@dataclass(slots=True)
class Pace:
    """Who has tried how often. When too many addresses come, who came first is forgotten; `ALL` holds still."""

    one: Rate = ONE
    every: Rate = ALL
    _all: Bucket | None = None
    _by_address: dict[str, Bucket] = field(default_factory=dict)

    def try_again_in(self, address: str, *, now: float) -> float | None:
        """None when they may try now; else the seconds to wait."""
        bucket = self._by_address.pop(address, None) or Bucket(self.one, now)
        self._by_address[address] = bucket
        if len(self._by_address) > MOST:
            del self._by_address[next(iter(self._by_address))]
        if self._all is None:
            self._all = Bucket(self.every, now)
        return bucket.take(1, now=now) or self._all.take(1, now=now)
