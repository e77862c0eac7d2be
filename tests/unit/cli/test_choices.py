"""Every closed set on the command line takes the words that outputs show, in any case."""

from collections.abc import Iterator

import click
import pytest

from infra.cli.commands import installed, load


def choices(command: click.Command, path: str) -> Iterator[tuple[str, click.Choice[str]]]:
    for parameter in command.params:
        if isinstance(parameter.type, click.Choice):
            yield f"{path} {parameter.name}", parameter.type
    if isinstance(command, click.Group):
        for name, member in command.commands.items():
            yield from choices(member, f"{path} {name}")


CHOICES = dict(found for name, point in installed().items() for found in choices(load(point), name))


def test_there_are_choices() -> None:
    assert {"cases list priority", "publish form"} <= CHOICES.keys()


@pytest.mark.parametrize("path", CHOICES)
def test_a_choice_takes_its_words_in_lower_case(path: str) -> None:
    for word in CHOICES[path].choices:
        assert CHOICES[path].convert(str(word).lower(), None, None) == str(word).lower()
