"""Words of a text that the workflow wants seen. One pass over the text, whatever is in it or among the terms. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from producers.desk.pages.present.model import Segment
from streams.workflow.presentation import LONGEST_TERM

# A word is everything between blanks, punctuation and symbols; in scripts without blanks every character is one.
IDEOGRAPHS: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
BETWEEN: Final = r"\s\x00-\x2f:-@\[-^`{-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\u2000-\u2bff\u3000-\u303f\U0001f000-\U0001faff"
WORDS: Final = re.compile(f"[{IDEOGRAPHS}]|[^{BETWEEN}{IDEOGRAPHS}]+")
LONGEST_WORD: Final = 200  # characters; a longer one is no term
MOST_MARKS: Final = 1_000
WIDEST_GAP: Final = 3  # characters between the words of a term
Spans = Iterable[tuple[int, int]]


class Terms:
    """Terms of one or more words, told apart by neither case nor compatibility forms (NFKC).

    >>> Terms(["bad word"]).spans("A BAD-word, bad")
    [(2, 10)]
    """

    def __init__(self, terms: Iterable[str]) -> None:
        self._root = _Step()
        for term in terms:
            step = self._root
            for found in WORDS.finditer(term):
                step = step.following.setdefault(_folded(found[0]), _Step())
            step.ends = step is not self._root

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the first terms stand, first character and the one after the last; none overlaps another."""
        return list(islice(self._spans(text), MOST_MARKS + 1)) if self._root.following else []

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        words = [_Word(*found.span(), _folded(found[0])) for found in WORDS.finditer(text)]
        at = 0
        while at < len(words):
            last = _last(words, at, self._root)
            if last is None:
                at += 1
                continue
            yield words[at].start, words[last].end
            at = last + 1


class _Word(NamedTuple):
    """Where a word stands, and what it is compared by."""

    start: int
    end: int
    folded: str


class _Step:
    """What may follow the words so far, and whether they are a term."""

    __slots__ = ("ends", "following")

    def __init__(self) -> None:
        self.following: dict[str, _Step] = {}
        self.ends = False


def _last(words: Sequence[_Word], at: int, step: _Step) -> int | None:
    """The last word of the longest term that begins here."""
    last = None
    for number in range(at, min(at + LONGEST_TERM, len(words))):
        if number > at and words[number].start - words[number - 1].end > WIDEST_GAP:
            break
        following = step.following.get(words[number].folded)
        if following is None:
            break
        step = following
        last = number if step.ends else last
    return last


def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()
    if len(word) > LONGEST_WORD:  # normalising long runs of marks takes quadratic time, and no term is so long
        return word
    return unicodedata.normalize("NFKC", word).casefold()


def spans_in(value: object, length: int) -> tuple[list[str], list[tuple[int, int]]]:
    """The words and the spans that a field of the request lists, in whichever of the usual forms; the rest is nothing.

    >>> spans_in(["fool", [0, 3], {"start": 4, "end": 90}], 20)
    (['fool'], [(0, 3), (4, 20)])
    """
    listed = value if isinstance(value, list) else [value]
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    for each in listed[:MOST_MARKS]:
        pair = (each.get("start"), each.get("end")) if isinstance(each, Mapping) else each
        match pair:
            case str():
                words.append(pair)
            case [int(start), int(end)] | (int(start), int(end)) if 0 <= start < end:
                spans.append((min(start, length), min(end, length)))
    return words, [span for span in spans if span[0] < span[1]]


def segments(text: str, spans: Spans, *, most: int = MOST_MARKS) -> tuple[Segment, ...]:
    """The text in pieces, the first `most` spans marked; overlapping ones are one.

    >>> [(s.text, s.marked) for s in segments("you fool", [(4, 8), (6, 8)])]
    [('you ', False), ('fool', True)]
    """
    pieces: list[Segment] = []
    at = 0
    for start, end in _apart(spans)[:most]:
        if start > at:
            pieces.append(Segment(text=text[at:start]))
        pieces.append(Segment(text=text[start:end], marked=True))
        at = end
    if at < len(text):
        pieces.append(Segment(text=text[at:]))
    return tuple(pieces)


def _apart(spans: Spans) -> list[tuple[int, int]]:
    apart: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return apart
