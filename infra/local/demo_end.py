"""What the demo ends with: figures, reconciliation, one request's story, and how to go on."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infra.local.demo_desk import Invitation
from infra.local.demo_processes import ProcessUse


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo cost and showed: seconds in all and by phase, the use of each process, decisions by model.

    `published_at_promotions`: how many requests were in the log when each model's promotion was seen.
    """

    seconds: float
    phases: dict[str, float]
    processes: list[ProcessUse]
    memory_mib: float
    automatic_by_model: dict[str, int]
    workflow_of_model: dict[str, str]
    published_at_promotions: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How the demo ended: whether the log adds up, the report as JSON, and the texts for people."""

    adds_up: bool
    report: bytes
    figures: str
    story_id: str | None
    story: str
    measured: Measured
    invitation: Invitation | None = None  # to the desk; where everything was ended there is none


def with_measures(report: bytes, measured: Measured) -> bytes:
    """The report on the log with what the demo measured under `demo`."""
    document = msgspec.json.decode(report, type=dict[str, msgspec.Raw])
    document["demo"] = msgspec.Raw(msgspec.json.encode(measured))
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def end_page(account: Account) -> str:
    """Figures, reconciliation, story and costs, for people."""
    return "\n\n".join(part.strip("\n") for part in (account.figures, account.story, costs(account.measured)) if part)


def costs(measured: Measured) -> str:
    """Where the time and the memory went."""
    phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in measured.phases.items())
    lines = [
        f"{measured.seconds:.0f} s in all ({phases})",
        "processor seconds: " + ", ".join(f"{each.name} {each.cpu_seconds:.0f}" for each in measured.processes),
        f"memory: {measured.memory_mib:,.0f} MiB in {len(measured.processes)} processes",
    ]
    for workflow in sorted(set(measured.workflow_of_model.values())):
        counts = {d: n for d, n in measured.automatic_by_model.items() if measured.workflow_of_model[d] == workflow}
        if len(counts) > 1:
            used = ", ".join(f"{digest[:12]} {count:,}" for digest, count in counts.items())
            lines.append(f"automatic decisions of {workflow} by model, swapped while it ran: {used}")
    return "\n".join(lines)


def how_to_go_on(data_dir: Path, story: str | None) -> str:
    """The commands to type next, as they work in this shell."""
    rows = [
        ("hitl watch", "the live screen"),
        (f"hitl audit show {story or 'REQUEST_ID'}", "the story of one request"),
        ("hitl audit reconcile", "account for every request from the log alone"),
        ("hitl cases list", "what waits for people; `hitl cases decide` answers, and so does the desk"),
        ("hitl desk link --role lead", "another way into the desk, as reviewer, expert, lead, auditor or admin"),
        ("hitl publish FILE.csv --workflow content_moderation", "your own posts (columns id and text)"),
        ("hitl publish FILE.csv --workflow loan_approval", "your own applications (columns as in the policy)"),
        ("hitl model list", "every model that was fitted, and why it runs or not"),
        ("hitl policy show loan_approval", "a policy; `hitl policy publish FILE.toml` for your own workflow"),
        ("hitl down --purge", "end it and delete the demo's data"),
    ]
    width = max(len(command) for command, _ in rows)
    first = [] if shutil.which("hitl") else [f"  source {Path(sys.executable).with_name('activate')}"]
    lines = ["The stack is still up. Go on in this shell:", *first, f"  export HITL_DATA_DIR={data_dir}"]
    return "\n".join(lines + [f"  {command:<{width}}  # {meaning}" for command, meaning in rows])
