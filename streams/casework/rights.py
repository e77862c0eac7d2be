"""Whether a person may work on a case at all: by enrolment or token, by skills, and by what they did before."""

from typing import NamedTuple

from schemas.values import CaseStage, EscalatedBy
from streams.casework.case import Case
from streams.casework.config import Rules
from streams.casework.identity import Identity, Role, Scope
from streams.casework.people import STRANGER, People, Person
from streams.casework.refusal import Refusal, Refused, quote
from streams.workflow.types import ReviewPolicy


class Who(NamedTuple):
    """A person who acts. `roles` None: nobody has said what they may be, so that nothing is forbidden."""

    reviewer_id: str
    roles: frozenset[str] | None
    skills: frozenset[str]
    person: Person = STRANGER

    def may_be(self, role: Role) -> bool:
        """Whether nothing forbids the role."""
        return self.roles is None or role in self.roles


def who_is(identity: Identity, people: People) -> Who:
    """A person by their token and their enrolment: roles are the token's where there is one; skills are of both."""
    person, claims = people.get(identity.reviewer_id), identity.claims
    skills = person.skills
    if claims is not None:
        return Who(identity.reviewer_id, frozenset(claims.roles), skills | frozenset(claims.skills), person)
    return Who(identity.reviewer_id, person.roles if person.enrolled else None, skills, person)


def out_of_scope(identity: Identity, needed: Scope, case: Case | None) -> Refused | None:
    """Refuses what a token does not let its app do, whatever its person may."""
    claims = identity.claims
    if claims is None:
        return None
    if claims.scopes is not None and needed not in claims.scopes:
        said = f"the token lets its app {' and '.join(claims.scopes) or 'look'} only, and this needs {needed.value}"
        return Refused(Refusal.OUT_OF_SCOPE, f"{said}: get one with that scope")
    if case is not None and claims.workflows and case.workflow not in claims.workflows:
        named = ", ".join(map(quote, claims.workflows[:3]))
        said = f"the token is for {named}, and the case is of {quote(case.workflow)}"
        return Refused(Refusal.OUT_OF_SCOPE, f"{said}: get one for that workflow")
    return None


def may_work_on(case: Case, who: Who, rules: Rules) -> Refused | None:
    """Refuses a person who must not hold or answer this case, whoever has it now."""
    return _may_work(who, rules.review) or _may_work_here(case, who, rules) or took_part(case, who.reviewer_id)


def _may_work(who: Who, policy: ReviewPolicy) -> Refused | None:
    if not who.person.active:
        return Refused(
            Refusal.NOT_ACTIVE, f"{quote(who.reviewer_id)} is set inactive: a lead can change that by enrolling them"
        )
    if policy.enrolled_only and not who.person.enrolled:
        return Refused(
            Refusal.NOT_ENROLLED, f"{quote(who.reviewer_id)} is not enrolled, which this workflow asks for: enrol them"
        )
    return None


def _may_work_here(case: Case, who: Who, rules: Rules) -> Refused | None:
    needed = Role.EXPERT if case.stage is CaseStage.EXPERT else Role.REVIEWER
    if not who.may_be(needed) and not who.may_be(Role.EXPERT):
        return Refused(
            Refusal.MISSING_ROLE, f"the case is for {needed.value}s, which {quote(who.reviewer_id)} is not: pass it on"
        )
    if missing := sorted(set(case.skills) - who.skills):
        return Refused(
            Refusal.MISSING_SKILL, f"the case needs {', '.join(map(quote, missing))}: whoever knows that must answer"
        )
    assessed = who.person.assessed.get(case.workflow)
    adjudicates = case.stage is CaseStage.EXPERT and case.escalated_by is EscalatedBy.DISAGREEMENT
    if adjudicates and assessed is None and rules.reliability.proven:
        return Refused(Refusal.NOT_QUALIFIED, "people disagree about this case: nothing is proven of this person yet")
    if adjudicates and assessed is not None and not assessed.may_adjudicate:
        return Refused(Refusal.NOT_QUALIFIED, f"people disagree about this case: {assessed.reason}")
    return None


def took_part(case: Case, reviewer_id: str) -> Refused | None:
    """Nobody answers a case twice, and nobody judges anew what they decided, spoke about, or appealed themselves."""
    if case.appeal is not None and case.reopened_by is not None and case.appeal.filed_by == reviewer_id:
        return Refused(
            Refusal.SELF_APPEAL, f"{quote(reviewer_id)} filed the appeal that is judged: somebody else must answer"
        )
    before = set(case.people)
    if case.reopened_by is not None:
        before |= {answer.reviewer_id for answer in case.answers}
    if reviewer_id not in before:
        return None
    if case.reopened_by is None:
        return Refused(Refusal.SAME_PERSON, f"{quote(reviewer_id)} has answered this case: somebody else is asked now")
    return Refused(
        Refusal.SAME_PERSON,
        f"{quote(reviewer_id)} took part in the decision that is judged: somebody else must answer",
    )
