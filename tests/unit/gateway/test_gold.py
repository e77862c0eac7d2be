"""Questions whose answer is known: read from labelled rows, checked, kept and retired."""

from functools import partial

import pytest

from infra.kafka.scan import Entry
from producers.gateway.columns import MappingInvalid, columns_for
from producers.gateway.gold import questions_of, stored_request
from producers.gateway.gold_command import NotAdded, for_machines, list_text, sifted
from producers.gateway.publisher import Refusal
from producers.gateway.rows import Format, read_rows
from schemas.events import Event, GoldAdded
from schemas.topics import GOLD, REQUESTS
from streams.casework.questions import Author, NoSuchRequest, gold_retired, questions_asked, request_in
from streams.workflow.content import content_of
from tests.support.logs import simulated
from tests.support.traffic import CODEC, asked, request

AUTHOR = Author("lea", 7, "by the board")
COLUMNS = partial(columns_for, workflow="w", text_field="text", source="s")


def read(text: str, kind: Format = Format.CSV, *, label_column: str = "label") -> list[GoldAdded | Refusal]:
    header, rows = read_rows(text.encode().splitlines(keepends=True), kind)
    made = questions_of(
        rows, header, COLUMNS, label_column=label_column, classes=("reject", "approve"), codec=CODEC, author=AUTHOR
    )
    return list(made)


def log_of(*events: Event) -> list[Entry]:
    return [Entry(GOLD.name, 0, offset, 0, b"w", b"", event) for offset, event in enumerate(events)]


def test_a_labelled_row_becomes_a_question_that_does_not_hold_its_answer() -> None:
    (made,) = read("id,text,label,amount\nq1,a garden, approve ,3\n")
    assert isinstance(made, GoldAdded)
    assert (made.workflow, made.gold_id, made.label, made.note, made.added_by, made.added_at) == (
        "w", "q1", "approve", "by the board", "lea", 7,
    )  # fmt: skip
    held = request_in(made, CODEC)
    assert held is not None
    assert content_of(held) == '{"text":"a garden","amount":3}', "no answer beside the question"


def test_a_row_of_json_may_have_its_label_and_more_fields_anywhere() -> None:
    lines = '{"id":"q1","text":"a","label":"approve"}\n{"label":"reject","id":"q2","text":"b","place":"here"}\n'
    first, second = read(lines, Format.JSONL)
    assert isinstance(first, GoldAdded) and isinstance(second, GoldAdded)
    held = request_in(second, CODEC)
    assert held is not None
    assert (second.label, content_of(held)) == ("reject", '{"text":"b","place":"here"}')


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("q1,a,maybe", "the label 'maybe' is none of reject, approve"), ("q1,a,", "the label '' is none of"),
        ("q1,,approve", "the column text is empty"), (" ,a,approve", "the request id is empty"),
        ("q1,a", "has 2 of 3 columns"),
    ],
)  # fmt: skip
def test_a_row_that_is_no_question_is_named_with_the_reason(row: str, why: str) -> None:
    (refused,) = read(f"id,text,label\n{row}\n")
    assert isinstance(refused, Refusal)
    assert refused.line == 2 and why in refused.reason


def test_a_question_that_no_seal_would_hold_is_refused() -> None:
    fitting, too_long = read(f"id,text,label\n{'q' * 300},a,approve\n{'q' * 400},a,approve\n")
    assert isinstance(fitting, GoldAdded)
    assert isinstance(too_long, Refusal) and "shorter id" in too_long.reason


def test_the_column_with_the_answers_must_be_there() -> None:
    with pytest.raises(MappingInvalid, match="no column 'label' with the right answers; name it with --label-column"):
        read("id,text,answer\nq1,a,approve\n")
    (made,) = read("id,text,answer\nq1,a,approve\n", label_column="answer")
    assert isinstance(made, GoldAdded)


def test_one_bad_line_keeps_all_out_unless_it_is_to_be_skipped() -> None:
    lines = "id,text,label\nq1,a,approve\nq2,b,maybe\nq1,c,reject\n"
    with pytest.raises(NotAdded, match="1 lines of f are no questions \\(line 3: the label 'maybe'"):
        sifted(read(lines), "f", skip=False, as_json=True)
    questions, refused = sifted(read(lines), "f", skip=True, as_json=True)
    assert [(each.gold_id, each.label) for each in questions] == [("q1", "reject")], "the last of an id counts"
    assert [each.line for each in refused] == [3]


def test_what_was_retired_is_asked_no_more_until_it_is_added_again() -> None:
    first, second = read("id,text,label\nq1,a,approve\nq2,b,reject\n")
    assert isinstance(first, GoldAdded) and isinstance(second, GoldAdded)
    retired = gold_retired(first.workflow, first.gold_id, by="lea", now=9)
    assert questions_asked(log_of(first, second, retired)) == [second]
    assert questions_asked(log_of(first, second, retired, first)) == [first, second]
    assert questions_asked(log_of(first, second), "other") == []
    shown = for_machines(first, CODEC)
    assert (shown["gold_id"], shown["label"], shown["content"]) == ("q1", "approve", "a")
    assert "q2" in list_text([second], CODEC) and "reject" in list_text([second], CODEC)
    assert "hitl gold add" in list_text([], CODEC)


def test_a_request_is_taken_from_the_log_as_it_is_stored() -> None:
    world = simulated()
    producer = world.log.producer(transactional_id=None)
    for text in ("first", "second content under the same id"):
        producer.send(REQUESTS.name, b"r1", asked(request("r1", text)).value, None)
    found, (body, fingerprint) = stored_request(world.log, CODEC, "r1")
    assert "first" in content_of(found)
    assert CODEC.decode_body(body, fingerprint) == found
    with pytest.raises(NoSuchRequest, match="no request 'r2' is in the log"):
        stored_request(world.log, CODEC, "r2")
