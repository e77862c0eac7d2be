"""Simulated people as a process of their own: `hitl run simulated-people`."""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Final

import msgspec

from infra.errors import SettingsInvalid
from infra.kafka.client import connect
from infra.kafka.id_space import bound_codec
from infra.kafka.running import told_to_stop
from infra.settings import Settings
from producers.simulate.desk import SimulatedDesk
from producers.simulate.people import Crowd
from producers.simulate.recorded import DavidsonVotes, GermanCreditOutcomes, RecordedAnswers

PREFIX: Final = "HITL_PEOPLE_"  # HITL_PEOPLE_THINK_SECONDS=0.5 -> Crowd.think_seconds

logger = logging.getLogger(__name__)


def crowd_of(environ: Mapping[str, str]) -> Crowd:
    """How the people behave, from `HITL_PEOPLE_…`. Raises SettingsInvalid, naming the variable's value."""
    given = {name.removeprefix(PREFIX).lower(): text for name, text in environ.items() if name.startswith(PREFIX)}
    if unknown := sorted(given.keys() - {field.name for field in fields(Crowd)}):
        raise SettingsInvalid(f"there is no variable {PREFIX}{unknown[0].upper()}; correct or unset it.")
    try:
        return msgspec.convert(given, Crowd, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsInvalid(f"{PREFIX}…: {error}; correct or unset it.") from error


def run(settings: Settings) -> None:
    """Answer announcements until SIGTERM or SIGINT."""
    stopping = told_to_stop()
    log = connect(settings)
    instance = f"simulated-people-{settings.slot}"
    crowd = crowd_of(os.environ)
    votes = RecordedAnswers(DavidsonVotes(), GermanCreditOutcomes(crowd.loan_error_rate))
    desk = SimulatedDesk(log, bound_codec(log, settings), votes, crowd, instance=instance)
    logger.info("Simulated people answer.", extra={"action": "people_started"})
    while not stopping():
        desk.step(time.monotonic())
    desk.close()
    logger.info("Simulated people have left.", extra={"action": "people_stopped", "answered": desk.answered})
