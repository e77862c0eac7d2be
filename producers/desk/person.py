"""Whoever asks for work, as casework will take them for: by enrolment and token, and of that what they want. Pure."""

from collections.abc import Collection, Iterable
from functools import reduce

import msgspec

from infra.kafka.scan import Entry
from streams.casework.config import Config
from streams.casework.eligibility import Reviewer, reviewer_of
from streams.casework.identity import Claims, Identity, Role
from streams.casework.jws import read
from streams.casework.rights import who_is
from streams.workflow.policies import policy_of
from streams.workflow.types import ReviewPolicy


def claims_in(token: str | None) -> Claims | None:
    """What a token says. Nothing of it is believed here: casework checks the signature."""
    said = None if token is None else read(token)
    try:
        return None if said is None else msgspec.json.decode(said.payload, type=Claims)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def config_of(entries: Iterable[Entry]) -> Config:
    """What is in force after these records."""
    return reduce(Config.with_event, (entry.event for entry in entries if entry.event is not None), Config())


def person(reviewer_id: str, token: str | None, config: Config) -> Reviewer:
    """As enrolled, or as the token says."""
    return reviewer_of(who_is(Identity(reviewer_id, claims_in(token)), config.people))


def open_workflows(reviewer_id: str, config: Config) -> tuple[str, ...]:
    """Those that ask for no enrolment, for somebody who is not enrolled; nothing, which means all, for others."""
    if config.people.get(reviewer_id).enrolled:
        return ()
    reviews = {name: policy.workflow_type.review for name, policy in config.policies.items()}
    if not any(review.enrolled_only for review in reviews.values()):
        return ()
    return tuple(name for name, review in reviews.items() if not review.enrolled_only) or ("",)


def workflows_within(token: str | None, wanted: Collection[str]) -> tuple[str, ...]:
    """Of the workflows that are wanted those that the token is for; nothing means all.

    What is wanted and is in none of them stays, and casework says why it is refused.
    """
    claims = claims_in(token)
    if claims is None or not claims.workflows:
        return tuple(wanted)
    return tuple(each for each in claims.workflows if each in wanted) or tuple(wanted) or claims.workflows


def narrowed(
    reviewer: Reviewer, *, workflows: Collection[str], skills: Collection[str], roles: Collection[str]
) -> Reviewer:
    """Only what they want of all that they are able to do."""
    able = reviewer.roles
    if able is not None and Role.EXPERT in able:
        able |= {Role.REVIEWER}  # an expert may do what reviewers do
    wanted = able if not roles else frozenset(roles) if able is None else able & frozenset(roles)
    return Reviewer(
        reviewer_id=reviewer.reviewer_id,
        skills=reviewer.skills & frozenset(skills) if skills else reviewer.skills,
        roles=wanted,
        workflows=frozenset(workflows) if workflows else None,
        wip_limit=reviewer.wip_limit,
    )


def roles_of(known: Collection[str] | None, signed_in: Collection[str]) -> frozenset[str]:
    """What somebody may be who signed in with these roles, where casework knows of some or of none."""
    here = frozenset(signed_in) | ({Role.REVIEWER} if Role.EXPERT in signed_in else frozenset())
    return here if known is None else here & frozenset(known)


def wip_limit(config: Config, workflows: Collection[str]) -> int:
    """The least limit of the workflows that they work on. Raises `WorkflowUnknown`."""
    chosen = [policy_of(config.policies, name) for name in workflows or config.policies]
    return min((policy.workflow_type.review.wip_limit for policy in chosen), default=ReviewPolicy().wip_limit)
