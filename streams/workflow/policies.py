"""Which policy is in force for each workflow: a fold over the topic `policies`, and the environment's say before it."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from infra.errors import HitlError
from schemas.events import Event, PolicyPublished
from streams.workflow.document import Path, assignments, line_of
from streams.workflow.types import PolicyInvalid, WorkflowType, parse_workflow, read_toml


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A workflow type as published; `digest` is the sha256 of its document, hex."""

    workflow_type: WorkflowType
    version: int
    digest: str


class WorkflowUnknown(HitlError):
    """Put one in force: `hitl policy publish FILE.toml`, or the built-in `hitl policy publish content_moderation`."""


Policies = Mapping[str, Policy]
NO_POLICIES: Final[Policies] = MappingProxyType({})


def fold_policies(policies: Policies, event: Event) -> Policies:
    """The policies in force after one more event; a document that is not accepted leaves the running policy."""
    if not isinstance(event, PolicyPublished):
        return policies
    try:
        workflow_type = _accepted(event.document)
    except PolicyInvalid:
        return policies
    if workflow_type.name != event.workflow:
        return policies
    policy = Policy(workflow_type=workflow_type, version=event.version, digest=event.digest)
    return MappingProxyType({**policies, event.workflow: policy})


def policy_of(policies: Policies, workflow: str) -> Policy:
    """The policy in force. Raises `WorkflowUnknown`, naming those that are."""
    if workflow not in policies:
        known = ", ".join(sorted(policies)) or "none"
        raise WorkflowUnknown(
            f"no policy is published for the workflow {workflow!r} (published: {known}). {WorkflowUnknown.__doc__}"
        )
    return policies[workflow]


@lru_cache(maxsize=64)  # a log holds few documents, and every restart folds them all
def _accepted(document: str) -> WorkflowType:
    return parse_workflow(document)


OVERRIDES: Final[Mapping[str, Path]] = {
    "AUTO_APPROVE_THRESHOLD": ("thresholds", "auto_approve"),
    "EXPERT_ESCALATION_THRESHOLD": ("thresholds", "expert_escalation"),
    "REVIEW_TIMEOUT_HOURS": ("review_timeout_hours",),
}


def with_overrides(document: str, environ: Mapping[str, str]) -> str:
    """The document with the environment's thresholds and timeout written into it, for the publishing command only.

    Raises `PolicyInvalid` when a variable is no number or does not fit the rest of the document.
    """
    read_toml(document)
    changed = document
    for variable, path in OVERRIDES.items():
        if text := environ.get(variable, "").strip():
            changed = _written(changed, path, _number(variable, text))
    if changed != document:
        parse_workflow(changed)
    return changed


def _number(variable: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise PolicyInvalid(f"{variable}={text!r} is no number: correct or unset it") from error


def _written(document: str, path: Path, value: float) -> str:
    """The document with one number replaced where it stands, or added where it belongs."""
    lines = document.split("\n")
    keys = [number for number, written in assignments(document) if written == path]
    tables = [number for number, written in assignments(document) if written == path[:-1] and len(path) > 1]
    if keys:
        lines[keys[0] - 1] = re.sub(r"=\s*[^\s#]+", f"= {value!r}", lines[keys[0] - 1], count=1)
    elif tables and lines[tables[0] - 1].lstrip().startswith("["):
        lines.insert(tables[0], f"{path[-1]} = {value!r}")
    elif not tables:
        lines.insert(0, f"{'.'.join(map(str, path))} = {value!r}")
    made = "\n".join(lines)
    if _at(made, path) != value:
        raise PolicyInvalid(
            f"write `{path[0]}` as a table of its own, so that it can be overridden", line_of(document, path)
        )
    return made


def _at(document: str, path: Path) -> object:
    try:
        found: object = tomllib.loads(document)
    except tomllib.TOMLDecodeError:
        return None
    for part in path:
        found = found.get(str(part)) if isinstance(found, dict) else None
    return found
