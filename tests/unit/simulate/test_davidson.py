from producers.simulate.davidson import (
    APPROVE,
    REJECT,
    Post,
    load_posts,
    majority_of_three,
    normalised,
    one_vote,
    seed_split,
)


def post(approvals: int, rejections: int, post_id: str = "p") -> Post:
    return Post(post_id=post_id, text="t", hate=0, offensive=rejections, neither=approvals)


def test_all_posts_and_votes_are_there() -> None:
    posts = load_posts()
    assert len(posts) == len({found.post_id for found in posts}) == 24_783
    assert sum(found.majority == APPROVE for found in posts) == 4_163 - 17  # 17 ties and near-ties are rejections
    assert min(found.votes for found in posts) == 3


def test_seed_and_stream_share_no_post_and_no_text() -> None:
    split = seed_split(load_posts(), seed=11)
    assert len(split.seed) == 300
    assert len(split.stream) > 24_000
    assert not {normalised(found.text) for found in split.seed} & {normalised(found.text) for found in split.stream}


def test_the_split_depends_on_the_seed_alone() -> None:
    posts = load_posts()[:2_000]
    assert seed_split(posts, seed=1) == seed_split(tuple(reversed(posts)), seed=1)
    assert seed_split(posts, seed=1).seed != seed_split(posts, seed=2).seed


def test_copies_of_a_post_are_recognised() -> None:
    assert normalised('!!! RT @anna: "Good &amp; bad" http://t.co/x') == normalised("good  bad")
    assert normalised("good bad") != normalised("good dad")


def test_votes_are_drawn_in_proportion_and_repeatably() -> None:
    posts = [post(2, 1, f"p{number}") for number in range(3_000)]
    answers = [one_vote(found, seed=5) for found in posts]
    assert answers == [one_vote(found, seed=5) for found in posts]
    assert 0.63 < answers.count(APPROVE) / 3_000 < 0.70


def test_three_people_of_three_give_the_recorded_majority() -> None:
    assert {majority_of_three(post(2, 1, str(number)), seed=number) for number in range(200)} == {APPROVE}
    assert {majority_of_three(post(1, 2, str(number)), seed=number) for number in range(200)} == {REJECT}


def test_three_people_of_nine_may_differ_from_the_majority() -> None:
    answers = [majority_of_three(post(6, 3, f"p{number}"), seed=5) for number in range(3_000)]
    assert 0.74 < answers.count(APPROVE) / 3_000 < 0.81  # hypergeometric: .774
