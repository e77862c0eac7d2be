"""What can go wrong between us and Redis.

HitlError
├── RedisUnavailable           wait and try again; nothing is known of what was asked last
├── RedisRefused               it did not take what was asked; nothing is known of that either
└── FatalConfiguration
    └── IndexFenced            a second index owns the read model: exit, do not restart
"""

from infra.errors import FatalConfiguration, HitlError


class RedisUnavailable(HitlError):
    """Redis cannot be used; see whether it serves (`hitl status`), and HITL_REDIS_URL."""


class RedisRefused(HitlError):
    """Redis does not take what it was asked; use Redis 7 or newer, or Valkey, and let nobody else write our keys."""


class IndexFenced(FatalConfiguration):
    """Another index has taken the read model over; run one index for each topic prefix and Redis, and stop this one."""
