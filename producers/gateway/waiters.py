"""Who waits for the outcome of which request. Asked from any thread, changed from one only."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Waiters(Generic[T]):
    """Callbacks by key; each is told once at most."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, list[Callable[[T], None]]] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._waiting

    def __len__(self) -> int:
        return sum(map(len, list(self._waiting.values())))  # asked from another thread while it changes

    def enter(self, key: bytes, callback: Callable[[T], None]) -> None:
        """From now on it is told; enter before you cause what is waited for."""
        self._waiting.setdefault(key, []).append(callback)

    def leave(self, key: bytes, callback: Callable[[T], None]) -> None:
        """Wait no longer; nothing happens when it was told already."""
        waiting = self._waiting.get(key)
        if waiting is not None and callback in waiting:
            waiting.remove(callback)
            if not waiting:
                del self._waiting[key]

    def tell(self, key: bytes, value: T) -> int:
        """Tell everybody who waits for this; how many there were."""
        told = self._waiting.pop(key, [])
        for callback in told:
            callback(value)
        return len(told)

    def tell_all(self, value: T) -> None:
        """Tell everybody the same: nothing more will come."""
        for key in list(self._waiting):
            self.tell(key, value)
