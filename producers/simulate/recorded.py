"""What was recorded, as answers to requests that carry the id of their post or of their loan application."""

from collections.abc import Mapping, Sequence
from typing import assert_never

from producers.simulate.davidson import Post, load_posts, majority_of_three, one_vote
from producers.simulate.draws import unit_draw
from producers.simulate.german_credit import APPROVE, REJECT, Application, load_applications
from producers.simulate.people import Panel, Votes


class DavidsonVotes:
    """Answers by the votes on the very post that a request carries; its request id is the post's id."""

    def __init__(self, posts: Sequence[Post] | None = None) -> None:
        known = load_posts() if posts is None else posts
        self._posts: Mapping[str, Post] = {post.post_id: post for post in known}

    def answer(self, request_id: str, panel: Panel, *, seed: int, turn: int = 0) -> str | None:
        """`approve` or `reject`; None for a request that is none of the posts."""
        post = self._posts.get(request_id)
        if post is None:
            return None
        match panel:
            case Panel.ONE:
                return one_vote(post, seed=seed, turn=turn)
            case Panel.THREE:
                return majority_of_three(post, seed=seed + turn)
            case Panel.ALL:
                return post.majority
            case _:
                assert_never(panel)


class GermanCreditOutcomes:
    """Answers by what became of the very loan that a request asks for; its request id is the application's.

    Nobody voted on these, so people are assumed: each of them errs in `error_rate` of the applications, by hash and
    independently of the others. One answers an ordinary review, three a blind one, and their majority counts; experts
    do not err.
    """

    def __init__(self, error_rate: float, applications: Sequence[Application] | None = None) -> None:
        known = load_applications() if applications is None else applications
        self._labels: Mapping[str, str] = {each.application_id: each.label for each in known}
        self._error_rate = error_rate

    def answer(self, request_id: str, panel: Panel, *, seed: int, turn: int = 0) -> str | None:
        """`approve` or `reject`; None for a request that is none of the applications."""
        truth = self._labels.get(request_id)
        if truth is None:
            return None
        match panel:
            case Panel.ONE:
                errs = self._errors(request_id, "one", 1, seed=seed + turn) == 1
            case Panel.THREE:
                errs = self._errors(request_id, "panel", 3, seed=seed + turn) >= 2
            case Panel.ALL:
                errs = False
            case _:
                assert_never(panel)
        return {APPROVE: REJECT, REJECT: APPROVE}[truth] if errs else truth

    def _errors(self, request_id: str, purpose: str, people: int, *, seed: int) -> int:
        draws = (unit_draw(seed, f"loan-{purpose}-{turn}", request_id) for turn in range(people))
        return sum(draw < self._error_rate for draw in draws)


class RecordedAnswers:
    """Several recordings as one: each request is answered by the one that knows it."""

    def __init__(self, *recordings: Votes) -> None:
        self._recordings = recordings

    def answer(self, request_id: str, panel: Panel, *, seed: int, turn: int = 0) -> str | None:
        """None for a request that no recording knows."""
        answers = (each.answer(request_id, panel, seed=seed, turn=turn) for each in self._recordings)
        return next((answer for answer in answers if answer is not None), None)
