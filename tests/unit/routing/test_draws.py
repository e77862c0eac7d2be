"""Draws are uniform, stable, and different for each purpose."""

import hmac
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from schemas.values import Split
from streams.routing.draws import AUDIT, BLIND, SPLIT, draw, split_of

SALT = b"a salt"


@given(salt=st.binary(max_size=200), request_id=st.text(max_size=50), purpose=st.sampled_from([AUDIT, BLIND, SPLIT]))
def test_draw_is_the_keyed_hash_of_purpose_and_request(salt: bytes, request_id: str, purpose: str) -> None:
    text = f"{purpose}\0{request_id}".encode()
    digest = hmac.new(salt, text, sha256).digest()
    u = draw(salt, purpose, request_id)
    assert 0 <= u < 1
    assert abs(u - int.from_bytes(digest) / 2**256) <= 2**-53


def test_known_draw_stays_what_it_was() -> None:
    assert draw(SALT, AUDIT, "r1") == 0.26653726076135065


def test_draws_are_uniform() -> None:
    counts = [0] * 20
    for number in range(20_000):
        counts[int(draw(SALT, AUDIT, f"post-{number}") * 20)] += 1
    chi_square = sum((count - 1_000) ** 2 / 1_000 for count in counts)
    assert chi_square < 43.8  # 0.999 quantile with 19 degrees of freedom


def test_purposes_and_salts_draw_independently() -> None:
    pairs = [
        (draw(SALT, AUDIT, f"{n}"), draw(SALT, SPLIT, f"{n}"), draw(b"other", AUDIT, f"{n}")) for n in range(5_000)
    ]
    both = sum(a < 0.5 and s < 0.5 for a, s, _ in pairs)
    salts = sum(a < 0.5 and o < 0.5 for a, _, o in pairs)
    assert abs(both - 1_250) < 100 > abs(salts - 1_250)


def test_splits_take_forty_thirty_thirty() -> None:
    assert [split_of(u) for u in (0, 0.399, 0.4, 0.699, 0.7, 0.999)] == [
        Split.TRAIN, Split.TRAIN, Split.GATE, Split.GATE, Split.CERTIFICATE, Split.CERTIFICATE,
    ]  # fmt: skip
