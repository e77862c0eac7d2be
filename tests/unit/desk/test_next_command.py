"""Who asks for the next case, what of it they want, and how much they may have at once."""

import pytest

from infra.kafka.scan import Entry
from producers.desk.person import config_of, narrowed, person, wip_limit
from schemas.events import Event, PolicyPublished
from schemas.topics import POLICIES, REVIEWERS
from streams.assurance.enrolling import enrolment
from streams.casework.config import Config
from streams.casework.eligibility import Reviewer
from streams.casework.jws import SigningKey
from streams.workflow.policies import WorkflowUnknown

SAID = b'{"iss":"hitl.identities","sub":"ann","iat":1,"exp":2,"jti":"t","roles":["expert"],"skills":["law"]}'
TOKEN = SigningKey(bytes(32)).sign(SAID)
DOCUMENT = """
name = "{name}"
classes = ["reject", "approve"]
approving_class = "approve"
featurizer = "text"
[review]
wip_limit = {wip}
"""


def published(name: str, wip: int) -> PolicyPublished:
    return PolicyPublished(
        event_id=name, workflow=name, version=1, digest="d", document=DOCUMENT.format(name=name, wip=wip),
        published_by="test", published_at=0,
    )  # fmt: skip


def config(*events: Event) -> Config:
    topics = (POLICIES.name if isinstance(event, PolicyPublished) else REVIEWERS.name for event in events)
    return config_of(Entry(topic, 0, 0, 0, b"", b"", event) for topic, event in zip(topics, events, strict=True))


def test_a_person_is_as_they_are_enrolled_or_as_their_token_says() -> None:
    known = config(enrolment("ann", None, skills=("medical",), wip_limit=3, by="lea", now=1))
    assert person("ann", None, known) == Reviewer(
        reviewer_id="ann", roles=frozenset({"reviewer"}), skills=frozenset({"medical"}), wip_limit=3
    )
    vouched = person("ann", TOKEN, known)
    assert (vouched.roles, vouched.skills) == (frozenset({"expert"}), frozenset({"medical", "law"}))
    assert person("bea", None, known) == Reviewer(reviewer_id="bea")


def test_the_least_limit_of_the_workflows_holds() -> None:
    known = config(published("slow", 2), published("fast", 20))
    assert wip_limit(known, ()) == wip_limit(known, ("slow", "fast")) == 2
    assert wip_limit(known, ("fast",)) == 20
    assert wip_limit(config(), ()) == 10, "the default of a policy"
    with pytest.raises(WorkflowUnknown, match="slow"):
        wip_limit(known, ("unheard-of",))


def test_a_person_narrows_what_they_want_and_widens_nothing() -> None:
    ann = Reviewer(
        reviewer_id="ann", skills=frozenset({"medical", "french"}), roles=frozenset({"reviewer", "expert"}), wip_limit=3
    )
    assert narrowed(ann, workflows=(), skills=(), roles=()) == ann, "as they are enrolled"
    asked = narrowed(ann, workflows=("w",), skills=("french", "law"), roles=("reviewer",))
    assert (asked.workflows, asked.skills, asked.roles) == (
        frozenset({"w"}), frozenset({"french"}), frozenset({"reviewer"}),
    )  # fmt: skip
    eva = Reviewer(reviewer_id="eva", roles=frozenset({"expert"}))
    assert narrowed(eva, workflows=(), skills=(), roles=("reviewer",)).roles == frozenset({"reviewer"})
    nobody_said = narrowed(Reviewer(reviewer_id="bea"), workflows=(), skills=(), roles=("expert",))
    assert nobody_said.roles == frozenset({"expert"})
    reviewer = Reviewer(reviewer_id="cleo", roles=frozenset({"reviewer"}))
    assert narrowed(reviewer, workflows=(), skills=(), roles=("expert",)).roles == frozenset()
