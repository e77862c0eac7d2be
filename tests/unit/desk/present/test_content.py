"""The content of a case in the form in which it is seen best, and what is said where it cannot be shown."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.desk.pages.present.cleaning import cleaned, shape_of
from producers.desk.pages.present.model import Nothing, Pictures, Table, Text, Tree
from producers.desk.pages.present.tables import rows_of
from producers.desk.pages.present.tree import DEEPEST, MOST_NODES, tree_of
from producers.desk.pages.present.view import view_of
from producers.desk.presenting import shown as case_of
from schemas.events import DecisionRequested
from schemas.values import Coordinates, Payload, PayloadEncoding
from streams.workflow.presentation import Presentation
from tests.support.desk import announcement
from tests.support.presented import NOW, ORIGIN, case_shown, json_of, partial, png


def view(content: str | None, *, kind: str = "application/json", shown: Presentation | None = None) -> Any:
    return view_of(case_shown(content, content_type=kind), shown or Presentation(), now=NOW)


ROWS = [{"a": 1, "b": "x"}, {"a": 2.5, "c": None}]


@pytest.mark.parametrize(
    ("content", "kind", "shown", "made"),
    [
        ('{"a":1,"b":"x"}', "application/json", Presentation(), Nothing),
        ('{"a":{"b":1}}', "application/json", Presentation(), Tree),
        ("[1,2]", "application/ld+json; charset=utf-8", Presentation(), Tree),
        (json_of(ROWS), "application/json", Presentation(), Table),
        (json_of({"rows": ROWS}), "application/json", Presentation(content_field="rows"), Table),
        ('[["a","b"],[1,2]]', "application/json", Presentation(), Table),
        ("a,b\n1,2\n", "text/csv", Presentation(), Table),
        ("a\tb\n1\t2\n", "text/tab-separated-values", Presentation(), Table),
        ("a,b\n", "text/csv", Presentation(content="text"), Text),
        ("plain", "text/plain", Presentation(), Text),
        ("<b>", "text/html", Presentation(), Text),
        ("{broken", "application/json", Presentation(), Text),
        ('{"t":"x"}', "application/json", Presentation(content="text", content_field="t"), Text),
        ('{"t":"x"}', "application/json", Presentation(content="json"), Tree),
        ('{"t":"x"}', "application/json", Presentation(content="none"), Nothing),
        ('{"t":"https://elsewhere.example"}', "application/json",
         Presentation(content="image", content_field="t"), Nothing),
        (json_of({"t": f"{ORIGIN}/a"}), "application/json",
         Presentation(content="image", content_field="t", image_origins=(ORIGIN,)), Pictures),
    ],
)  # fmt: skip
def test_content_takes_the_form_of_its_type(content: str, kind: str, shown: Presentation, made: type) -> None:
    assert type(view(content, kind=kind, shown=shown).content) is made


def of_request(shown: Presentation | None = None, **fields: Any) -> Any:
    place = Coordinates(topic="review.normal", partition=0, offset=3)
    request = DecisionRequested(request_id="a", workflow="posts", **fields)
    return view_of(case_of("a", announcement("a"), place, request, None), shown or Presentation(), now=NOW)


def test_bytes_that_are_a_picture_are_shown_and_others_described() -> None:
    scan = of_request(payload=Payload(content_type="application/octet-stream", body=png()))
    assert isinstance(scan.content, Pictures)
    sound = of_request(payload=Payload(content_type="audio/ogg", body=b"\xff\xfe" * 50), content_sha256=b"\x01" * 32)
    assert isinstance(sound.content, Nothing)
    assert sound.notices == ("The content is audio/ogg with 100 bytes, which cannot be shown.", f"SHA-256 {'01' * 32}")
    svg = of_request(payload=Payload(content_type="image/svg+xml", body=b"<svg><script>x</script>"))
    assert isinstance(svg.content, Text) and "<script" not in partial(svg)


def test_text_in_no_known_encoding_is_told_from_text() -> None:
    made = of_request(payload=Payload(content_type="text/plain", body=b"caf\xe9"))
    assert made.notices == ("The content is text/plain with 4 bytes, which cannot be shown.",)


def test_what_is_encrypted_or_stored_elsewhere_is_named_and_not_fetched() -> None:
    sealed = Payload(encoding=PayloadEncoding.ENCRYPTED, body=b"\x01", key_id="k-<7>")
    assert of_request(payload=sealed).notices == ("The content is encrypted with the key k-<7>.",)
    elsewhere = of_request(payload=None, content_uri="s3://bucket/x", content_sha256=b"\x02" * 32)
    assert elsewhere.notices[0].endswith("s3://bucket/x") and elsewhere.notices[1] == f"SHA-256 {'02' * 32}"
    loaded = of_request(
        Presentation(content="image", image_origins=(ORIGIN,)), payload=None, content_uri=f"{ORIGIN}/1",
        content_sha256=b"\x02" * 32,
    )  # fmt: skip
    assert isinstance(loaded.content, Pictures) and "digest is not checked" in loaded.notices[0]
    numbers = of_request(payload=None, features=b"\0\0\0\0")
    assert numbers.notices == ("The request holds numbers for the model only, and no content.",)


def test_a_long_text_is_folded_between_words_and_nothing_is_lost() -> None:
    text = "word " * 2_000
    made = view(text, kind="text/plain").content
    start, rest = ("".join(piece.text for piece in side) for side in (made.start, made.rest))
    assert start + rest == text and 2_500 < len(start) < 3_100 and not rest[0].isalnum()
    assert made.length == 10_000
    assert not view("word " * 700, kind="text/plain").content.rest


def test_spans_fit_the_text_as_it_came() -> None:
    shown = Presentation(content_field="t", highlight_field="s")
    made = view(json_of({"t": "a\r\nb fool", "s": [[5, 9]]}), shown=shown)
    assert [piece.text for piece in made.content.start if piece.marked] == ["fool"]


def test_only_what_is_marked_is_hidden_where_the_workflow_says_so() -> None:
    shown = Presentation(content_field="text", highlights=("fool",), sensitive="marked")
    assert view(json_of({"text": "you fool"}), shown=shown).veil.words == "a text of 8 characters"
    assert view(json_of({"text": "you cool"}), shown=shown).veil is None
    assert view("[[1]]", shown=msgspec.structs.replace(shown, sensitive="always")).veil.words == "a document"


@given(st.text(max_size=200))
def test_the_shape_of_a_text_has_no_letter_of_it(text: str) -> None:
    assert set(shape_of(text)) <= {"▬", " "}


def test_what_cannot_be_seen_is_shown_or_cut() -> None:
    made = view("a\x00b\x1bc\r\nd\u202ee" + "f" + "\u0301" * 9, kind="text/plain")
    assert "".join(piece.text for piece in made.content.start) == "a␀b␛c\nd\u202ee" + "f" + "\u0301" * 3
    assert len(made.notices) == 3


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_clean_text_can_be_sent_and_stays_clean(text: str) -> None:
    once = cleaned(text)
    once.encode()
    assert cleaned(once) == once and not set(once) & set(map(chr, [*range(9), *range(11, 32), *range(127, 160)]))


def test_a_table_is_shown_in_part_and_says_of_how_much() -> None:
    rows = [{"n": n, "share": n / 8, "name": f"r{n}", **{f"c{k}": k for k in range(40)}} for n in range(250)]
    table = view(json_of(rows)).content
    assert table.caption == "The first 100 of 250 rows, the first 30 of 43 columns"
    assert (len(table.rows), len(table.columns), table.rows[1][:3]) == (100, 30, ("1", "0.125", "r1"))
    assert [column.is_number for column in table.columns[:3]] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ('a,b\n"x, y","say ""hi"""\n', {"a": "x, y", "b": 'say "hi"'}),
        ("a;b\n1;2\n", {"a": "1", "b": "2"}),
        ("a,a\n1,2\n", {"a": "1", "a (2)": "2"}),
        ("a,b\n1\n", {"a": "1"}),
    ],
)
def test_separated_values_are_read_as_they_are_written(text: str, first: dict[str, str]) -> None:
    rows = rows_of(text, "text/csv")
    assert rows is not None and rows.first[0] == first


