"""What the log says of people: how far they agree in each workflow, with whom, and what each was last assessed as."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from infra.kafka.scan import Entry
from schemas.events import OverlapAnswered, PolicyPublished, ReviewerAssessed, ReviewerEnrolled
from schemas.topics import AUDITS, POLICIES, REVIEWERS
from streams.assurance.agreement import Agreement, Coefficient, agreement, cohen_kappa, ratings
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies

ACCOUNT_TOPICS = (AUDITS.name, REVIEWERS.name, POLICIES.name)
Given = tuple[str, str]  # reviewer, label


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """Two people's answers to the same cases."""

    workflow: str
    other: str
    cases: int
    alike: int
    cohen_kappa: Coefficient


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One person: as enrolled, the last assessment in each workflow, and agreement with each other person."""

    reviewer_id: str
    enrolment: ReviewerEnrolled | None
    assessments: tuple[ReviewerAssessed, ...]
    together: tuple[Together, ...]


@dataclass(slots=True)
class Account:
    """Collected from `ACCOUNT_TOPICS`, in the order of each partition."""

    assessments: dict[tuple[str, str], ReviewerAssessed] = field(default_factory=dict)  # by workflow and reviewer
    enrolments: dict[str, ReviewerEnrolled] = field(default_factory=dict)  # by reviewer
    cases: dict[tuple[str, str], dict[int, Given]] = field(default_factory=dict)  # by workflow and request: by position
    policies: Policies = field(default_factory=lambda: NO_POLICIES)

    def add(self, entry: Entry) -> None:
        """Collect from one more record; of each position of a case the first answer counts."""
        match entry.event:
            case OverlapAnswered() as answer if entry.topic == AUDITS.name:
                case = self.cases.setdefault((answer.workflow, answer.request_id), {})
                case.setdefault(answer.position, (answer.reviewer_id, answer.label))
            case ReviewerAssessed() as said if entry.topic == REVIEWERS.name:
                self.assessments[said.workflow, said.reviewer_id] = said
            case ReviewerEnrolled() as told if entry.topic == REVIEWERS.name:
                self.enrolments[told.reviewer_id] = told
            case PolicyPublished() as published:
                self.policies = fold_policies(self.policies, published)

    def listed(self, workflow: str | None = None) -> list[ReviewerAssessed]:
        """The last assessments: suspected people first, then by accuracy as far as it is sure, least first."""
        found = [said for said in self.assessments.values() if workflow in (None, said.workflow)]
        return sorted(found, key=lambda a: (not a.suspect, a.accuracy_lower or 0.0, a.workflow, a.reviewer_id))

    def agreements(self) -> dict[str, Agreement]:
        """By workflow, over the first two answers of each case: later ones are asked for where these disagree."""
        pairs: dict[str, list[tuple[str, str]]] = {}
        for (workflow, _), case in sorted(self.cases.items()):
            labels = [label for _, (_, label) in sorted(case.items())]
            if len(labels) > 1:
                pairs.setdefault(workflow, []).append((labels[0], labels[1]))
        return {name: agreement(ratings(each, self._classes(name, each))) for name, each in pairs.items()}

    def _classes(self, workflow: str, pairs: list[tuple[str, str]]) -> list[str]:
        """Those of the policy in force, used or not, and those that were used before."""
        policy = self.policies.get(workflow)
        declared = policy.workflow_type.classes if policy is not None else ()
        classes = sorted({*declared, *(label for pair in pairs for label in pair)})
        return classes if len(classes) > 1 else [*classes, ""]  # every workflow has two at least

    def person(self, reviewer_id: str) -> Person:
        """Everything about one person; empty when the log knows of nobody by that name."""
        theirs: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for (workflow, _), case in sorted(self.cases.items()):
            given = dict(case.values())
            if reviewer_id in given:
                for other in given.keys() - {reviewer_id}:
                    theirs.setdefault((workflow, other), []).append((given[reviewer_id], given[other]))
        return Person(
            reviewer_id=reviewer_id,
            enrolment=self.enrolments.get(reviewer_id),
            assessments=tuple(said for said in self.listed() if said.reviewer_id == reviewer_id),
            together=tuple(_together(*key, pairs) for key, pairs in sorted(theirs.items())),
        )


def account_of(entries: Iterable[Entry]) -> Account:
    """What these records say."""
    made = Account()
    for entry in entries:
        made.add(entry)
    return made


def _together(workflow: str, other: str, pairs: list[tuple[str, str]]) -> Together:
    return Together(
        workflow=workflow,
        other=other,
        cases=len(pairs),
        alike=sum(own == theirs for own, theirs in pairs),
        cohen_kappa=cohen_kappa(pairs),
    )
