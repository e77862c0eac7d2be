import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.models.bags import Bags
from infra.models.text import TextFeaturizer

FEATURES = TextFeaturizer()
ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=60) | st.sampled_from(
    ["", " ", "\0", "\0\0\0\0\0a", "\ud800", "ΣΑΣ", "Σ", "http://", "@", "@a", "a\u2028b", "\x01", "İ", "ſ", "é" * 70]
)


def row(bags: Bags, number: int) -> list[object]:
    """All that the bags say about one row."""
    groups, rows = bags.scale.shape
    ends = [*bags.offsets[1:].tolist(), bags.indices.size]
    places = [group * rows + number for group in range(groups)]
    columns = [bags.indices[bags.offsets[place] : ends[place]].tolist() for place in places]
    return [columns, bags.scale[:, number].tolist()]


@settings(max_examples=300)
@given(st.lists(ANY_TEXT, min_size=1, max_size=6))
def test_features_of_any_text_do_not_depend_on_its_batch(texts: list[str]) -> None:
    together = FEATURES.bags(texts)
    for number, text in enumerate(texts):
        assert row(together, number) == row(FEATURES.bags([text]), 0)


@given(st.lists(ANY_TEXT, max_size=6))
def test_columns_lie_within_the_width_and_bags_in_order(texts: list[str]) -> None:
    bags = FEATURES.bags(texts)
    assert bags.scale.shape == (2, len(texts))
    assert bags.offsets.shape == (2 * len(texts),)
    assert (np.diff(bags.offsets) >= 0).all()
    assert ((bags.indices >= 0) & (bags.indices < FEATURES.width)).all()
    assert np.isfinite(bags.scale).all()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello World", "hello  world"),
        ("a\tb\n\nc", "a b c"),
        ("look http://t.co/abc", "look https://example.org/x?y=1"),
        ("@anna you there", "@bob_9 you there"),
    ],
)
def test_case_whitespace_links_and_mentions_do_not_matter(one: str, other: str) -> None:
    assert row(FEATURES.bags([one]), 0) == row(FEATURES.bags([other]), 0)


def test_word_order_and_punctuation_matter() -> None:
    texts = ["not good", "good not", "not good!", "not goods"]
    rows = [row(FEATURES.bags([text]), 0) for text in texts]
    assert all(rows[i] != rows[j] for i in range(4) for j in range(i))


def test_equal_words_share_their_column_wherever_they_stand() -> None:
    words, second = FEATURES.bags(["alpha beta", "x beta alpha y"]), 3
    in_first = set(words.indices[words.offsets[2] : words.offsets[3]][0::2].tolist())
    in_second = set(words.indices[words.offsets[second] :][0::2].tolist())
    assert len(in_first) == 2
    assert in_first < in_second


def test_few_columns_collide() -> None:
    bags = FEATURES.bags([f"w{number}x" for number in range(20_000)])
    word_columns = bags.indices[bags.offsets[20_000] :][0::2]
    expected = 2**18 * (1 - (1 - 2**-18) ** 20_000)  # of a perfectly random hash
    assert len(np.unique(word_columns)) > 0.98 * expected


def test_a_text_of_a_megabyte_is_featurised() -> None:
    bags = FEATURES.bags(["ab c" * 250_000, "short"])
    assert bags.indices.size > 4_000_000
    assert row(bags, 1) == row(FEATURES.bags(["short"]), 0)
