"""Words that a workflow wants seen: where they stand, whatever the text, in one pass over it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.desk.pages.present.marking import MOST_MARKS, Terms, segments, spans_in


def marked(text: str, *terms: str) -> list[str]:
    return [text[start:end] for start, end in Terms(terms).spans(text)]


@pytest.mark.parametrize(
    ("text", "terms", "found"),
    [
        ("A Fool, a FOOL!", ["fool"], ["Fool", "FOOL"]),
        ("foolish fools befool", ["fool"], []),
        ("you-fool", ["fool"], ["fool"]),
        ("go  back home", ["go back"], ["go  back"]),
        ("go\n\n\n\nback", ["go back"], []),
        ("go back to where", ["go", "go back", "go back home"], ["go back"]),
        ("ＦＯＯＬ", ["fool"], ["ＦＯＯＬ"]),
        ("Straße STRASSE", ["strasse"], ["Straße", "STRASSE"]),
        ("don't do it", ["don't"], ["don't"]),
        ("他是笨蛋吗", ["笨蛋"], ["笨蛋"]),
        ("मूर्ख है", ["मूर्ख"], ["मूर्ख"]),
        ("fool😀fool", ["fool"], ["fool", "fool"]),
        ("@fool #fool <b>fool</b>", ["fool"], ["fool", "fool", "fool"]),
        ("", ["fool"], []),
        ("text", [], []),
    ],
)
def test_a_term_is_found_as_whole_words_in_any_case(text: str, terms: list[str], found: list[str]) -> None:
    assert marked(text, *terms) == found


LETTERS = st.text(st.sampled_from("abAB ,.-<>&é笨😀\u0301\n"), max_size=60)


@given(LETTERS, st.lists(st.text(st.sampled_from("ab é笨"), min_size=1, max_size=6), max_size=6))
def test_nothing_of_a_text_is_lost_and_marks_are_apart(text: str, terms: list[str]) -> None:
    spans = Terms(terms).spans(text)
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in zip(spans, spans[1:], strict=False))
    assert "".join(piece.text for piece in segments(text, spans)) == text


@given(LETTERS, st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70)), max_size=8))
def test_spans_of_a_request_may_overlap_and_leave_the_text(text: str, given_spans: list[tuple[int, int]]) -> None:
    _, spans = spans_in([list(span) for span in given_spans], len(text))
    pieces = segments(text, spans)
    assert "".join(piece.text for piece in pieces) == text
    covered = {at for start, end in spans for at in range(start, end)}
    at = 0
    for piece in pieces:
        assert {place in covered for place in range(at, at + len(piece.text))} == {piece.marked}
        at += len(piece.text)


@pytest.mark.parametrize(
    ("value", "words", "spans"),
    [
        ("fool", ["fool"], []),
        ([[0, 3], (4, 9)], [], [(0, 3), (4, 9)]),
        ([{"start": 1, "end": 2, "label": "x"}, {"start": "a"}], [], [(1, 2)]),
        ([[5, 2], [-1, 3], [1], None, 7, [30, 40]], [], []),
        (None, [], []),
        ({"a": 1}, [], []),
    ],
)
def test_what_a_request_lists_is_taken_in_the_usual_forms(value: object, words: list[str], spans: object) -> None:
    assert spans_in(value, 20) == (words, spans)


def test_the_first_marks_are_enough() -> None:
    text = "fool " * 5_000
    pieces = segments(text, Terms(["fool"]).spans(text))
    assert sum(piece.marked for piece in pieces) == MOST_MARKS
    assert "".join(piece.text for piece in pieces) == text


HARD = {
    "one word": lambda n: "a" * n,
    "nearly a term, at every word": lambda n: "a " * (n // 2),
    "blanks": lambda n: " " * n,
    "marks": lambda n: "a" + "\u0301" * n,
    "ideographs": lambda n: "笨" * n,
}


@pytest.mark.parametrize("kind", HARD)
def test_four_times_the_text_takes_about_four_times_as_long(kind: str) -> None:
    """And not sixteen times."""
    terms = Terms([*(f"{'a ' * n}b" for n in range(1, 12)), "笨笨笨笨笨笨x", "b"])

    def spent(size: int) -> float:
        text = HARD[kind](size)
        best = []
        for _ in range(5):
            start = time.process_time()
            terms.spans(text)
            best.append(time.process_time() - start)
        return min(best)

    assert spent(40_000) < 10 * max(spent(10_000), 0.002)
