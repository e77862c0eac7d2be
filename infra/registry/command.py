"""`hitl schemas`: our schemas as an archive, in an external registry, and a registry on this machine to try it."""

import signal
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import click

from infra.cli.files import whole_file
from infra.cli.groups import CommandGroup
from infra.cli.output import json_option, note, show
from infra.cli.progress import progress_bar
from infra.cli.tables import rendered, table
from infra.registry.archive import archive
from infra.registry.client import Registry
from infra.registry.http import Http
from infra.registry.loading import Loaded, State, Survey, load, register, survey
from infra.settings import load_settings
from schemas.codec import published

DIFFERENT: Final = 1  # exit status of a check that found something
GLANCE: Final = 0.2  # seconds between two looks at the registry that runs here

own_ids_option = click.option("--own-ids", is_flag=True, help="Let the registry number; ours need not hold there.")


@click.group(cls=CommandGroup)
def schemas() -> None:
    """Bring our schemas into an external schema registry (HITL_SCHEMA_REGISTRY_URL), and check them there."""


@schemas.command(name="export")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@json_option
def export_schemas(file: Path, as_json: bool) -> None:
    """Write FILE (a ZIP, - for standard output), which Apicurio's own import takes, with our ids in it."""
    versions = published()
    with whole_file(file if str(file) != "-" else "-") as out:
        out.write(archive(versions))
    if str(file) != "-":
        said = f"{len(versions)} schemas in {file}"
        show({"file": str(file), "schemas": len(versions)}, as_json=as_json, text=said)


@schemas.command(name="load")
@own_ids_option
@json_option
def load_schemas(own_ids: bool, as_json: bool) -> None:
    """Register what is missing under our ids (Apicurio 3), and have new versions refused that some reader cannot read.

    That is FULL_TRANSITIVE, for our subjects alone. Schemas that the registry already has stay as they are; where their
    ids are not ours, nothing is done. With --own-ids any registry will do.
    """
    registry = Registry.of(load_settings())
    note(f"asking {registry.address} …", as_json=as_json)
    loaded = register(registry, published()) if own_ids else load(registry, published())
    show(loaded, as_json=as_json, text=lambda: loaded_text(loaded))


@schemas.command(name="check")
@own_ids_option
@json_option
def check_schemas(own_ids: bool, as_json: bool) -> int:
    """Ask the registry for every schema of ours and change nothing; exit 1 when one is missing or has another id."""
    found = survey(Registry.of(load_settings()), published())
    right = found.is_right(own_ids=own_ids)
    show(found, as_json=as_json, text=lambda: survey_text(found, own_ids=own_ids))
    return 0 if right else DIFFERENT


@schemas.command(name="serve")
@click.option("--port", type=click.IntRange(1, 65_535), help="Where it listens (default: 8081, or a free one).")
@own_ids_option
@json_option
def serve_registry(port: int | None, own_ids: bool, as_json: bool) -> None:
    """Run Apicurio with our schemas on this machine, to try it: in the foreground, in memory, until Ctrl-C.

    The first time it fetches 160 MB. It needs 260 MB of memory and is no part of `hitl up`.
    """
    from infra.local.apicurio import PREFERRED_PORT, EmbeddedRegistry, ensure_apicurio
    from infra.local.errors import RegistryFailed
    from infra.local.ports import is_free

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with ExitStack() as closing:
        with progress_bar("fetching Apicurio (bytes)", as_json=as_json) as progress:
            app = ensure_apicurio(load_settings().cache_dir, progress=progress)
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="hitl-registry-")))
        if port is not None and not is_free(port):
            raise RegistryFailed(f"port {port} is taken on this machine; name a free one.")
        server = EmbeddedRegistry(app, folder, prefer=port or PREFERRED_PORT)
        closing.callback(server.stop)
        note("starting Apicurio …", as_json=as_json)
        server.start()
        registry = Registry(Http(server.url))
        loaded = register(registry, published()) if own_ids else load(registry, published())
        show(loaded, as_json=as_json, text=lambda: serving_text(loaded, own_ids=own_ids))
        try:
            while not ended.wait(GLANCE):
                server.require_running()
        except KeyboardInterrupt:  # how one ends it
            note("ending it; what it held is gone", as_json=as_json)


def loaded_text(loaded: Loaded) -> str:
    """What was done, in sentences."""
    said = [f"registered {name}" for name in loaded.registered]
    said += [f"{subject} is FULL_TRANSITIVE from now on" for subject in loaded.made_full_transitive]
    return "\n".join(said) or f"nothing to do: {loaded.registry} has every schema"


def serving_text(loaded: Loaded, *, own_ids: bool) -> str:
    """How to use the registry that runs here."""
    return (
        f"{len(loaded.registered)} schemas are registered; Ctrl-C ends it. In another terminal:\n"
        f"  export HITL_SCHEMA_REGISTRY_URL={loaded.registry}\n"
        f"  hitl schemas check{' --own-ids' if own_ids else ''}"
    )


def survey_text(found: Survey, *, own_ids: bool) -> str:
    """What is not as it should be, and what to do."""
    wrong = found.those(*({State.MISSING, State.ID_TAKEN} if own_ids else set(State) - {State.OURS}))
    advice = "`hitl schemas load` registers what is missing" + (" (with --own-ids)" if own_ids else "")
    rows = [(each.schema, each.subject, each.id, each.registered_id, each.state.value) for each in wrong]
    said = [rendered(table(("schema", "subject", "our id", "its id", "state"), rows))] if rows else []
    said += [f"{subject} is not FULL_TRANSITIVE" for subject in found.not_full_transitive]
    if said and found.those(State.OTHER_ID) and not own_ids:
        advice += "; a registry that numbers by itself is checked with --own-ids"
    ids = "under ids of its own" if found.those(State.OTHER_ID) else "under our ids"
    right = f"{found.registry} has all {len(found.schemas)} schemas {ids}, and keeps them FULL_TRANSITIVE"
    return "\n".join([*said, advice]) if said else right
