"""Which keys vouch, as the topic `identities` tells it; what is impossible there changes nothing and stops nothing."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Event, PolicyRefused, SigningKeyPublished, SigningKeyRetired, TokenRevoked
from streams.casework.jws import SigningKey
from streams.casework.signing_keys import NO_IDENTITIES, Identities, fold_identities, is_identity_on

FIRST, SECOND = (SigningKey(bytes([number]) * 32) for number in (1, 2))


def published(key: SigningKey = FIRST, **changes: object) -> SigningKeyPublished:
    plain = {
        "event_id": "p", "key_id": key.key_id, "public_key": key.public_key, "published_by": "op", "published_at": 0,
    }  # fmt: skip
    return SigningKeyPublished(**(plain | changes))  # type: ignore[arg-type]


def retired(key: SigningKey = FIRST) -> SigningKeyRetired:
    return SigningKeyRetired(event_id="r", key_id=key.key_id, retired_by="op", retired_at=0)


def revoked(token_id: str, key: SigningKey = FIRST) -> TokenRevoked:
    return TokenRevoked(event_id="t", key_id=key.key_id, token_id=token_id, revoked_by="op", revoked_at=0)


def folded(*history: tuple[int, Event]) -> Identities:
    identities = NO_IDENTITIES
    for at, event in history:
        identities = fold_identities(identities, event, at=at)
    return identities


def test_identity_is_on_from_the_first_key_until_the_last_is_retired() -> None:
    identities = folded((100, published()), (200, published(SECOND)), (300, retired()), (400, retired(SECOND)))
    on = [at for at in (0, 99, 100, 299, 300, 399, 400, 500) if is_identity_on(identities, at=at)]
    assert on == [100, 299, 300, 399]


def test_what_is_impossible_changes_nothing() -> None:
    identities = folded((100, published()), (150, revoked("t1")))
    for event in (
        published(SECOND, public_key=b""),
        published(SECOND, public_key=SECOND.public_key + b"x"),
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
        assert fold_identities(identities, event, at=200) is identities


def test_what_was_retired_stays_so_and_since_then() -> None:
    identities = folded((100, published()), (200, retired()))
    for event in (published(), retired()):
        assert fold_identities(identities, event, at=300) is identities


def test_a_revocation_names_a_key_and_a_token() -> None:
    identities = folded((100, published()), (100, published(SECOND)), (200, revoked("t1")), (300, revoked("t2")))
    assert identities[FIRST.key_id].revoked == {"t1": 200, "t2": 300}
    assert identities[SECOND.key_id].revoked == {}


events = st.sampled_from(
    [published(), published(SECOND), published(SECOND, public_key=b"short"), retired(), retired(SECOND), revoked("t")]
)
histories = st.lists(st.tuples(st.integers(0, 1_000), events), max_size=12).map(lambda h: sorted(h, key=lambda e: e[0]))


@given(histories)
def test_a_history_folded_twice_is_folded_once(history: list[tuple[int, Event]]) -> None:
    assert folded(*history, *history) == folded(*history)
