"""What an encode and a decode cost, event by event: `python -m tests.benchmarks.bench_codec`.

Bursts of all measurements take turns and the cheapest burst counts, so that a busy neighbour costs time, not truth.
Every call writes an event of its own, as a stage does: what is remembered of the last one helps only where it recurs.
"""

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple

from schemas.codec import Codec
from schemas.publishing import EXAMPLES, example_event

ROUNDS: Final = 100
BURST: Final = 50  # calls a burst


class Cost(NamedTuple):
    """One event's cost: `encode` and `decode` in µs, `size` in bytes on the wire."""

    event: str
    size: int
    encode: float
    decode: float


def cheapest(calls: Sequence[Callable[[], object]], *, rounds: int = ROUNDS, burst: int = BURST) -> list[float]:
    """µs of each call, the minimum over bursts that take turns."""
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for index, call in enumerate(calls):
            start = perf_counter()
            for _ in range(burst):
                call()
            best[index] = min(best[index], (perf_counter() - start) / burst * 1e6)
    return best


def costs(codec: Codec, paths: Sequence[Path]) -> list[Cost]:
    """Cost of each golden example."""
    events = [example_event(path) for path in paths]
    values = [codec.encode(event) for event in events]
    encodes: list[Callable[[], object]] = [_encode(codec, value) for value in values]
    decodes: list[Callable[[], object]] = [partial(codec.decode, value) for value in values]
    found = cheapest([*encodes, *decodes])
    return [
        Cost(path.parent.name, len(value), round(encode, 1), round(decode, 1))
        for path, value, encode, decode in zip(paths, values, found, found[len(paths) :], strict=False)
    ]


def _encode(codec: Codec, value: bytes) -> Callable[[], object]:
    """Encodes one copy of an event after the other."""
    copies = cycle([codec.decode(value) for _ in range(2 * BURST)])
    return lambda: codec.encode(next(copies))


def main() -> None:
    """Print a table, or JSON with `--json`."""
    measured = costs(Codec.of_repository(), sorted(EXAMPLES.glob("*/*.full.json")))
    if "--json" in sys.argv[1:]:
        print(json.dumps([cost._asdict() for cost in measured]))
        return
    print("| event (full example) | bytes | encode µs | decode µs |\n|---|---|---|---|")
    for cost in measured:
        print(f"| {cost.event} | {cost.size} | {cost.encode} | {cost.decode} |")


if __name__ == "__main__":
    main()
