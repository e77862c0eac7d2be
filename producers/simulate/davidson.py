"""Recorded people: 24,783 posts with 3 to 9 votes each (Davidson et al. 2017), and answers drawn from those votes."""

import csv
import gzip
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from producers.simulate.draws import unit_draw

APPROVE: Final = "approve"
REJECT: Final = "reject"
CLASSES: Final = (APPROVE, REJECT)
SEED_POSTS: Final = 300
DATA: Final = Path(__file__).with_name("data") / "davidson" / "labeled_data.csv.gz"
ADDRESSES: Final = re.compile(r"@\w+|https?://\S+|\brt\b")
NOT_LETTERS: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post and how many people called it what."""

    post_id: str
    text: str
    hate: int
    offensive: int
    neither: int

    @property
    def approvals(self) -> int:
        return self.neither

    @property
    def votes(self) -> int:
        return self.hate + self.offensive + self.neither

    @property
    def majority(self) -> str:
        """What most people answered; a tie is a rejection."""
        return APPROVE if 2 * self.approvals > self.votes else REJECT


class SeedSplit(NamedTuple):
    """Posts for the first model, and the stream that shares no post and no text with them."""

    seed: tuple[Post, ...]
    stream: tuple[Post, ...]


@lru_cache(maxsize=1)
def load_posts(path: Path = DATA) -> tuple[Post, ...]:
    """All posts in the order of the file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return tuple(_post(row) for row in csv.DictReader(lines))


def _post(row: dict[str, str]) -> Post:
    return Post(
        post_id=f"davidson-{row['']}",
        text=row["tweet"],
        hate=int(row["hate_speech"]),
        offensive=int(row["offensive_language"]),
        neither=int(row["neither"]),
    )


def normalised(text: str) -> str:
    """The letters and digits of a text without addresses: what two copies of one post share."""
    return NOT_LETTERS.sub(" ", ADDRESSES.sub(" ", html.unescape(text).lower())).strip()


def seed_split(posts: Sequence[Post], *, seed: int, size: int = SEED_POSTS) -> SeedSplit:
    """`size` posts of different texts chosen by hash; the rest in hash order, less those whose normalised text is in
    the seed."""
    ranked = sorted(posts, key=lambda post: unit_draw(seed, "order", post.post_id))
    chosen: dict[str, Post] = {}
    for post in ranked:
        if len(chosen) == size:
            break
        chosen.setdefault(normalised(post.text), post)
    return SeedSplit(tuple(chosen.values()), tuple(post for post in ranked if normalised(post.text) not in chosen))


def one_vote(post: Post, *, seed: int, turn: int = 0) -> str:
    """The answer of one of the people who voted on this post, each equally likely; another one's each turn, as long as
    there are more."""
    drawn = _answers(post, seed, "vote", turn + 1)
    return drawn[min(turn, len(drawn) - 1)]


def majority_of_three(post: Post, *, seed: int) -> str:
    """The majority of three different people among those who voted on this post."""
    answers = _answers(post, seed, "panel", 3)
    return APPROVE if 2 * answers.count(APPROVE) > len(answers) else REJECT


def _answers(post: Post, seed: int, purpose: str, people: int) -> list[str]:
    """Votes drawn without replacement."""
    approvals, votes = post.approvals, post.votes
    drawn: list[str] = []
    for turn in range(min(people, votes)):
        approves = unit_draw(seed, f"{purpose}-{turn}", post.post_id) * votes < approvals
        drawn.append(APPROVE if approves else REJECT)
        approvals -= approves
        votes -= 1
    return drawn
