"""Which id means which schema: by the fingerprint, from our own list or from the registry that the settings name."""

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from fastavro.schema import SchemaParseException, UnknownType

from infra.registry.client import Registered, Registry
from infra.registry.errors import NoRegistry, SchemaUnregistered
from infra.settings import Settings
from schemas.codec import Codec, SchemaVersion, published, schema_fingerprint

AT_ONCE: Final = 8  # questions to a registry
NAMESPACE: Final = "hitl"


def subject_of(name: str) -> str:
    """Where an event's versions are registered: under the full name of its record (RecordNameStrategy).

    >>> subject_of("DecisionMade")
    'hitl.DecisionMade'
    """
    return f"{NAMESPACE}.{name}"


def fingerprint_of(source: str) -> bytes | None:
    """The fingerprint of any Avro schema that stands by itself; None for what is none."""
    try:
        parsed = json.loads(source)
        return schema_fingerprint(parsed if isinstance(parsed, dict) else {"type": parsed})
    except (ValueError, KeyError, TypeError, AttributeError, SchemaParseException, UnknownType):
        return None


def registered_ids(registry: Registry, names: Iterable[str]) -> dict[bytes, int]:
    """Id by fingerprint of everything that is registered for these events; of two ids for one, the older counts.

    Raises what `Registry` raises.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        subjects = [subject_of(name) for name in dict.fromkeys(names)]
        numbers = list(pool.map(registry.versions, subjects))
        places = [(subject, one) for subject, of_it in zip(subjects, numbers, strict=True) for one in of_it]
        found = list(pool.map(lambda place: registry.version(*place), places))
    ids: dict[bytes, int] = {}
    for fingerprint, number in _read(found):
        ids.setdefault(fingerprint, number)
    return ids


def _read(found: Iterable[Registered | None]) -> Iterator[tuple[bytes, int]]:
    for version in found:
        if version is not None and version.is_plain_avro and (fingerprint := fingerprint_of(version.schema)):
            yield fingerprint, version.id


def resolve(registry: Registry, versions: Sequence[SchemaVersion]) -> dict[bytes, int]:
    """The registry's id of each of these schemas. Raises `SchemaUnregistered`, `NoRegistry`, `RegistryUnavailable` …"""
    ids = registered_ids(registry, (version.name for version in versions))
    if missing := [version.key for version in versions if version.fingerprint not in ids]:
        raise SchemaUnregistered(
            f"the schema registry at {registry.address} does not know {', '.join(missing[:3])}"
            f"{f' and {len(missing) - 3} more' if len(missing) > 3 else ''}: register what is missing with "
            "`hitl schemas load` (under our ids) or `hitl schemas load --own-ids` (under ids that it gives)."
        )
    ours = {version.fingerprint: ids[version.fingerprint] for version in versions}
    if len(set(ours.values())) < len(ours):
        raise NoRegistry(f"the schema registry at {registry.address} gives one id to two schemas; take another one.")
    return ours


def ids_of(settings: Settings) -> dict[bytes, int]:
    """Id by fingerprint of every published schema, where the settings say. Raises as `resolve` does."""
    if settings.schema_registry_url:
        return resolve(Registry.of(settings), published())
    return {version.fingerprint: version.schema_id for version in published()}


def codec_of(settings: Settings) -> Codec:
    """The codec over those ids; the registry is asked now and never again."""
    return Codec(ids_of(settings))
