"""The policies of every workflow: who published which version when, and what it changed. Pure."""

import difflib
from collections.abc import Sequence
from typing import Final, NamedTuple

from infra.cli.moments import iso, moment
from infra.kafka.scan import Entry
from producers.desk.pages.audit.facts import at_text
from schemas.events import PolicyPublished, PolicyRefused
from streams.workflow.types import Costs, PolicyInvalid, parse_workflow

MOST: Final = 50  # versions of a workflow on the page
SAME: Final = 3  # unchanged lines around a change
KINDS: Final = {"+": "added", "-": "removed", "@": "place"}


class Line(NamedTuple):
    """A line of a difference; `kind` says what it is without colour, too."""

    kind: str
    text: str


class VersionShown(NamedTuple):
    """A version of a policy, or one that was refused. Times as text, UTC."""

    version: str
    refused: str  # why it was, else empty
    by: str
    at: str
    iso: str
    digest: str
    lies_at: str
    in_force: bool
    changes: Sequence[Line]  # against the version before; the whole document of the first
    document: str


class WorkflowPolicies(NamedTuple):
    """The last version first; `left_out`: older ones that are not shown."""

    workflow: str
    versions: Sequence[VersionShown]
    left_out: int


def policies_shown(entries: Sequence[Entry]) -> list[WorkflowPolicies]:
    """By workflow, from the records of `policies`."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if isinstance(entry.event, PolicyPublished | PolicyRefused):
            found.setdefault(entry.event.workflow, []).append(entry)
    return [_of_workflow(name, some) for name, some in sorted(found.items())]


def costs_in(entries: Sequence[Entry], workflow: str, version: int) -> Costs | None:
    """What a decision cost under a version of a policy; None where it says nothing of it."""
    for entry in entries:
        event = entry.event
        if isinstance(event, PolicyPublished) and (event.workflow, event.version) == (workflow, version):
            try:
                return parse_workflow(event.document).costs
            except PolicyInvalid:
                return None
    return None


def difference(before: str, after: str) -> list[Line]:
    """What changed from one document to the next.

    >>> [line for line in difference("a = 1\\nb = 2", "a = 1\\nb = 3") if line.kind != "place"]
    [Line(kind='same', text='a = 1'), Line(kind='removed', text='b = 2'), Line(kind='added', text='b = 3')]
    """
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=SAME)
    return [
        Line(KINDS.get(line[:1], "same"), line if line.startswith("@") else line[1:])
        for line in lines
        if not line.startswith(("---", "+++"))
    ]


def _of_workflow(name: str, entries: Sequence[Entry]) -> WorkflowPolicies:
    versions, before, left_out = [], "", max(0, len(entries) - MOST)
    last = max((at for at, entry in enumerate(entries) if isinstance(entry.event, PolicyPublished)), default=-1)
    for at, entry in enumerate(entries):
        event = entry.event
        if isinstance(event, PolicyPublished):
            shown = at >= left_out
            versions.append(_published(entry, event, before, in_force=at == last) if shown else None)
            before = event.document
        elif isinstance(event, PolicyRefused):
            versions.append(_refused(entry, event))
    return WorkflowPolicies(name, [each for each in reversed(versions) if each is not None][:MOST], left_out)


def _published(entry: Entry, event: PolicyPublished, before: str, *, in_force: bool) -> VersionShown:
    return VersionShown(
        version=str(event.version),
        refused="",
        by=event.published_by,
        at=moment(event.published_at),
        iso=iso(event.published_at),
        digest=event.digest,
        lies_at=at_text(entry.coordinates),
        in_force=in_force,
        changes=difference(before, event.document) if before else (),
        document=event.document,
    )


def _refused(entry: Entry, event: PolicyRefused) -> VersionShown:
    where = "" if event.line is None else f"line {event.line}: "
    return VersionShown(
        version="–",
        refused=f"{where}{event.reason}",
        by=event.published_by,
        at=moment(event.refused_at),
        iso=iso(event.refused_at),
        digest=event.digest,
        lies_at=at_text(entry.coordinates),
        in_force=False,
        changes=(),
        document="",
    )
