"""Which keys vouch, as the topic `identities` tells it; what is impossible there changes nothing and stops nothing."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Event, PolicyRefused, SigningKeyPublished, SigningKeyRetired, TokenRevoked
from streams.casework.jws import SigningKey, thumbprint
from streams.casework.signing_keys import NO_IDENTITIES, Identities, fold_identities, is_identity_on

FIRST, SECOND = (SigningKey(bytes([number]) * 32) for number in (1, 2))


def published(key: SigningKey = FIRST, at: int = 0, **changes: object) -> SigningKeyPublished:
    plain = {
        "event_id": "p", "key_id": key.key_id, "public_key": key.public_key, "published_by": "op", "published_at": at,
    }  # fmt: skip
    return SigningKeyPublished(**(plain | changes))  # type: ignore[arg-type]


def retired(key: SigningKey = FIRST, at: int = 0) -> SigningKeyRetired:
    return SigningKeyRetired(event_id="r", key_id=key.key_id, retired_by="op", retired_at=at)


def revoked(token_id: str, key: SigningKey = FIRST, at: int = 0) -> TokenRevoked:
    return TokenRevoked(event_id="t", key_id=key.key_id, token_id=token_id, revoked_by="op", revoked_at=at)


def folded(*history: Event) -> Identities:
    return reduce(fold_identities, history, NO_IDENTITIES)


def test_identity_is_on_from_the_first_key_until_the_last_is_retired() -> None:
    identities = folded(
        published(at=100), published(SECOND, at=200), retired(at=300), retired(SECOND, at=400)
    )
    on = [at for at in (0, 99, 100, 299, 300, 399, 400, 500) if is_identity_on(identities, at=at)]
    assert on == [100, 299, 300, 399]


def test_what_is_impossible_changes_nothing() -> None:
    identities = folded(published(), revoked("t1"))
    for event in (
        published(SECOND, public_key=b""),
        published(SECOND, public_key=SECOND.public_key + b"x"),
        published(SECOND, public_key=b"short", key_id=thumbprint(b"short")),
        published(SECOND, key_id="mine"),
        published(SECOND, key_id=FIRST.key_id),  # no other key under a name that is taken
        published(),
        retired(SECOND),
        revoked("t1"),
        revoked("t1", SECOND),
        PolicyRefused(
            event_id="e", workflow="w", digest="", line=None, reason="", published_by="op", refused_at=0
        ),
    ):
        assert fold_identities(identities, event) is identities


def test_what_was_retired_stays_so_and_since_then() -> None:
    identities = folded(published(at=100), retired(at=200))
    for event in (published(at=300), retired(at=300)):
        assert fold_identities(identities, event) is identities


def test_a_revocation_names_a_key_and_a_token() -> None:
    identities = folded(published(), published(SECOND), revoked("t1", at=200), revoked("t2", at=300))
    assert identities[FIRST.key_id].revoked == {"t1": 200, "t2": 300}
    assert identities[SECOND.key_id].revoked == {}


times = st.integers(0, 1_000)
keys = st.sampled_from([FIRST, SECOND])
events = st.one_of(
    st.builds(published, keys, times),
    st.builds(published, keys, times, public_key=st.binary(max_size=33)),
    st.builds(retired, keys, times),
    st.builds(revoked, st.sampled_from(["t1", "t2"]), keys, times),
)


@given(st.lists(events, max_size=12))
def test_a_history_folded_twice_is_folded_once(history: list[Event]) -> None:
    begun = (published(), published(SECOND))  # nothing is retired or revoked before its key is there
    assert folded(*begun, *history, *history) == folded(*begun, *history)
