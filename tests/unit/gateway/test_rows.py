"""Rows with their line numbers; a broken line is refused whole and its neighbours are not."""

from collections.abc import Sequence

import pytest

from producers.gateway.columns import Columns, columns_for
from producers.gateway.publisher import Line, Refusal
from producers.gateway.rows import FileUnreadable, Format, Numbered, format_of, read_rows, requests_of


def rows(text: str | bytes, kind: Format = Format.CSV) -> list[Numbered | Refusal]:
    content = text.encode() if isinstance(text, str) else text
    return list(read_rows(content.splitlines(keepends=True), kind)[1])


def test_every_row_knows_the_line_it_begins_on() -> None:
    read = rows('id,text\n1,a\n2,"b\nb"\n\n3,c\n')
    assert read == [
        Numbered(2, {"id": "1", "text": "a"}),
        Numbered(3, {"id": "2", "text": "b\nb"}),
        Numbered(6, {"id": "3", "text": "c"}),
    ]


def test_a_line_with_missing_or_further_columns_is_refused_and_the_next_is_read() -> None:
    read = rows("id,text\n1\n2,b,c\n3,ok\n")
    assert read == [
        Refusal(2, "has 1 of 2 columns"),
        Refusal(3, "has 3 of 2 columns"),
        Numbered(4, {"id": "3", "text": "ok"}),
    ]


def test_an_open_quote_at_the_end_is_refused_not_read_in_part() -> None:
    first, last = rows('id,text\n1,a\n2,"half a li')
    assert first == Numbered(2, {"id": "1", "text": "a"})
    assert isinstance(last, Refusal)
    assert last.line == 3


def test_bytes_that_are_no_utf8_refuse_their_line_only() -> None:
    assert rows(b"id,text\n1,\xff\xfe\n2,\xc3\xa9\n") == [
        Refusal(2, "is not UTF-8"),
        Numbered(3, {"id": "2", "text": "é"}),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert rows(b"\xef\xbb\xbfid,text\n1,a\n") == [Numbered(2, {"id": "1", "text": "a"})]


def test_json_lines_keep_their_types_and_a_half_line_is_refused() -> None:
    read = rows('{"id": "1", "amount": 5}\n\n[1]\n{"id": "2", "am', Format.JSONL)
    assert read[0] == Numbered(1, {"id": "1", "amount": 5})
    assert read[1] == Refusal(3, "is no JSON object")
    assert isinstance(read[2], Refusal)
    assert read[2].line == 4


def test_a_broken_first_json_line_does_not_hide_the_others() -> None:
    read = rows('{"id"\n{"id": "2"}\n', Format.JSONL)
    assert [row.line for row in read] == [1, 2]
    assert isinstance(read[1], Numbered)


@pytest.mark.parametrize(("text", "kind"), [("", Format.CSV), ("", Format.JSONL), ("no json\n", Format.JSONL)])
def test_a_file_without_rows_is_an_error(text: str, kind: Format) -> None:
    with pytest.raises(FileUnreadable):
        rows(text, kind)


def test_further_fields_of_a_later_json_row_reach_the_payload() -> None:
    def columns(header: Sequence[str]) -> Columns:
        return columns_for(header, workflow="w", text_field="text")

    header, read = read_rows(
        [b'{"id": "1", "text": "a"}\n', b'{"id": "2", "text": "b", "amount": 9}\n', b'{"id": "3"}\n'], Format.JSONL
    )
    first, second, third = requests_of(read, header, columns)
    assert isinstance(first, Line)
    assert isinstance(second, Line)
    assert second.request.payload is not None
    assert second.request.payload.body == b'{"text":"b","amount":9}'
    assert third == Refusal(3, "the column text is empty: there is nothing to read")


@pytest.mark.parametrize(("name", "kind"), [("a.tsv", "tsv"), ("a.b.JSONL", "jsonl"), ("a.csv", "csv"), ("-", "csv")])
def test_the_name_of_a_file_tells_its_format(name: str, kind: str) -> None:
    assert format_of(name) == kind
