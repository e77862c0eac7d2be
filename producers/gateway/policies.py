"""Policies on their way into the log: checked, overridden by the environment, numbered, and never published twice."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.errors import HitlError
from infra.kafka.log import Log
from infra.kafka.scan import Entry, scan
from schemas.codec import Codec
from schemas.events import PolicyPublished, PolicyRefused
from schemas.ids import derive_id
from schemas.topics import POLICIES
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies, with_overrides
from streams.workflow.types import PolicyInvalid, WorkflowType, parse_workflow

UNNAMED = "_unknown"  # a refused file that does not say which workflow it is


class PolicyUnchanged(HitlError):
    """The policy in force is this very document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliciesInForce:
    """The policies as of now, the document of each, and who published it when."""

    policies: Policies
    published: Mapping[str, PolicyPublished]


def policies_in_force(log: Log, codec: Codec) -> PoliciesInForce:
    """Read the topic `policies` up to now."""
    return folded(scan(log, codec, [POLICIES.name]))


def folded(entries: Iterable[Entry]) -> PoliciesInForce:
    """What is in force after these records."""
    policies, published = NO_POLICIES, dict[str, PolicyPublished]()
    for entry in entries:
        if isinstance(entry.event, PolicyPublished):
            before = policies
            policies = fold_policies(policies, entry.event)
            if policies is not before:
                published[entry.event.workflow] = entry.event
    return PoliciesInForce(policies=policies, published=published)


def checked_document(document: str, environ: Mapping[str, str]) -> tuple[str, WorkflowType]:
    """The document as it would be published, and what it says. Raises `PolicyInvalid` with line and reason."""
    parse_workflow(document)
    made = with_overrides(document, environ)
    return made, parse_workflow(made)


def policy_published(
    document: str, workflow: WorkflowType, in_force: PoliciesInForce, *, by: str, now: int
) -> PolicyPublished:
    """The next version of a policy; `now` in milliseconds. Raises `PolicyUnchanged` when it is in force already."""
    digest = digest_of(document)
    current = in_force.policies.get(workflow.name)
    if current is not None and current.digest == digest:
        raise PolicyUnchanged(
            f"{workflow.name} version {current.version} is this very document; there is nothing to publish."
        )
    version = 1 if current is None else current.version + 1
    return PolicyPublished(
        event_id=derive_id("policy", workflow.name, version),
        workflow=workflow.name,
        version=version,
        digest=digest,
        document=document,
        published_by=by,
        published_at=now,
    )


def policy_refused(document: str, error: PolicyInvalid, *, by: str, now: int) -> PolicyRefused:
    """The record that a file was not accepted; `now` in milliseconds."""
    digest = digest_of(document)
    return PolicyRefused(
        event_id=derive_id("policy-refused", digest, now),
        workflow=name_in(document),
        digest=digest,
        line=error.line,
        reason=error.reason,
        published_by=by,
        refused_at=now,
    )


def name_in(document: str) -> str:
    """The workflow that a refused document names, as far as that can be read."""
    for line in document.splitlines():
        key, sign, value = line.partition("=")
        if key.strip() == "name" and sign:
            return value.split("#")[0].strip().strip("\"'")[:100] or UNNAMED
    return UNNAMED


def digest_of(document: str) -> str:
    """sha256 of a document, hex."""
    return hashlib.sha256(document.encode(errors="surrogatepass")).hexdigest()
