"""Recorded people with ids: 12,768 answers of eight people to parts of conversations (Cercas Curry et al. 2021)."""

import csv
import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

ABUSIVE: Final = "abusive"
HARMLESS: Final = "harmless"
CLASSES: Final = (ABUSIVE, HARMLESS)
DATA: Final = Path(__file__).with_name("data") / "convabuse" / "ConvAbuseEMNLPfull.csv.gz"
ITEM: Final = ("conv_id", "prev_agent", "prev_user", "agent", "user")
SIGNS: Final = ("is_abuse.-1", "is_abuse.-2", "is_abuse.-3")  # mild to strong


class RecordedAnswer(NamedTuple):
    """What one person said of one item: a conversation's id and four of its turns."""

    item: tuple[str, ...]
    reviewer_id: str
    label: str


def recorded_answers(path: Path = DATA) -> Iterator[RecordedAnswer]:
    """Every answer in the order of the file, one at a time."""
    with gzip.open(path, "rt", encoding="latin-1", newline="") as lines:
        for row in csv.DictReader(lines):
            label = ABUSIVE if any(row[sign] == "1" for sign in SIGNS) else HARMLESS
            yield RecordedAnswer(tuple(row[name] for name in ITEM), row["annotator_id"], label)


def first_answers(answers: Iterable[RecordedAnswer]) -> Iterator[RecordedAnswer]:
    """Of each person the first answer to each item."""
    seen: set[tuple[tuple[str, ...], str]] = set()
    for answer in answers:
        key = answer.item, answer.reviewer_id
        if key not in seen:
            seen.add(key)
            yield answer
