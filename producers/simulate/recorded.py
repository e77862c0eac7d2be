"""Recorded votes as answers to requests that carry the id of their post."""

from collections.abc import Mapping, Sequence
from typing import assert_never

from producers.simulate.davidson import Post, load_posts, majority_of_three, one_vote
from producers.simulate.people import Panel


class DavidsonVotes:
    """Answers by the votes on the very post that a request carries; its request id is the post's id."""

    def __init__(self, posts: Sequence[Post] | None = None) -> None:
        known = load_posts() if posts is None else posts
        self._posts: Mapping[str, Post] = {post.post_id: post for post in known}

    def answer(self, request_id: str, panel: Panel, *, seed: int) -> str | None:
        """`approve` or `reject`; None for a request that is none of the posts."""
        post = self._posts.get(request_id)
        if post is None:
            return None
        match panel:
            case Panel.ONE:
                return one_vote(post, seed=seed)
            case Panel.THREE:
                return majority_of_three(post, seed=seed)
            case Panel.ALL:
                return post.majority
            case _:
                assert_never(panel)
