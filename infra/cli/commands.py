"""The commands that are installed, found by entry point; their summaries are read without importing them."""

import ast
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

import click

from infra.errors import HitlError

GROUP = "hitl.commands"


class CommandMissing(HitlError):
    """A command is announced in pyproject.toml but its module cannot be loaded; run `make setup` again."""


@cache
def installed() -> dict[str, EntryPoint]:
    """Entry points of the commands, by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP))}


class LazyCommands(click.Group):
    """A group whose members are imported when they are used, so that `hitl --help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(installed())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        point = installed().get(cmd_name)
        return load(point) if point else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(point)) for name, point in installed().items()])


def borrowed(name: str) -> click.Command:
    """The installed command of that name, for a group of another part that offers it, too. Raises `CommandMissing`."""
    if name not in installed():
        raise CommandMissing(f"hitl {name} is not installed; run `make setup` again.")
    return load(installed()[name])


def load(point: EntryPoint) -> click.Command:
    """The command itself. Raises CommandMissing."""
    try:
        command = point.load()
    except (ModuleNotFoundError, AttributeError) as error:
        detail = f"hitl {point.name} ({point.value}) cannot be loaded: {error}"
        raise CommandMissing(f"{detail}; run `make setup` again.") from error
    if not isinstance(command, click.Command):
        raise CommandMissing(f"hitl {point.name}: {point.value} is no command; correct it in pyproject.toml.")
    return command


def summary(point: EntryPoint) -> str:
    """First line of the command's docstring, read from its source."""
    source = source_of(point.module)
    if source is None:
        return ""
    for node in ast.parse(source.read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name == point.attr:
            return (ast.get_docstring(node) or "").split("\n", 1)[0]
    return ""


def source_of(module: str) -> Path | None:
    """Source file of a module, found without importing anything: not even the packages it lies in."""
    package, *rest = module.split(".")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    if not rest:
        return Path(spec.origin)
    source = Path(spec.origin).parent.joinpath(*rest).with_suffix(".py")
    return source if source.is_file() else None
