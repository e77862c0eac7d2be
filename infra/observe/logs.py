"""Log lines: a sentence for people and a stable `action` for machines, as text or as one JSON object a line.

Say `log.info("Took over 4 partitions.", extra={"action": "partitions_assigned", "count": 4})`.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec

STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
ENCODER = msgspec.json.Encoder(enc_hook=str)


def configure(
    *, service: str, form: Literal["text", "json"] = "text", level: str = "info", stream: TextIO | None = None
) -> None:
    """Send everything logged from here on to `stream` (standard error), each line naming the service."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(service) if form == "json" else TextLines(service))
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)


class TextLines(logging.Formatter):
    """`12:00:00.123 INFO router: Took over 4 partitions. [partitions_assigned count=4]`"""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        fields = extra_fields(record)
        action = fields.pop("action", None)
        tags = ([str(action)] if action else []) + [f"{key}={value}" for key, value in fields.items()]
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        line = f"{at} {record.levelname} {self._service}: {record.getMessage()}"
        line += f" [{' '.join(tags)}]" if tags else ""
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLines(logging.Formatter):
    """One object a line: time (RFC 3339, UTC), level, service, logger, action, message, then the fields."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        fields = extra_fields(record)
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "action": fields.pop("action", None),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return ENCODER.encode(fields | line).decode()  # a field never hides what every line has


def extra_fields(record: logging.LogRecord) -> dict[str, object]:
    """What the caller passed as `extra`."""
    return {key: value for key, value in record.__dict__.items() if key not in STANDARD}
