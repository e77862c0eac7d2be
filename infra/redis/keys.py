"""The names of everything in the read model. They share a hash tag, so that a Redis Cluster keeps them together."""

from dataclasses import dataclass, field

from infra.redis.records import Hands
from schemas.values import CaseStage, Priority


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of one installation, told apart by its topic prefix."""

    topic_prefix: str
    prefix: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", f"{{{self.topic_prefix}index}}:")

    @property
    def meta(self) -> str:
        """Hash: who owns the model, its layout, since when it is rebuilt."""
        return self.prefix + "meta"

    @property
    def offsets(self) -> str:
        """Hash: next offset to apply, by `topic[partition]`."""
        return self.prefix + "offsets"

    def request(self, request_id: str) -> str:
        """String: a `RequestRecord`."""
        return f"{self.prefix}request:{request_id}"

    def case(self, request_id: str) -> str:
        """String that expires: a `CachedCase`."""
        return f"{self.prefix}case:{request_id}"

    @property
    def workflows(self) -> str:
        """Set: every workflow that ever had a case."""
        return self.prefix + "workflows"

    def queue(self, workflow: str, stage: CaseStage, priority: Priority) -> str:
        """Sorted set of open cases: by deadline, then by `queue_member`."""
        return f"{self.prefix}queue:{workflow}:{stage.value}:{priority.value}"

    @property
    def lanes(self) -> str:
        """Set: every lane that ever had a case that could be claimed, as `lane_name`."""
        return self.prefix + "lanes"

    def claimable(self, lane: str, priority: Priority) -> str:
        """Sorted set of open cases that nobody has: by turn, then by `queue_member`."""
        return f"{self.prefix}claimable:{priority.value}:{lane}"

    def in_hand(self, reviewer_id: str) -> str:
        """Sorted set: request ids of a reviewer's leases by when they expire."""
        return f"{self.prefix}in_hand:{reviewer_id}"

    def in_hands(self, workflow: str, stage: CaseStage, hands: Hands) -> str:
        """Set: request ids of open cases that are in somebody's hands in this way."""
        return f"{self.prefix}in_hands:{stage.value}:{hands.value}:{workflow}"

    def answered(self, reviewer_id: str) -> str:
        """Set: request ids of open cases that a reviewer has answered."""
        return f"{self.prefix}answered:{reviewer_id}"

    def opened(self, workflow: str) -> str:
        """Sorted set of open cases: request ids by the time of opening."""
        return f"{self.prefix}opened:{workflow}"

    @property
    def finished(self) -> str:
        """Sorted set: request ids of finished requests by when they were."""
        return self.prefix + "finished"

    def disagreements(self, workflow: str) -> str:
        """Sorted set of finished requests on which people disagreed: `DisagreementRow`s by when they were finished."""
        return f"{self.prefix}disagreements:{workflow}"

    def gold_asked(self, workflow: str, gold_id: str) -> str:
        """Sorted set that expires: request ids under which a question was answered, by when."""
        return f"{self.prefix}gold_asked:{_length_first(workflow)}:{gold_id}"

    def gold_right(self, workflow: str, gold_id: str) -> str:
        """The same of those whose answer was right."""
        return f"{self.prefix}gold_right:{_length_first(workflow)}:{gold_id}"

    @property
    def failed(self) -> str:
        """Sorted set: request ids of failed requests by when they did."""
        return self.prefix + "failed"

    @property
    def amended(self) -> str:
        """Sorted set: request ids of requests whose outcome was changed later, by when it was."""
        return self.prefix + "amended"

    @property
    def reviewers(self) -> str:
        """Sorted set: reviewer ids by when they were last seen."""
        return self.prefix + "reviewers"

    def answers(self, reviewer_id: str) -> str:
        """Sorted set that expires: `AnswerRow`s of a reviewer by when they were given."""
        return f"{self.prefix}answers:{reviewer_id}"


def _length_first(name: str) -> str:
    """A name that ends where it says, so that no two pairs of names make the same key."""
    return f"{len(name)}:{name}"
