"""What casework follows beside its inputs, each the fold of a topic: policies, people, gold questions, signing keys."""

from typing import Final, NamedTuple

from schemas.events import Event
from streams.assurance.policy import ReliabilityPolicy
from streams.casework.gold import NO_GOLD, Gold, fold_gold
from streams.casework.people import NOBODY, People, fold_people
from streams.casework.signing_keys import NO_IDENTITIES, Identities, fold_identities
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies
from streams.workflow.types import ReviewPolicy


class Rules(NamedTuple):
    """How people work on cases of a workflow, and how reliable they must be."""

    review: ReviewPolicy = ReviewPolicy()
    reliability: ReliabilityPolicy = ReliabilityPolicy()


ORDINARY: Final = Rules()


class Config(NamedTuple):
    """Everything in force for what is decided now."""

    policies: Policies = NO_POLICIES
    people: People = NOBODY
    gold: Gold = NO_GOLD
    identities: Identities = NO_IDENTITIES

    def with_event(self, event: Event) -> "Config":
        """After one more event of a config topic."""
        return Config(
            policies=fold_policies(self.policies, event),
            people=fold_people(self.people, event),
            gold=fold_gold(self.gold, event),
            identities=fold_identities(self.identities, event),
        )

    def rules(self, workflow: str) -> Rules:
        """Those of a workflow's policy; the defaults while none is in force."""
        policy = self.policies.get(workflow)
        return ORDINARY if policy is None else Rules(policy.workflow_type.review, policy.workflow_type.reliability)
