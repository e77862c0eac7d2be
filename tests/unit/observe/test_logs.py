"""A log line carries a sentence and an action, in both forms."""

import io
import logging
from collections.abc import Iterator
from datetime import datetime

import msgspec
import pytest

from infra.observe.logs import configure


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


def test_json_line_has_action_and_fields() -> None:
    out = io.StringIO()
    configure(service="router", form="json", stream=out)
    logging.getLogger("x").warning("Took %d.", 4, extra={"action": "taken", "count": 4, "level": "not this"})
    line = msgspec.json.decode(out.getvalue())
    assert (line["service"], line["action"], line["message"], line["count"]) == ("router", "taken", "Took 4.", 4)
    assert line["level"] == "warning"
    assert datetime.fromisoformat(line["time"]).tzinfo is not None


def test_json_stays_one_line_with_an_exception() -> None:
    out = io.StringIO()
    configure(service="router", form="json", stream=out)
    try:
        raise ValueError("a\nb")
    except ValueError:
        logging.getLogger("x").exception("Failed.")
    assert out.getvalue().count("\n") == 1
    assert "ValueError" in msgspec.json.decode(out.getvalue())["exception"]


def test_text_line_is_a_sentence_with_its_action() -> None:
    out = io.StringIO()
    configure(service="router", stream=out)
    logging.getLogger("x").info("Took 4.", extra={"action": "taken", "count": 4})
    logging.getLogger("x").debug("Not shown.")
    assert out.getvalue().endswith("INFO router: Took 4. [taken count=4]\n")
    assert "Not shown" not in out.getvalue()


def test_configuring_twice_does_not_double_lines() -> None:
    out = io.StringIO()
    configure(service="a", stream=out)
    configure(service="a", stream=out)
    logging.getLogger("x").info("Once.")
    assert out.getvalue().count("Once.") == 1
