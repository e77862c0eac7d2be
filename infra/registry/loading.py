"""Our schemas in a registry: how they stand there, and bringing in what is missing."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Final

import msgspec

from infra.errors import HitlError
from infra.registry.archive import archive, contents
from infra.registry.client import FULL_TRANSITIVE, Registry
from infra.registry.errors import IdsDiffer, NoRegistry
from infra.registry.ids import AT_ONCE, fingerprint_of, registered_ids, subject_of
from schemas.codec import SchemaVersion

CONFLUENT_API: Final = "/apis/ccompat/"  # of Apicurio, beside its own
OWN_API: Final = "/apis/registry/v3"
KEEP_IDS: Final = {
    "Content-Type": "application/zip",
    "X-Registry-Preserve-GlobalId": "true",
    "X-Registry-Preserve-ContentId": "true",
}


class State(StrEnum):
    """How one schema stands in a registry."""

    OURS = "ours"  # under our id
    OTHER_ID = "other id"
    MISSING = "missing"
    ID_TAKEN = "id taken"  # missing, and our id means another schema there


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One published schema as a registry has it."""

    schema: str
    subject: str
    id: int  # ours
    registered_id: int | None  # the registry's
    state: State


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """How all our schemas stand in a registry."""

    registry: str
    schemas: list[Standing]
    not_full_transitive: list[str]  # subjects whose next version might not be compatible

    def those(self, *states: State) -> list[Standing]:
        """The schemas in one of these states."""
        return [each for each in self.schemas if each.state in states]

    def is_right(self, *, own_ids: bool) -> bool:
        """Every id means our schema there (with `own_ids`: every schema has some id), and nothing may break readers."""
        wanted = (State.OURS, State.OTHER_ID) if own_ids else (State.OURS,)
        return len(self.those(*wanted)) == len(self.schemas) and not self.not_full_transitive


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: schemas that are new there, and subjects that were made FULL_TRANSITIVE."""

    registry: str
    registered: list[str]
    made_full_transitive: list[str]


def survey(registry: Registry, versions: Sequence[SchemaVersion]) -> Survey:
    """Ask for everything anew. Raises what `Registry` raises."""
    registered = registered_ids(registry, (version.name for version in versions))
    subjects = sorted({subject_of(version.name) for version in versions if version.fingerprint in registered})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        meanings = list(pool.map(lambda version: registry.schema(version.schema_id), versions))
        levels = list(pool.map(registry.compatibility, subjects))
    return Survey(
        registry=registry.address,
        schemas=[
            _standing(version, registered.get(version.fingerprint), meaning)
            for version, meaning in zip(versions, meanings, strict=True)
        ],
        not_full_transitive=[s for s, level in zip(subjects, levels, strict=True) if level != FULL_TRANSITIVE],
    )


def _standing(version: SchemaVersion, registered_id: int | None, meaning: str | None) -> Standing:
    """`meaning`: the schema that our id means there."""
    is_ours = meaning is not None and fingerprint_of(meaning) == version.fingerprint
    if registered_id is not None:
        state = State.OURS if registered_id == version.schema_id and is_ours else State.OTHER_ID
    else:
        state = State.MISSING if meaning is None or is_ours else State.ID_TAKEN
    return Standing(
        schema=version.key, subject=subject_of(version.name), id=version.schema_id, registered_id=registered_id,
        state=state,
    )  # fmt: skip


def load(registry: Registry, versions: Sequence[SchemaVersion]) -> Loaded:
    """Bring in what is missing under our ids, by Apicurio's import; nothing that is there is touched.

    Raises `IdsDiffer` before anything is done where an id is another's or another one, and what `Registry` raises.
    """
    before = survey(registry, versions)
    if wrong := before.those(State.OTHER_ID, State.ID_TAKEN):
        raise IdsDiffer(_difference(registry, wrong[0], more=len(wrong) - 1))
    missing = _still(versions, before)
    if missing:
        is_new = len(missing) == len(versions)
        bring_in(registry, archive(missing) if is_new else contents(missing))
        for version in [] if is_new else missing:  # it gives each the id that the text has by now
            registry.register(subject_of(version.name), version.source)
    after = survey(registry, versions)
    if wrong := [each for each in after.schemas if each.state is not State.OURS]:
        raise HitlError(
            f"the schema registry at {registry.address} took the import, but {wrong[0].schema} is {wrong[0].state} "
            f"there (one of {len(wrong)}): its own log says why; empty it and load again."
        )
    return _loaded(registry, missing, require_full_transitive(registry, after.not_full_transitive))


def _difference(registry: Registry, wrong: Standing, *, more: int) -> str:
    what = f"another schema has its id {wrong.id} there"
    if wrong.registered_id is not None:
        what = f"it has the id {wrong.registered_id} there, and {wrong.id} is ours"
    return (
        f"{wrong.schema} does not fit the schema registry at {registry.address}: {what}"
        f"{f' ({more} more do not fit)' if more else ''}; nothing was changed. Load an empty registry, or let this one "
        "number: `hitl schemas load --own-ids`, with HITL_SCHEMA_REGISTRY_URL set for everything on a new topic prefix."
    )


def register(registry: Registry, versions: Sequence[SchemaVersion]) -> Loaded:
    """Register what is missing under ids that the registry gives, older versions first.

    Raises `SchemaRefused`, and what `Registry` raises.
    """
    missing = _still(versions, survey(registry, versions))
    for version in missing:
        subject = subject_of(version.name)
        if version.version > 1:
            require_full_transitive(registry, [subject])  # the registry, too, is to check it against the older ones
        registry.register(subject, version.source)
    after = survey(registry, versions)
    if unknown := after.those(State.MISSING, State.ID_TAKEN):
        raise HitlError(f"{registry.address} took {unknown[0].schema} and does not know it; its own log says why.")
    return _loaded(registry, missing, require_full_transitive(registry, after.not_full_transitive))


def require_full_transitive(registry: Registry, subjects: Iterable[str]) -> list[str]:
    """From now on the registry refuses for these subjects what not all can read; which subjects."""
    made = list(subjects)
    for subject in made:
        registry.require(subject, FULL_TRANSITIVE)
    return made


def bring_in(registry: Registry, content: bytes) -> None:
    """Import an archive into Apicurio as it is. Raises `NoRegistry` where it is none, `IdsDiffer` when it refuses."""
    root, found, _ = registry.address.partition(CONFLUENT_API)
    if not found:
        raise NoRegistry(
            f"only Apicurio Registry 3 takes schemas under given ids, and {registry.address} is not its address "
            f"(http://HOST:PORT{CONFLUENT_API}v7); for another one: `hitl schemas load --own-ids`."
        )
    answer = registry.http.at(root + OWN_API).ask(
        "POST", "/admin/import?requireEmptyRegistry=false", content, KEEP_IDS
    )
    if answer.status not in (200, 201, 202, 204):
        said = answer.body.decode("utf-8", "replace")[:500]
        raise IdsDiffer(f"{registry.address} refuses the import ({answer.status}): {said}")


def _still(versions: Sequence[SchemaVersion], found: Survey) -> list[SchemaVersion]:
    missing = {each.schema for each in found.those(State.MISSING, State.ID_TAKEN)}
    return [version for version in versions if version.key in missing]


def _loaded(registry: Registry, new: Sequence[SchemaVersion], subjects: list[str]) -> Loaded:
    names = [version.key for version in new]
    return Loaded(registry=registry.address, registered=names, made_full_transitive=subjects)
