"""The figures in the form of the peers', for people and for machines."""

from collections.abc import Sequence
from typing import Any

from tests.benchmarks.desk.measures import Spent, Work, shares
from tests.benchmarks.desk.peers import MEASURED_ON, PEERS, Peer


def for_machines(cases: int, alone: Sequence[Work], ahead: Work, crowd: Work, spent: Spent) -> dict[str, Any]:
    """Everything that was measured; times in milliseconds, memory in mebibytes."""
    return {
        "open_cases": cases,
        "one_person": [_one(work) for work in alone],
        "fetched_ahead": _one(ahead),
        "crowd": _one(crowd) | {
            "cycles_per_second": round(crowd.cycles / crowd.seconds, 1), "given_to_two": crowd.doubles,
            "nothing_found": crowd.nothing, "processor_ms_per_cycle": _rounded(spent.processor),
            "resident_mib": _rounded(spent.memory),
        },
        "peers": {"measured_on": MEASURED_ON, "figures": [peer._asdict() for peer in PEERS]},
    }  # fmt: skip


def for_people(made: dict[str, Any]) -> str:
    """Two tables in Markdown: one person, then ten."""
    best = sorted(made["one_person"], key=lambda work: work["submit_to_next"][0])
    one, crowd = best[len(best) // 2], made["crowd"]
    size = f"{made['open_cases']:,} open cases"
    lines = [
        f"One person, {size} (load {one['load']}); milliseconds, p50 / p95; the peers as of {MEASURED_ON}:", "",
        "| tool | next | submit | submit → next | resident, MB |", "|---|---|---|---|---|",
        f"| ours | {_pair(one['next'])} | {_pair(one['submit'])} | {_pair(one['submit_to_next'])} "
        f"| {crowd['resident_mib']['desk']:.0f} the desk, {sum(crowd['resident_mib'].values()):.0f} with casework, "
        "index and Valkey |",
        f"| ours, within the server | {_pair(one['next_in_server'])} | {_pair(one['submit_in_server'])} | – | |",
        *(_row_of_one(peer) for peer in PEERS),
        "", f"Ten people without a pause, {size} (load {crowd['load']}):", "",
        "| tool | cycles/s | next p50 / p95 / p99 | submit p50 / p95 | given to two | processor ms a cycle | errors |",
        "|---|---|---|---|---|---|---|",
        f"| ours | {crowd['cycles_per_second']} | {_pair(crowd['next'], 3)} | {_pair(crowd['submit'])} "
        f"| {crowd['given_to_two']} | {_processor(crowd['processor_ms_per_cycle'])} | {len(crowd['refused'])} |",
        *(_row_of_ten(peer) for peer in PEERS),
        "", *_of_pages(made),
    ]  # fmt: skip
    return "\n".join(lines)


def _of_pages(made: dict[str, Any]) -> list[str]:
    """What was measured of the pages and of those who listen to changes."""
    page, held, readers = made["page"], made["fetched_ahead"], made["readers"]
    within = "; ".join(f"{kind} {_pair(times, 3)}" for kind, times in page["in_server"].items())
    return [
        "| the page to work on, in Chromium; milliseconds, p50 / p95 / p99 | |", "|---|---|",
        f"| key press → next case painted ({page['answers']} answers, load {page['load']}) "
        f"| {_pair(page['key_to_painted'], 3)} |",
        f"| within the server, behind the person's back | {within} |",
        f"| an app that fetches ahead: next; submit | {_pair(held['next'], 3)}; {_pair(held['submit'], 3)} |",
        f"| first load | {page['first_load_bytes'] / 1_000:.0f} kB |",
        f"| each page, within the server | {', '.join(f'{path} {spent}' for path, spent in made['pages'].items())} |",
        f"| {readers['readers']} who listen to all changes | desk {readers['resident_mib']['before']} → "
        f"{readers['resident_mib']['with_readers']} MiB, {readers['percent_of_a_core_at_rest']['with_readers']} % of a "
        f"core at rest, {readers['desk_ms_per_cycle']} ms of the desk's processor a cycle |",
    ]  # fmt: skip


def _one(work: Work) -> dict[str, Any]:
    return {
        "cycles": work.cycles, "load": round(work.load, 1), "seconds": round(work.seconds, 1),
        "next": _shares(work.nexts.took), "next_in_server": _shares(work.nexts.served),
        "submit": _shares(work.submits.took), "submit_in_server": _shares(work.submits.served),
        "submit_to_next": _shares(work.both), "refused": dict(work.refused),
    }  # fmt: skip


def _shares(values: Sequence[float]) -> list[float]:
    return [round(value, 1) for value in shares(values, 50, 95, 99)]


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in values.items()}


def _pair(values: Sequence[float], count: int = 2) -> str:
    return " / ".join(f"{value:.0f}" for value in values[:count])


def _processor(spent: dict[str, float]) -> str:
    return f"{sum(spent.values()):.1f} ({', '.join(f'{name} {each:.1f}' for name, each in spent.items())})"


def _row_of_one(peer: Peer) -> str:
    return f"| {peer.name} | {_pair(peer.next)} | {_pair(peer.submit)} | {_pair(peer.both)} | {peer.memory} |"


def _row_of_ten(peer: Peer) -> str:
    spent = "–" if peer.processor is None else f"{peer.processor:g}"
    return (
        f"| {peer.name} | {peer.cycles} | {_pair(peer.crowd_next, 3)} | {_pair(peer.crowd_submit)} | {peer.doubles} "
        f"| {spent} | {peer.errors} |"
    )
