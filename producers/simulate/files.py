"""Recorded posts as files that any command reads: a labelled seed for the first model, and the stream to be decided."""

import csv
import io
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar

from infra.errors import HitlError
from producers.simulate.davidson import SEED_POSTS, Post, SeedSplit, seed_split

SEED_HEADER: Final = ("id", "text", "label")
STREAM_HEADER: Final = ("id", "text")
NEW: Final = "new-"  # before the id of a request that no simulated person knows

T = TypeVar("T")


class TooFewPosts(HitlError):
    """There are fewer recorded posts than were asked for; ask for fewer."""


class Files(NamedTuple):
    """Each as CSV; `new` is what comes after the stream, under ids of which nobody recorded anything."""

    seed: str
    stream: str
    new: str


def csv_files(
    posts: Sequence[Post], *, stream_posts: int, seed: int, seed_posts: int = SEED_POSTS, new_posts: int = 0
) -> Files:
    """`seed_posts` posts with the label that most people gave, and `stream_posts` others without any label.

    `new_posts` are for whoever sits there: simulated people leave them. They are the next of the stream, and its first
    again where it ends.
    Raises `TooFewPosts`.
    """
    split = seed_split(posts, seed=seed, size=seed_posts)
    _check(split, stream_posts=stream_posts, seed_posts=seed_posts)
    return Files(
        seed=csv_text(SEED_HEADER, [(post.post_id, post.text, post.majority) for post in split.seed]),
        stream=csv_text(STREAM_HEADER, [(post.post_id, post.text) for post in split.stream[:stream_posts]]),
        new=csv_text(
            STREAM_HEADER,
            [(f"{NEW}{post.post_id}", post.text) for post in following(split.stream, stream_posts, new_posts)],
        ),
    )


def following(stream: Sequence[T], start: int, count: int) -> Sequence[T]:
    """So many from there on, and from the first again after the last.

    >>> following("abcd", 3, 2)
    ['d', 'a']
    """
    return [stream[number % len(stream)] for number in range(start, start + min(count, len(stream)))]


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
