"""Laws of the command line, over every command that is installed."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from infra.cli.commands import installed, load, summary
from infra.cli.main import hitl, run
from infra.local.services import installed as installed_services


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with the words that call it."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            member = command.get_command(context, name)
            assert member is not None
            yield from leaves(member, f"{path} {name}")
    else:
        yield path, command


COMMANDS = dict(leaves(hitl, "hitl"))


def test_there_are_commands() -> None:
    assert {"hitl up", "hitl down", "hitl status", "hitl run"} <= set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_speaks_json(path: str) -> None:
    options = [option for parameter in COMMANDS[path].params for option in parameter.opts]
    assert "--json" in options


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_is_explained(path: str) -> None:
    command = COMMANDS[path]
    assert len(command.get_short_help_str(200)) > 10
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.opts[0]} has no help"


@pytest.mark.parametrize("name", installed())
def test_summary_is_read_without_importing_and_agrees(name: str) -> None:
    point = installed()[name]
    assert summary(point)
    assert summary(point).split(".")[0] in (load(point).help or "").replace("\n", " ")


@pytest.mark.parametrize("path", COMMANDS)
def test_wrong_usage_exits_2_with_json_when_asked(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run([*path.split()[1:], "--no-such-option", "--json"]) == 2
    assert capfd.readouterr().err.startswith('{"error":')


@pytest.mark.parametrize("name", installed_services())
def test_every_service_is_a_function_of_the_settings(name: str) -> None:
    assert callable(installed_services()[name].load())


def test_help_loads_no_service_and_little_else() -> None:
    code = (
        "import sys, infra.cli.main as m\n"
        "status = m.run(['--help'])\n"
        "heavy = {'confluent_kafka', 'torch', 'numpy', 'streams', 'consumers', 'producers'} & set(sys.modules)\n"
        "count = len(sys.modules)\n"
        "sys.exit(status or (f'loaded {heavy}' if heavy else f'{count} modules' if count > 250 else 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "status" in done.stdout


def test_expected_errors_are_one_line_without_a_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "no-such-service"]) == 78
    said = capfd.readouterr().err
    assert said.startswith("error: there is no service 'no-such-service'; choose from")
    assert said.count("\n") == 1
