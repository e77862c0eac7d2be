"""Says which seeds a run covered, so that any of them can be run again."""

import pytest

from tests.simulation.test_schedules import FIRST, SCHEDULES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line at the end of the run, whatever its verbosity."""
    last = FIRST + SCHEDULES - 1
    terminalreporter.write_line(f"simulated schedules: seeds {FIRST} to {last} (HITL_FIRST_SEED, HITL_SCHEDULES)")
