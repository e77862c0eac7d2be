"""The root of every error that is expected, and so is shown as one line that says what to do, never as a traceback.

HitlError                      exit 1
└── FatalConfiguration         exit 78: starting again cannot help; the supervisor leaves the service down
    └── SettingsInvalid
"""

from typing import ClassVar

FATAL_EXIT = 78  # EX_CONFIG of sysexits.h


class HitlError(Exception):
    """Something expected went wrong."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class FatalConfiguration(HitlError):
    """The configuration cannot work; correct it and start again."""

    exit_code = FATAL_EXIT


class SettingsInvalid(FatalConfiguration):
    """A setting has a bad value; correct it in the environment or in hitl.toml."""
