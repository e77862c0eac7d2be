"""The golden examples, read and written again by the Avro libraries of other languages: every event, nothing lost."""

import base64

from schemas.publishing import EXAMPLES, example_event
from tests.support.foreign import Client
from tests.support.traffic import CODEC


def test_every_example_comes_back_as_the_event_that_it_was(foreign: Client) -> None:
    again = {line["file"]: (line["event"], base64.b64decode(line["value"])) for line in foreign.rewritten()}
    assert set(again) == {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.glob("*/*.bin")}
    for file, (event, value) in again.items():
        expected = example_event((EXAMPLES / file).with_suffix(".json"))
        assert event == type(expected).__name__
        assert CODEC.decode(value) == expected, file
