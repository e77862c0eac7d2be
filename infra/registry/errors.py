"""What can go wrong with a schema registry.

HitlError
├── RegistryUnavailable     no answer, or none now
├── SchemaUnregistered      a schema of ours is not there
├── SchemaRefused           the registry does not take a schema
├── IdsDiffer               it has our schemas under other ids, or our ids for other schemas
└── FatalConfiguration
    ├── RegistryDenied      the credentials may not do this
    └── NoRegistry          what answers there is no schema registry
"""

from infra.errors import FatalConfiguration, HitlError


class RegistryUnavailable(HitlError):
    """The schema registry does not answer; start it, or correct HITL_SCHEMA_REGISTRY_URL."""


class SchemaUnregistered(HitlError):
    """The schema registry does not know a schema of ours; `hitl schemas load` registers what is missing."""


class SchemaRefused(HitlError):
    """The schema registry does not take a schema; its reason says what to change."""


class IdsDiffer(HitlError):
    """The ids of the schema registry are not ours; load an empty registry, or take its ids (--own-ids)."""


class RegistryDenied(FatalConfiguration):
    """The schema registry denies access; correct HITL_SCHEMA_REGISTRY_USER and HITL_SCHEMA_REGISTRY_PASSWORD."""


class NoRegistry(FatalConfiguration):
    """No schema registry answers at HITL_SCHEMA_REGISTRY_URL; name the Confluent API of yours."""
