"""What can go wrong in bringing up the stack on this machine.

HitlError
├── JarRefused        FetchFailed
├── JavaMissing       BrokerFailed
├── ValkeyFailed      RegistryFailed
├── AlreadyRunning    StackFailed
├── NotRunning
└── NotSecured
"""

from infra.errors import HitlError


class JarRefused(HitlError):
    """A downloaded file is not the one that is pinned; check HITL_MAVEN_URL and whatever stands between."""


class FetchFailed(HitlError):
    """Kafka could not be downloaded; check the network, or name a mirror in HITL_MAVEN_URL."""


class JavaMissing(HitlError):
    """No Java 17 or newer was found; run `make setup` again, or name a java in HITL_JAVA."""


class BrokerFailed(HitlError):
    """Kafka did not start; its log says why."""


class ValkeyFailed(HitlError):
    """Valkey did not start; its log says why."""


class RegistryFailed(HitlError):
    """The schema registry on this machine did not start; its log says why."""


class StackFailed(HitlError):
    """The stack did not start; the supervisor's log says why."""


class AlreadyRunning(HitlError):
    """A stack already runs over this data folder; see `hitl status`, or end it with `hitl down`."""


class NotRunning(HitlError):
    """No stack runs over this data folder; start one with `hitl up`."""


class NotSecured(HitlError):
    """Security is for the Kafka that `hitl up` starts, from its start on; end a plain one with `hitl down` first."""
