"""The README promises nothing that is not there: commands exist, links lead somewhere, its workflow is valid."""

import re
from pathlib import Path

import click
import pytest

from infra.cli.commands import installed, load
from streams.workflow.types import parse_workflow

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "schemas/README.md", ROOT / "CHANGELOG.md", ROOT / "infra/deploy/README.md"]
PAGES += sorted(ROOT.glob("infra/adr/*.md"))
README = PAGES[0].read_text()
IN_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
COMMAND = re.compile(r"(?:^|`|&& )hitl ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)", re.MULTILINE)


def commands_in(page: Path) -> set[str]:
    code = "\n".join(IN_CODE.findall(page.read_text()))
    return set(COMMAND.findall(code))


ALL = sorted({(page.name, command) for page in PAGES for command in commands_in(page)})


@pytest.mark.parametrize(("page", "command"), ALL)
def test_every_command_on_a_page_exists(page: str, command: str) -> None:
    name, _, member = command.partition(" ")
    known = installed()
    assert name in known, f"{page} names `hitl {name}`"
    group = load(known[name])
    if isinstance(group, click.Group) and member:
        assert member in group.commands, f"{page} names `hitl {command}`"


def test_commands_are_found_on_the_pages() -> None:
    assert ("README.md", "policy publish") in ALL
    assert ("README.md", "up") in ALL


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z0-9-]+)", README))))
def test_every_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_workflow_that_is_shown_is_accepted() -> None:
    [document] = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert parse_workflow(document).name == "refunds"
