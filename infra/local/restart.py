"""When a service that ended is started again: at once, then ever later, or never when that cannot help."""

from dataclasses import dataclass
from signal import Signals

from infra.errors import FATAL_EXIT


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """Waits double from `first_wait_seconds` to `longest_wait_seconds`; a stable run forgets former failures.

    A server that does not answer within `answer_seconds` of a restart hangs; the next one is given twice as long.
    """

    first_wait_seconds: float = 0.25
    longest_wait_seconds: float = 30.0
    stable_seconds: float = 5.0  # longer than a service needs to find out that it cannot work
    answer_seconds: float = 30.0  # a cold start takes 2.5, a loaded machine and a log to recover more


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Start again after so many seconds; `failures` is handed to the next decision."""

    wait_seconds: float
    failures: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StayDown:
    """Starting again cannot help."""

    reason: str


def after_exit(policy: RestartPolicy, *, status: int, ran_seconds: float, failures: int) -> Restart | StayDown:
    """What follows an exit: `status` as of subprocess (negative: the signal), `failures` in a row before this one."""
    reason = describe_exit(status)
    if status == FATAL_EXIT:
        return StayDown(reason=reason)
    failures = 1 if ran_seconds >= policy.stable_seconds else failures + 1
    exponent = min(failures - 1, 30)
    wait = min(policy.longest_wait_seconds, policy.first_wait_seconds * 2**exponent)
    return Restart(wait_seconds=wait, failures=failures, reason=reason)


def describe_exit(status: int) -> str:
    """An exit status in words."""
    if status < 0:
        try:
            return f"killed by {Signals(-status).name}"
        except ValueError:
            return f"killed by signal {-status}"
    if status == FATAL_EXIT:
        return "cannot work as configured"
    return f"failed with exit status {status}" if status else "ended by itself"
