"""The help of a group says the whole sentence about each of its commands."""

import click
import pytest

from infra.cli.commands import installed, load
from infra.cli.groups import first_line

GROUPS = {name: made for name, made in ((n, load(p)) for n, p in installed().items()) if isinstance(made, click.Group)}


def test_there_are_groups() -> None:
    assert {"topics", "policy", "cases", "audit", "model", "dead-letters"} <= GROUPS.keys()


@pytest.mark.parametrize("name", GROUPS)
def test_no_sentence_is_cut(name: str) -> None:
    group = GROUPS[name]
    said = " ".join(group.get_help(click.Context(group, info_name=name)).split())
    for member in group.commands.values():
        assert first_line(member).endswith(".")
        assert first_line(member) in said
