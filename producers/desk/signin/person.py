"""A person as an identity provider tells of them, or the reason why that is not enough. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from producers.desk.signin.refusal import Reason, SignInRefused
from producers.desk.signin.roles import Role

LONGEST_ID: Final = 200  # characters, as the gateway has it
LONGEST_SKILL: Final = 100  # characters
MOST_SKILLS: Final = 64


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who has signed in. `reviewer_id` goes into the log and is a pseudonym; `name` is for their own page only."""

    reviewer_id: str
    name: str
    roles: tuple[Role, ...]
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimNames:
    """Which claim says what; a dot leads into a claim, as in `realm_access.roles`."""

    reviewer: str = "sub"
    roles: str = "roles"
    skills: str = "skills"


def person_in(claims: Mapping[str, object], names: ClaimNames) -> Person:
    """Whom the claims of a verified id token mean. Raises `SignInRefused` without an id or a role that counts here.

    >>> person_in({"sub": "p7", "roles": ["lead", "cook"]}, ClaimNames()).roles
    (<Role.LEAD: 'lead'>,)
    """
    reviewer_id = _claim(claims, names.reviewer)
    if not isinstance(reviewer_id, str) or not is_reviewer_id(reviewer_id):
        said = f"the claim {names.reviewer!r} must name you in 1 to {LONGEST_ID} printable characters"
        raise SignInRefused(Reason.BAD_CLAIMS, f"{said}: whoever runs the identity provider can correct that")
    given = set(_words(_claim(claims, names.roles)))
    roles = tuple(role for role in Role if role.value in given)
    if not roles:
        said = f"the claim {names.roles!r} gives you none of the roles {', '.join(Role)}"
        said = f"{said}: ask whoever gives roles here for one, then sign in again"
        raise SignInRefused(Reason.MISSING_ROLE, said, reviewer_id=reviewer_id)
    return Person(
        reviewer_id=reviewer_id,
        name=_name(claims) or reviewer_id,
        roles=roles,
        skills=_skills(_claim(claims, names.skills), names.skills),
    )


def is_reviewer_id(text: str) -> bool:
    """Whether a text may name a person in the log."""
    return 0 < len(text) <= LONGEST_ID and text.isprintable() and text == text.strip()


def _name(claims: Mapping[str, object]) -> str | None:
    for claim in ("name", "preferred_username"):
        said = claims.get(claim)
        if isinstance(said, str) and said.strip() and said.isprintable():
            return said.strip()[:LONGEST_ID]
    return None


def _skills(said: object, claim: str) -> tuple[str, ...]:
    skills = tuple(dict.fromkeys(_words(said)))
    if len(skills) > MOST_SKILLS or any(not 0 < len(skill) <= LONGEST_SKILL for skill in skills):
        limits = f"at most {MOST_SKILLS} skills of at most {LONGEST_SKILL} characters"
        raise SignInRefused(Reason.BAD_CLAIMS, f"the claim {claim!r} may name {limits}: name fewer or shorter ones")
    return skills


def _words(said: object) -> list[str]:
    """A list of texts, or one text of words; anything else names nothing."""
    if isinstance(said, str):
        return said.replace(",", " ").split()
    return [each for each in said if isinstance(each, str)] if isinstance(said, list) else []


def _claim(claims: Mapping[str, object], path: str) -> object:
    """The claim of that name, else what the dots lead to. A name with dots may be a URL, so it is tried whole first."""
    if path in claims:
        return claims[path]
    found: object = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
