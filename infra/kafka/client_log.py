"""What librdkafka says, once in a while: without a broker each of its threads repeats itself many times a second."""

import logging
import re
import time
from collections.abc import Callable
from typing import Final

QUIET_SECONDS: Final = 10.0  # between two lines that differ in numbers only
_NUMBERS: Final = re.compile(r"\d+")


class Rarely(logging.Filter):
    """Lets a line through when nothing like it came for a while, and says how many were left out."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._last: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        kind = _NUMBERS.sub("#", message)
        now = self._now()
        if now - self._last.get(kind, -QUIET_SECONDS) < QUIET_SECONDS:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return False
        self._last[kind] = now
        if left_out := self._left_out.pop(kind, 0):
            record.msg, record.args = f"{message} ({left_out} more like this)", ()
        return True


LOGGER: Final = logging.getLogger("infra.kafka.librdkafka")
LOGGER.addFilter(Rarely())
