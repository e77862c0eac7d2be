"""Where identity is on, who has signed in is vouched for to casework, shortly; nobody else is."""

from pathlib import Path

import pytest

from infra.secret_keys import put_identity_key
from infra.settings import Settings
from producers.desk.signin.person import Person
from producers.desk.signin.roles import Role
from producers.desk.signin.vouching import TERM, KeyFile
from producers.gateway.identity import key_published, key_retired
from streams.casework import identity
from streams.casework.identity import Identity, NotVouched, Refused, identify, issuer
from streams.casework.issuing import NoSigningKey
from streams.casework.jws import SigningKey
from streams.casework.signing_keys import NO_IDENTITIES, fold_identities

PRIVATE, NEXT = b"1" * 32, b"2" * 32
KEY, FOLLOWER = SigningKey(PRIVATE), SigningKey(NEXT)
NOW = 1_800_000_000_000
ANN = Person(reviewer_id="ann", name="Ann", roles=(Role.EXPERT, Role.ADMIN), skills=("french",))
ON = fold_identities(NO_IDENTITIES, key_published(KEY, by="op", now=0))


class Desk:
    """A key file, the keys in force, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder)
        self.identities, self.now = ON, NOW
        ids = iter(f"t{number}" for number in range(99))
        self.vouching = KeyFile(
            self.settings, lambda: self.identities, wall=lambda: self.now, new_id=lambda: next(ids)
        )

    def judged(self, person: Person = ANN) -> Identity | Refused:
        token = self.vouching.token_of(person)
        return identify(token, "ann", self.identities, at=self.now, installation=issuer("hitl."))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    put_identity_key(made.settings, PRIVATE)
    return made


def test_casework_believes_it_and_hears_of_the_roles_it_knows(desk: Desk) -> None:
    said = desk.judged()
    assert isinstance(said, Identity) and said.claims is not None
    assert (said.claims.roles, said.claims.skills, said.claims.app) == ((identity.Role.EXPERT,), ("french",), "desk")


def test_a_token_is_used_again_until_its_last_minute_and_is_always_good_when_it_is_given(desk: Desk) -> None:
    first = desk.vouching.token_of(ANN)
    desk.now += 60_000
    assert desk.vouching.token_of(ANN) == first
    for _ in range(3 * TERM // 10):
        desk.now += 10_000
        assert isinstance(desk.judged(), Identity)
    assert desk.vouching.token_of(ANN) != first


def test_another_role_is_another_token(desk: Desk) -> None:
    desk.vouching.token_of(ANN)
    said = desk.judged(Person(reviewer_id="ann", name="Ann", roles=(Role.REVIEWER,)))
    assert isinstance(said, Identity) and said.claims is not None and said.claims.roles == (identity.Role.REVIEWER,)


def test_while_identity_is_off_and_for_who_is_nothing_to_a_case_there_is_none(desk: Desk) -> None:
    auditor = Person(reviewer_id="ann", name="Ann", roles=(Role.AUDITOR, Role.ADMIN))
    said = desk.judged(auditor)
    assert isinstance(said, Refused) and said.reason is NotVouched.MISSING_TOKEN
    desk.identities = NO_IDENTITIES
    assert desk.vouching.token_of(ANN) is None


def test_a_changed_key_signs_at_once(desk: Desk) -> None:
    desk.vouching.token_of(ANN)
    desk.identities = fold_identities(
        fold_identities(ON, key_published(FOLLOWER, by="op", now=1)), key_retired(KEY.key_id, by="op", now=2)
    )
    with pytest.raises(NoSigningKey, match="not in force"):
        desk.vouching.token_of(ANN)
    put_identity_key(desk.settings, NEXT)
    assert isinstance(desk.judged(), Identity)


def test_without_the_file_nobody_is_vouched_for(tmp_path: Path) -> None:
    with pytest.raises(NoSigningKey, match="no key to sign with"):
        Desk(tmp_path).vouching.token_of(ANN)
