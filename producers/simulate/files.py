"""Recorded posts as files that any command reads: a labelled seed for the first model, and the stream to be decided."""

import csv
import io
from collections.abc import Sequence
from typing import Final, NamedTuple

from infra.errors import HitlError
from producers.simulate.davidson import SEED_POSTS, Post, SeedSplit, seed_split

SEED_HEADER: Final = ("id", "text", "label")
STREAM_HEADER: Final = ("id", "text")


class TooFewPosts(HitlError):
    """There are fewer recorded posts than were asked for; ask for fewer."""


class Files(NamedTuple):
    """Both files as CSV."""

    seed: str
    stream: str


def csv_files(posts: Sequence[Post], *, stream_posts: int, seed: int, seed_posts: int = SEED_POSTS) -> Files:
    """`seed_posts` posts with the label that most people gave, and `stream_posts` others without any label.

    Raises `TooFewPosts`.
    """
    split = seed_split(posts, seed=seed, size=seed_posts)
    _check(split, stream_posts=stream_posts, seed_posts=seed_posts)
    return Files(
        seed=csv_text(SEED_HEADER, [(post.post_id, post.text, post.majority) for post in split.seed]),
        stream=csv_text(STREAM_HEADER, [(post.post_id, post.text) for post in split.stream[:stream_posts]]),
    )


def _check(split: SeedSplit, *, stream_posts: int, seed_posts: int) -> None:
    if len(split.seed) < seed_posts or len(split.stream) < stream_posts:
        raise TooFewPosts(
            f"there are {len(split.seed):,} posts for the seed and {len(split.stream):,} others, not {seed_posts:,} "
            f"and {stream_posts:,}; ask for fewer."
        )


def csv_text(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows below a header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
