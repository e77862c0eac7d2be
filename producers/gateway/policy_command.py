"""`hitl policy`: check a workflow file, publish it, show what is in force."""

import getpass
import os
import time
from importlib.resources import files
from pathlib import Path

import click
import msgspec

from infra.cli.cluster import IN_FORCE_AFTER, connected, opened
from infra.cli.files import reading
from infra.cli.groups import CommandGroup
from infra.cli.output import json_option, note, show
from infra.cli.tables import rendered, table
from infra.errors import HitlError
from infra.kafka.id_space import bound_codec
from infra.kafka.publisher import publish as send
from infra.settings import load_settings
from producers.gateway.policies import (
    PoliciesInForce,
    checked_document,
    digest_of,
    policies_in_force,
    policy_published,
    policy_refused,
)
from schemas.events import PolicyPublished
from schemas.topics import POLICIES
from streams.workflow.policies import policy_of
from streams.workflow.types import PolicyInvalid

FILE = click.argument("file", type=click.Path(path_type=Path))
SHIPPED = files("streams.workflow")


@click.group(cls=CommandGroup)
def policy() -> None:
    """Check, publish and show the workflow types and their policies."""


@policy.command(name="check")
@FILE
@json_option
def check_policy(file: Path, as_json: bool) -> int:
    """Check a workflow file and publish nothing; exit 1 with the line and the reason when it is not accepted."""
    document = text_of(file)
    try:
        made, workflow = checked_document(document, os.environ)
    except PolicyInvalid as error:
        found = {"valid": False, "file": str(file), "line": error.line, "reason": error.reason}
        show(found, as_json=as_json, text=f"{file}: {error}")
        return 1
    changed = " (with the environment's overrides)" if made != document else ""
    show(
        {"valid": True, "file": str(file), "workflow": workflow.name, "digest": digest_of(made), "policy": workflow},
        as_json=as_json,
        text=f"{file}: {workflow.name} is valid{changed}",
    )
    return 0


@policy.command(name="publish")
@FILE
@click.option("--by", default=getpass.getuser, help="Who publishes it (default: your user name).")
@json_option
def publish_policy(file: Path, by: str, as_json: bool) -> None:
    """Put a workflow file in force as its next version; a bad one is refused on record and the running one stays.

    AUTO_APPROVE_THRESHOLD, EXPERT_ESCALATION_THRESHOLD and REVIEW_TIMEOUT_HOURS override what the file says.
    """
    document, now, settings = text_of(file), time.time_ns() // 1_000_000, load_settings()
    with connected(settings) as log:
        try:
            made, workflow = checked_document(document, os.environ)
        except PolicyInvalid as error:
            refused = policy_refused(document, error, by=by, now=now)
            try:
                send(log, bound_codec(log, settings), [POLICIES.message(refused)])
            except HitlError as unreachable:  # the file is bad either way, and that is what must be said
                note(f"the refusal is not on record: {unreachable}", as_json=as_json)
            raise HitlError(f"{file}: {error}") from error
        codec = bound_codec(log, settings)
        published = policy_published(made, workflow, policies_in_force(log, codec), by=by, now=now)
        send(log, codec, [POLICIES.message(published)])
        time.sleep(IN_FORCE_AFTER)  # so that a request published next is not of an unknown workflow
    show(
        {"workflow": workflow.name, "version": published.version, "digest": published.digest},
        as_json=as_json,
        text=f"{workflow.name} version {published.version} is in force ({published.digest[:12]})",
    )


@policy.command(name="show")
@click.argument("workflow", required=False)
@json_option
def show_policy(workflow: str | None, as_json: bool) -> None:
    """Show the policies in force, or the document of one WORKFLOW."""
    with opened() as (log, codec):
        in_force = policies_in_force(log, codec)
    if workflow is None:
        show(list(in_force.published.values()), as_json=as_json, text=lambda: policies_text(in_force))
        return
    policy_of(in_force.policies, workflow)
    published = in_force.published[workflow]
    show(described(in_force, published), as_json=as_json, text=published.document.rstrip())


def described(in_force: PoliciesInForce, published: PolicyPublished) -> dict[str, object]:
    """A policy with what its document says."""
    workflow = in_force.policies[published.workflow].workflow_type
    return msgspec.structs.asdict(published) | {"policy": msgspec.to_builtins(workflow)}


def policies_text(in_force: PoliciesInForce) -> str:
    """Every policy in force as a table."""
    if not in_force.published:
        return "no policy is published yet; `hitl policy publish FILE` puts one in force"
    rows = [
        (
            *(name, published.version, published.digest[:12], published.published_by),
            *(", ".join(p.workflow_type.classes), p.workflow_type.thresholds.auto_approve),
        )
        for name, published in sorted(in_force.published.items())
        for p in [in_force.policies[name]]
    ]
    return rendered(table(("workflow", "version", "digest", "published by", "classes", "automatic above"), rows))


def text_of(file: Path) -> str:
    """The text of a file, its line ends as they are; a bare name is looked up among the user's and the shipped types.

    Raises `HitlError` when there is none, or it is no UTF-8.
    """
    places = [file, load_settings().workflows_dir / f"{file}.toml", SHIPPED / f"{file}.toml"]
    with reading(file):
        found = next((place for place in places if place.is_file()), None)
        content = None if found is None else found.read_bytes()
    if content is None:
        raise HitlError(f"there is no file {file}, and no workflow type of that name; check the name.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise HitlError(f"{file} cannot be read as UTF-8 text: {error}; save it as UTF-8.") from error
