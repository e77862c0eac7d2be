import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.values import SampleKind, Split
from streams.casework.sealing import SEALED_BYTES, SealBroken, Sealed, Sealer

KEY = bytes(range(64))
SEALED = Sealed(
    kind=SampleKind.BLIND,
    model_label="offensive",
    confidence=0.875,
    model_digest="a" * 64,
    calibrator="b" * 64,
    certificate="c" * 64,
    inclusion_probability=0.3,
    split=Split.GATE,
    routed_reason="medium confidence, needs human validation",
    risk_score=0.25,
)

sealeds = st.builds(
    Sealed,
    kind=st.sampled_from(SampleKind),
    model_label=st.none() | st.text(max_size=20),
    confidence=st.none() | st.floats(0, 1),
    model_digest=st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
    inclusion_probability=st.floats(0, 1),
    split=st.sampled_from(Split),
    routed_reason=st.text(max_size=40),
    risk_score=st.floats(0, 1),
)


@given(sealed=sealeds, request_id=st.text(max_size=40), revision=st.integers(1, 1 << 40))
def test_opening_gives_back_what_was_sealed_at_one_length(sealed: Sealed, request_id: str, revision: int) -> None:
    sealer = Sealer(KEY)
    data = sealer.seal(sealed, request_id=request_id, revision=revision)
    assert len(data) == SEALED_BYTES
    assert sealer.open(data, request_id=request_id, revision=revision) == sealed


def test_sealing_again_gives_the_same_bytes_so_that_replays_match() -> None:
    first = Sealer(KEY).seal(SEALED, request_id="r", revision=1)
    assert first == Sealer(KEY).seal(SEALED, request_id="r", revision=1)


def test_equal_contents_of_two_cases_or_revisions_look_different() -> None:
    sealer = Sealer(KEY)
    made = {sealer.seal(SEALED, request_id=r, revision=v) for r in ("r", "s") for v in (1, 2)}
    assert len(made) == 4


@pytest.mark.parametrize(("request_id", "revision"), [("s", 1), ("r", 2), ("", 1), ("r1", 1)])
def test_a_seal_moved_to_another_case_or_revision_does_not_open(request_id: str, revision: int) -> None:
    sealer = Sealer(KEY)
    data = sealer.seal(SEALED, request_id="r", revision=1)
    with pytest.raises(SealBroken):
        sealer.open(data, request_id=request_id, revision=revision)


@given(position=st.integers(0, SEALED_BYTES - 1), flip=st.integers(1, 255))
def test_any_changed_byte_breaks_the_seal(position: int, flip: int) -> None:
    data = bytearray(Sealer(KEY).seal(SEALED, request_id="r", revision=1))
    data[position] ^= flip
    with pytest.raises(SealBroken):
        Sealer(KEY).open(bytes(data), request_id="r", revision=1)


@pytest.mark.parametrize("data", [b"", b"short", bytes(SEALED_BYTES), bytes(4000)])
def test_what_was_never_sealed_does_not_open(data: bytes) -> None:
    with pytest.raises(SealBroken):
        Sealer(KEY).open(data, request_id="r", revision=1)


def test_another_key_does_not_open_and_says_what_to_do() -> None:
    data = Sealer(KEY).seal(SEALED, request_id="r", revision=1)
    with pytest.raises(SealBroken, match="HITL_SEAL_KEY"):
        Sealer(bytes(64)).open(data, request_id="r", revision=1)


def test_contents_that_would_show_by_their_length_are_refused() -> None:
    long = Sealed(kind=SampleKind.REVIEW, inclusion_probability=1, split=Split.TRAIN, routed_reason="x" * 600)
    with pytest.raises(ValueError, match="shorten"):
        Sealer(KEY).seal(long, request_id="r", revision=1)
