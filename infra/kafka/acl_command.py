"""`hitl topics acl`: who may do what, as the catalogue says, and the cluster brought in line with it."""

from collections.abc import Iterable, Sequence

import click
import msgspec

from infra.cli.output import json_option, note, show
from infra.cli.tables import rendered, table
from infra.errors import FatalConfiguration
from infra.kafka.acl_plan import Grant, Operation, Principal, Resource, by_principal, kafka_acls, matrix, principals
from infra.settings import Settings, load_settings


class UnknownPrincipal(FatalConfiguration):
    """The catalogue names no such principal."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The rights of the catalogue, and what was changed on the cluster if it was asked for."""

    grants: list[dict[str, object]]
    added: list[str] | None = None
    removed: list[str] | None = None
    left: list[str] | None = None


@click.command()
@click.option("--principal", "names", multiple=True, help="Only this one, by its role; may be repeated. Default: all.")
@click.option("--commands", is_flag=True, help="Print the commands of Apache Kafka's kafka-acls instead of a table.")
@click.option("--apply", "applies", is_flag=True, help="Grant on the cluster what is missing.")
@click.option("--prune", is_flag=True, help="With --apply: also take away what the catalogue does not grant.")
@json_option
def acl(names: Sequence[str], commands: bool, applies: bool, prune: bool, as_json: bool) -> None:
    """Show who may write and read what, as the catalogue says; --apply grants it on the cluster.

    Granting takes the rights of an administrator (HITL_KAFKA_SASL_USERNAME and so on), which no principal here has.
    """
    if prune and not applies:
        raise click.UsageError("--prune changes the cluster: give --apply, too")
    settings, chosen = load_settings(), _chosen(names)
    grants = matrix(settings.topic_prefix, chosen)
    listed: list[dict[str, object]] = [grant._asdict() for grant in grants]
    if applies:
        _apply(settings, chosen, listed, prune=prune, as_json=as_json)
        return
    text = (lambda: "\n".join(kafka_acls(grants))) if commands else (lambda: _table(grants, settings.topic_prefix))
    show(Shown(grants=listed), as_json=as_json, text=text)


def _apply(
    settings: Settings, chosen: Sequence[Principal], listed: list[dict[str, object]], *, prune: bool, as_json: bool
) -> None:
    from infra.cli.cluster import hinting  # here: loading a Kafka client takes its time
    from infra.kafka.acl import apply

    note("comparing the cluster with the catalogue …", as_json=as_json)
    with hinting(settings):
        done = apply(settings, chosen, prune=prune)
    said = [f"granted {len(done.added)} rights"] if done.added else []
    said += [f"took away {grant}" for grant in done.removed]
    said += [f"beyond the catalogue (--prune takes it away): {grant}" for grant in done.left]
    shown = Shown(
        grants=listed, added=_texts(done.added), removed=_texts(done.removed), left=_texts(done.left)
    )
    show(shown, as_json=as_json, text="\n".join(said) or "nothing to do: the cluster grants what the catalogue says")


def _chosen(names: Sequence[str]) -> tuple[Principal, ...]:
    known = {each.name: each for each in principals()}
    for name in names:
        if name not in known:
            raise UnknownPrincipal(f"there is no principal {name!r}; choose from: {', '.join(known)}.")
    return tuple(known[name] for name in names) or tuple(known.values())


def _texts(grants: Iterable[Grant]) -> list[str]:
    return [str(grant) for grant in grants]


def _table(grants: Sequence[Grant], prefix: str) -> str:
    rows = [
        (
            name,
            _names(prefix, rights, Resource.TOPIC, Operation.WRITE),
            _names(prefix, rights, Resource.TOPIC, Operation.READ),
            _names(prefix, rights, Resource.GROUP, Operation.READ),
            _names(prefix, rights, Resource.TRANSACTIONAL_ID, Operation.WRITE),
        )
        for name, rights in by_principal(grants).items()
    ]
    titles = ("principal", "writes", "reads", "groups", "transactional ids")
    return rendered(table(titles, rows, title=f"every name on the cluster begins with {prefix!r}"))


def _names(prefix: str, grants: Iterable[Grant], resource: Resource, operation: Operation) -> str:
    found = (grant for grant in grants if (grant.resource, grant.operation) == (resource, operation))
    return ", ".join(grant.name.removeprefix(prefix) + ("*" if grant.prefixed else "") for grant in found)
