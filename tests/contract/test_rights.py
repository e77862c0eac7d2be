"""What the catalogue says of writers and readers, compared with what the stages declare and touch."""

import ast
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.kafka.stage import Stage
from infra.local.services import installed
from schemas.topics import BY_NAME, DEAD_LETTERS, TALLIES, TOPICS, Topic


def stage_of(service: str) -> type[Stage[Any, Any]] | None:
    """The stage class beside a service, found by its name; None for a service that is no stage."""
    package = installed()[service].module.rpartition(".")[0]
    for module in modules(package):
        for value in vars(module).values():
            if isinstance(value, type) and getattr(value, "name", None) == service and hasattr(value, "inputs"):
                return value
    return None


def modules(package: str) -> Iterator[Any]:
    for found in pkgutil.iter_modules(importlib.import_module(package).__path__):
        yield importlib.import_module(f"{package}.{found.name}")


def touched(service: str) -> set[str]:
    """Every topic that a module of the service's package names."""
    return topics_in(modules(installed()[service].module.rpartition(".")[0]))


def topics_in(modules: Iterable[Any]) -> set[str]:
    """Every topic that one of these modules names."""
    found: set[str] = set()
    for module in modules:
        for value in vars(module).values():
            each = value.values() if isinstance(value, Mapping) else [value]
            found |= {topic.name for topic in each if isinstance(topic, Topic)}
    return found


def is_module(name: str) -> bool:
    """Whether it is one, and not what one holds."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def reached(module: str) -> set[str]:
    """The modules of the same package that a module needs, itself included; commands run as somebody else."""
    package, found, left = module.rpartition(".")[0], {module}, [module]
    while left:
        source = importlib.import_module(left.pop()).__file__
        assert source is not None
        named = [
            name
            for node in ast.walk(ast.parse(Path(source).read_text()))
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{package}.")
            for name in (node.module, *(f"{node.module}.{each.name}" for each in node.names))
        ]
        needed = {name for name in named if is_module(name)}
        left += needed - found
        found |= needed
    return found


def imported(module: str) -> set[str]:
    """What a module imports from, by name."""
    source = importlib.import_module(module).__file__
    assert source is not None
    nodes = ast.walk(ast.parse(Path(source).read_text()))
    return {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


AUDITORS = "producers.desk.pages.audit"
OPERATORS = "producers.desk.pages.operate"
UNBLINDING = {"predictions", "auto-approve", "outcomes", "audits", "feedback", "appeals"}
WAYS = {"infra.tracing", "infra.redis.places", "infra.redis.browsing"}  # to events by whatever topic
STAGES = {name: stage for name in installed() if (stage := stage_of(name)) is not None}
ALL = pytest.mark.parametrize("name", STAGES)


def test_the_stages_are_found() -> None:
    assert {"inference", "router", "casework", "feedback", "training", "assurance"} <= set(STAGES)


@ALL
def test_a_stage_may_read_its_inputs_and_its_configuration(name: str) -> None:
    for topic in (*STAGES[name].inputs, *STAGES[name].config_topics):
        assert name in BY_NAME[topic.name].readers, f"{name} reads {topic.name}"


@ALL
def test_a_stage_may_write_its_counts_and_its_dead_letters(name: str) -> None:
    assert name in TALLIES.writers
    assert name in DEAD_LETTERS.writers


@ALL
def test_a_stage_may_touch_what_its_code_names_and_nothing_else(name: str) -> None:
    granted = {topic.name for topic in TOPICS if name in (*topic.writers, *topic.readers)}
    own = {TALLIES.name, DEAD_LETTERS.name}  # written by the loop that runs every stage
    assert touched(name) - own - granted == set(), "the code names topics that the catalogue does not grant"
    assert granted - own - touched(name) == set(), "the catalogue grants topics that the code never names"


def test_the_desk_may_touch_what_its_service_names_and_not_what_is_sealed_for_good() -> None:
    named = topics_in(map(importlib.import_module, reached(installed()["desk"].module)))
    granted = {topic.name for topic in TOPICS if "desk" in (*topic.writers, *topic.readers)}
    assert named and named <= granted
    assert not granted & {"cases"}


def test_of_the_desk_only_the_pages_for_auditors_come_near_what_would_unblind() -> None:
    """They show nothing without `Deed.BROWSE`, which no reviewer has; its tests ask each of their addresses."""
    found = reached(installed()["desk"].module)
    theirs = {name for name in found if name.startswith(AUDITORS)}
    assert theirs, "they are part of the desk"
    others = found - theirs
    assert not topics_in(map(importlib.import_module, others)) & UNBLINDING
    assert {name for name in others if imported(name) & WAYS} == set()


def test_of_the_desk_only_the_pages_for_operators_come_near_dead_letters() -> None:
    """They carry records between stages, and are shown with `Deed.SEE_DEAD_LETTERS` alone, which no reviewer has."""
    found = reached(installed()["desk"].module)
    near = {name for name in found if DEAD_LETTERS.name in topics_in([importlib.import_module(name)])}
    assert near and {name for name in near if not name.startswith(OPERATORS)} == set()


def test_of_the_desk_only_the_page_of_known_questions_and_the_roster_behind_it_come_near_them() -> None:
    """A person needs `Deed.MANAGE_GOLD` there, which no reviewer has; the roster keeps what is asked, and no bytes."""
    found = reached(installed()["desk"].module)
    near = {name for name in found if "gold" in topics_in([importlib.import_module(name)])}
    assert near == {"producers.desk.service", "producers.desk.pages.lead.gold_routes"}


@ALL
def test_what_a_stage_may_dead_letter_the_operator_may_send_again(name: str) -> None:
    for topic in STAGES[name].inputs:
        assert "operator" in BY_NAME[topic.name].writers


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_whoever_runs_commands_reads_everything(topic: Topic[Any]) -> None:
    assert "operator" in topic.readers, "`hitl watch` and `hitl audit` read every topic"


def test_the_router_restores_from_dead_letters_and_casework_from_cases() -> None:
    assert "router" in DEAD_LETTERS.readers
    assert {"casework"} <= set(BY_NAME["cases"].readers) & set(BY_NAME["cases"].writers)
