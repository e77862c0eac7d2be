"""A connection to Redis 7 or newer, or Valkey; redis-py's errors become ours, and nothing is tried twice unasked."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.redis.errors import RedisRefused, RedisUnavailable
from infra.settings import Settings

CONNECT_TIMEOUT: Final = 2.0  # seconds
ANSWER_TIMEOUT: Final = 10.0  # seconds; the largest batch takes a tenth of one

# Answers that pass: a script runs too long, its disk is full, a replica or the cluster is away, a failover.
PASSING: Final = ("BUSY ", "MISCONF", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "LOADING")

Word = str | bytes | int
Command = tuple[Word, ...]


class Script:
    """A Lua script, sent whole only to a server that does not know it yet."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()  # as EVALSHA wants it


class Connection:
    """One client; connects on first use, and again after a failure.

    Every call may raise `RedisUnavailable` or `RedisRefused`.
    """

    def __init__(self, url: str, *, address: str, answer_timeout_seconds: float = ANSWER_TIMEOUT) -> None:
        self._address = address
        # No retries: after a failure nobody knows whether a write took effect, and the caller must look.
        with self._translated():
            self._client = redis.Redis.from_url(
                url,
                socket_connect_timeout=CONNECT_TIMEOUT,
                socket_timeout=answer_timeout_seconds,
                retry=Retry(NoBackoff(), 0),
            )

    def call(self, *words: Word) -> Any:
        """The answer to one command."""
        with self._translated():
            return self._client.execute_command(*words)  # type: ignore[no-untyped-call]

    def together(self, commands: Sequence[Command]) -> list[Any]:
        """The answers to several commands in one round trip; not a transaction."""
        if not commands:
            return []
        with self._translated():
            pipeline = self._client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            return pipeline.execute()

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Word]) -> Any:
        """The answer of a script, which Redis runs as one step."""
        words = (len(keys), *keys, *arguments)
        with self._translated():
            try:
                return self._client.execute_command("EVALSHA", script.digest, *words)  # type: ignore[no-untyped-call]
            except redis.exceptions.NoScriptError:
                return self._client.execute_command("EVAL", script.text, *words)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except redis.exceptions.AuthenticationError as error:
            raise self._unusable(f"refuses us ({error}); correct user and password in HITL_REDIS_URL") from error
        except redis.exceptions.NoPermissionError as error:
            raise self._unusable(f"denies it ({error}); extend the rights of the user of HITL_REDIS_URL") from error
        except redis.exceptions.OutOfMemoryError as error:
            raise self._unusable("is out of memory; raise its maxmemory, or lower HITL_INDEX_STATUS_HOURS") from error
        except redis.exceptions.ReadOnlyError as error:
            raise self._unusable("is a replica; name the primary in HITL_REDIS_URL") from error
        except redis.exceptions.ResponseError as error:
            if str(error).startswith(PASSING):
                raise self._unusable(f"cannot do it now ({error}); see its log") from error
            what = f"refuses ({error}); use Redis 7 or newer, or Valkey, and let nobody else write our keys"
            raise RedisRefused(f"Redis at {self._address} {what}.") from error
        except (redis.exceptions.RedisError, OSError, ValueError) as error:  # ValueError: a URL that makes no sense
            said = f"({error}); see whether it serves (`hitl status`), and HITL_REDIS_URL"
            raise self._unusable(f"cannot be used {said}") from error

    def _unusable(self, what: str) -> RedisUnavailable:
        return RedisUnavailable(f"Redis at {self._address} {what}.")


def connect(settings: Settings) -> Connection:
    """The Redis that the settings name. Connects on first use."""
    return Connection(settings.redis_url, address=settings.redis_address)
