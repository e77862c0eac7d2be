"""Recorded posts as CSV files."""

import csv
import io

import pytest

from producers.simulate.davidson import Post, load_posts, normalised
from producers.simulate.files import TooFewPosts, csv_files


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_both_files_hold_what_was_asked_for_and_no_post_is_in_both() -> None:
    files = csv_files(load_posts(), stream_posts=500, seed=1)
    seed, stream = rows(files.seed), rows(files.stream)
    assert (len(seed), len(stream)) == (300, 500)
    assert {row["label"] for row in seed} == {"approve", "reject"}
    assert set(stream[0]) == {"id", "text"}  # the answer is not given away
    assert not {normalised(row["text"]) for row in seed} & {normalised(row["text"]) for row in stream}


def test_new_posts_are_the_next_ones_under_ids_of_their_own() -> None:
    files = csv_files(load_posts(), stream_posts=500, seed=1, new_posts=20)
    more = rows(csv_files(load_posts(), stream_posts=520, seed=1).stream)[500:]
    assert [row["text"] for row in rows(files.new)] == [row["text"] for row in more]
    assert [row["id"] for row in rows(files.new)] == [f"new-{row['id']}" for row in more]
    assert rows(csv_files(load_posts(), stream_posts=500, seed=1).new) == []


def test_texts_survive_the_file() -> None:
    awkward = 'a "quoted", comma\nand a line; \r and é'
    posts = [Post(post_id=str(n), text=f"{awkward}{n}", hate=0, offensive=0, neither=3) for n in range(2)]
    files = csv_files(posts, stream_posts=1, seed=1, seed_posts=1)
    assert {row["text"] for row in rows(files.seed) + rows(files.stream)} == {post.text for post in posts}


def test_more_posts_than_there_are_is_refused() -> None:
    with pytest.raises(TooFewPosts, match="ask for fewer"):
        csv_files(load_posts(), stream_posts=30_000, seed=1)
