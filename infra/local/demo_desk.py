"""What the demo leaves to whoever sits there: open cases at the desk, and a link that opens it once."""

from dataclasses import dataclass, field
from typing import Final

import click
import msgspec

from infra.local.demo_commands import Commands

ROLE: Final = "reviewer"
MINUTES: Final = 5  # that a link is good for


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What `hitl desk link --json` says."""

    link: str
    reviewer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """How many cases wait at the desk, and for whom which link opens it; a secret, which no report may hold."""

    cases: int
    reviewer: str
    link: str = field(repr=False)


def invite(commands: Commands, *, cases: int, opens: bool) -> Invitation:
    """Have a link made for a reviewer, and opened in a browser if that is wanted. Raises `StepFailed`."""
    made = msgspec.json.decode(commands.run("desk", "link", "--role", ROLE, "--json").said, type=Link)
    if opens:
        click.launch(made.link)
    return Invitation(cases=cases, reviewer=made.reviewer, link=made.link)


def invitation_page(invitation: Invitation) -> str:
    """The demo's last lines, the link by itself, so that it is seen first and can be clicked."""
    count, link = invitation.cases, invitation.link
    waiting = "no case waits" if not count else f"{count:,} case waits" if count == 1 else f"{count:,} cases wait"
    return "\n".join(
        [
            f"The desk is open, and {waiting} for you. Open this in a browser on this machine:",
            "",
            f"  {link}",
            "",
            f"It signs you in as {invitation.reviewer}, a {ROLE}, once and within {MINUTES} minutes.",
            f"`hitl desk link --role {ROLE}`, in a shell set up as above, prints another one;",
            "--role expert, lead, auditor or admin shows what they see.",
        ]
    )
