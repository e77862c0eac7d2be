"""Review tools of today as they were measured on 2 cores, server side; nothing of this is measured here again."""

from typing import Final, NamedTuple

MEASURED_ON: Final = "2026-11-22"


class Peer(NamedTuple):
    """Milliseconds with 100,000 tasks: p50 and p95 of one person's calls, then of ten without a pause."""

    name: str
    next: tuple[float, float]
    submit: tuple[float, float]
    both: tuple[float, float]
    memory: str  # resident, after the crowd
    cycles: float  # a second, of ten
    crowd_next: tuple[float, float, float]  # p50, p95, p99
    crowd_submit: tuple[float, float]
    doubles: int  # tasks that two people completed
    processor: float | None  # milliseconds a cycle, without the database
    errors: str


PEERS: Final = (
    Peer(
        "Label Studio 1.23.2, SQLite", (140, 155), (88, 92), (228, 247), "419 MB", 3.7, (1236, 6436, 7021), (556, 1180),
        13, None, "0",
    ),
    Peer(
        "Label Studio 1.23.2, PostgreSQL 15", (340, 384), (108, 116), (448, 492), "433 MB + database", 7.0,
        (748, 1571, 1676), (592, 924), 0, 109, "0",
    ),
    Peer(
        "Potato 2.12.1", (445, 473), (8.0, 28), (455, 502), "433 MB", 1.5, (4880, 5110, 5202), (104, 370), 0, 642,
        "44 × HTTP 500",
    ),
    Peer(
        "doccano 1.8.4", (172, 190), (17, 20), (190, 210), "1,205 MB", 6.9, (818, 1657, 2135), (454, 997), 5, 192, "0",
    ),
    Peer(
        "Camunda 7.22.0", (103, 151), (15, 27), (119, 165), "499 MB + database", 9.2, (893, 1698, 3255), (100, 176), 0,
        50, "715 lost claims (HTTP 500)",
    ),
)  # fmt: skip
