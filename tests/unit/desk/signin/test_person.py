"""What a provider's claims make of a person, whatever stands in them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.desk.signin.person import ClaimNames, is_reviewer_id, person_in
from producers.desk.signin.refusal import Reason, SignInRefused
from producers.desk.signin.roles import Role

NAMES = ClaimNames()
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def why(claims: dict[str, Any], names: ClaimNames = NAMES) -> Reason:
    with pytest.raises(SignInRefused) as refused:
        person_in(claims, names)
    return refused.value.why


def test_roles_and_skills_are_a_list_or_words_and_lie_where_the_settings_say() -> None:
    deep = {"sub": "p7", "realm_access": {"roles": ["offline", "lead"]}, "skills": "french law,french"}
    person = person_in(deep, ClaimNames(roles="realm_access.roles"))
    assert (person.roles, person.skills, person.name) == ((Role.LEAD,), ("french", "law"), "p7")
    url = {"sub": "p7", "https://hitl.example/roles": ["expert"], "name": "Ann Lee"}
    person = person_in(url, ClaimNames(roles="https://hitl.example/roles"))
    assert (person.roles, person.name) == ((Role.EXPERT,), "Ann Lee")


@pytest.mark.parametrize("roles", [None, [], ["cook"], "cooks", {"reviewer": True}, 7, ["Reviewer"], [["reviewer"]]])
def test_without_a_role_that_counts_nobody_comes_in(roles: object) -> None:
    assert why({"sub": "p7", "roles": roles}) is Reason.MISSING_ROLE


@pytest.mark.parametrize("sub", [None, "", " ", "a\nb", "a\x00", "x" * 201, 7, ["p7"], " p7"])
def test_an_id_that_could_not_be_read_in_a_log_is_none(sub: object) -> None:
    assert why({"sub": sub, "roles": ["reviewer"]}) is Reason.BAD_CLAIMS


def test_too_many_or_too_long_skills_are_refused_not_cut() -> None:
    assert why({"sub": "p7", "roles": "lead", "skills": [f"s{n}" for n in range(65)]}) is Reason.BAD_CLAIMS
    assert why({"sub": "p7", "roles": "lead", "skills": ["x" * 101]}) is Reason.BAD_CLAIMS


@given(st.dictionaries(st.sampled_from(["sub", "roles", "skills", "name", "preferred_username"]), plain))
def test_whatever_stands_there_makes_a_person_that_is_fit_for_the_log_or_none(claims: dict[str, Any]) -> None:
    try:
        person = person_in(claims, NAMES)
    except SignInRefused:
        return
    assert is_reviewer_id(person.reviewer_id) and person.roles and person.name.isprintable()
    assert all(role.value in str(claims["roles"]) for role in person.roles)
