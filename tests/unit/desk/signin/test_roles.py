"""Who may do what: the table is whole, and a role that is not in it may nothing."""

import pytest

from producers.desk.signin.roles import ALLOWED, Deed, Role, at_cases, may
from streams.casework import identity


def test_every_deed_is_for_somebody_and_for_nobody_without_a_role() -> None:
    assert set(ALLOWED) == set(Deed)
    for deed in Deed:
        assert ALLOWED[deed]
        denied = may((), deed)
        assert denied is not None and "nothing here" in denied.detail


@pytest.mark.parametrize(
    ("role", "deeds"),
    [
        (Role.REVIEWER, {Deed.WORK}),
        (Role.EXPERT, {Deed.WORK, Deed.ADJUDICATE}),
        (
            Role.LEAD,
            {Deed.SEE_QUEUES, Deed.STEER, Deed.MANAGE_GOLD, Deed.BROWSE, Deed.SEE_MODELS, Deed.SEE_FIGURES},
        ),
        (Role.AUDITOR, {Deed.BROWSE, Deed.SEE_MODELS, Deed.SEE_FIGURES, Deed.SEE_DEAD_LETTERS}),
        (
            Role.ADMIN,
            {
                Deed.SEE_QUEUES, Deed.SEE_MODELS, Deed.SEE_FIGURES, Deed.SEE_DEAD_LETTERS, Deed.REPLAY_DEAD_LETTERS,
                Deed.END_SESSIONS,
            },
        ),
    ],
)  # fmt: skip
def test_a_role_allows_this_and_nothing_else(role: Role, deeds: set[Deed]) -> None:
    assert {deed for deed in Deed if may([role], deed) is None} == deeds


def test_an_auditor_changes_nothing() -> None:
    changing = {Deed.WORK, Deed.ADJUDICATE, Deed.STEER, Deed.MANAGE_GOLD, Deed.REPLAY_DEAD_LETTERS, Deed.END_SESSIONS}
    assert all(may([Role.AUDITOR], deed) is not None for deed in changing)


def test_casework_hears_of_the_roles_it_knows() -> None:
    assert at_cases(list(Role)) == (identity.Role.REVIEWER, identity.Role.EXPERT, identity.Role.LEAD)
    assert at_cases([Role.AUDITOR, Role.ADMIN]) == ()