def test_a_field_too_long_for_a_table_is_text() -> None:
    made = view('a\n"' + "x" * 200_000, kind="text/csv")
    assert isinstance(made.content, Text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=40,
)


@settings(max_examples=30, deadline=None)
@given(JSON)
def test_any_document_can_be_shown_in_any_form(document: object) -> None:
    for shown in (Presentation(), *(Presentation(content=kind) for kind in ("text", "json", "table", "image"))):
        partial(view(json_of(document), shown=shown))


DEEP = ["[" * 900 + "]" * 900, "[" * 100_000, '{"a":' * 100_000, '{"a":' * 50 + "1" + "}" * 50]


@pytest.mark.parametrize("document", DEEP, ids=["lists", "lists without end", "objects without end", "objects"])
def test_a_deep_document_is_cut_or_shown_as_text(document: str) -> None:
    made = view(document)
    partial(made)
    if isinstance(made.content, Tree):
        depth, node = 0, made.content.root
        while node.children:
            depth, node = depth + 1, node.children[0]
        assert depth == DEEPEST and node.left_out == 1


def test_a_wide_document_is_shown_in_part() -> None:
    tree = tree_of(list(range(5_000)))
    assert len(tree.root.children) == MOST_NODES - 1 and tree.root.left_out == 5_000 - MOST_NODES + 1
    assert tree.caption == "The first 1,000 values"
