"""What is measured: one person's calls, then ten people without a pause."""

import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.benchmarks.casework import memory_of
from tests.benchmarks.desk.ground import SERVICES, Ground
from tests.benchmarks.desk.people import Given, Heard, Person
from tests.benchmarks.stand import processor_seconds, quantile

SETTLING: Final = 5.0  # seconds between two measurements
LOOKS: Final = 0.5  # seconds for which a person looks at a case whose next one is fetched meanwhile


@dataclass(slots=True, kw_only=True)
class Calls:
    """Milliseconds of each call of one kind, and how much of it was within the server."""

    took: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)

    def add(self, heard: Heard) -> None:
        self.took.append(heard.took)
        self.served.append(heard.served)


@dataclass(slots=True, kw_only=True)
class Work:
    """What somebody, or a crowd, did."""

    nexts: Calls = field(default_factory=Calls)
    submits: Calls = field(default_factory=Calls)
    both: list[float] = field(default_factory=list)  # milliseconds from the answer to the next case
    given: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    nothing: int = 0
    seconds: float = 0.0
    load: float = 0.0

    @property
    def cycles(self) -> int:
        return len(self.submits.took)

    @property
    def doubles(self) -> int:
        """Cases that two people were given."""
        return sum(times > 1 for times in self.given.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Of each process: milliseconds of processor time a cycle, and resident mebibytes afterwards."""

    processor: dict[str, float]
    memory: dict[str, float]


def one_person(place: Ground, *, cycles: int) -> Work:
    """Answer, then ask for the next, again and again; the first tenth warms up and does not count."""
    person, work = Person(place.url, place.settings, "solo"), Work()
    began = time.perf_counter()
    case = _first(person)
    for number in range(cycles + cycles // 10):
        if number == cycles // 10:
            work = Work()
        case = _cycle(person, case, work)
    work.seconds, work.load = time.perf_counter() - began, os.getloadavg()[0]
    person.close()
    return work


def ahead(place: Ground, *, cycles: int, looks: float = LOOKS) -> Work:
    """The next case is there when the answer is given: what is timed is the call that fetches one more meanwhile."""
    person, work = Person(place.url, place.settings, "ahead"), Work()
    began = time.perf_counter()
    case, following = _first(person), _first(person)
    for _ in range(cycles):
        time.sleep(looks)
        submitted = person.decide(case)
        _count(submitted, work.submits, work)
        case = following
        asked, found = person.next()
        _count(asked, work.nexts, work)
        following = found or _first(person)
    work.seconds, work.load = time.perf_counter() - began, os.getloadavg()[0]
    person.close()
    return work


def crowd(place: Ground, *, people: int, seconds: float) -> tuple[Work, Spent]:
    """So many people who never pause; also what each cycle costs in processor time."""
    crowd_ = [Person(place.url, place.settings, f"person-{number}") for number in range(people)]
    works, started = [Work() for _ in crowd_], threading.Barrier(people + 1)
    over = threading.Event()

    def work(person: Person, done: Work) -> None:
        case = _first(person)
        started.wait()
        while not over.is_set():
            case = _cycle(person, case, done)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(crowd_, works, strict=True)]
    for thread in threads:
        thread.start()
    started.wait()
    before, began = {name: processor_seconds(pid) for name, pid in place.pids.items()}, time.perf_counter()
    over.wait(seconds)
    over.set()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    done = _together(works)
    done.seconds, done.load = took, os.getloadavg()[0]
    spent = {
        name: (processor_seconds(pid) - before[name]) * 1e3 / max(1, done.cycles) for name, pid in place.pids.items()
    }
    for person in crowd_:
        person.close()
    return done, Spent(processor=spent, memory={name: memory_of(place.pids[name]) for name in (*SERVICES, "valkey")})


def shares(values: Sequence[float], *parts: int) -> list[float]:
    """Quantiles in hundredths; zeros for nothing."""
    return [quantile(values, part / 100) if len(values) > 1 else 0.0 for part in parts]


def _first(person: Person) -> Given:
    """A case; asked for again while others have a share in what waits."""
    for _ in range(100):
        _, case = person.next()
        if case is not None:
            return case
        time.sleep(0.05)
    raise AssertionError("nothing is given")


def _cycle(person: Person, case: Given, work: Work) -> Given:
    submitted = person.decide(case)
    _count(submitted, work.submits, work)
    waited = submitted.took
    while True:
        asked, found = person.next()
        waited += asked.took
        _count(asked, work.nexts, work)
        if found is not None:
            work.given[found.request_id] += 1
            work.both.append(waited)
            return found
        work.nothing += 1


def _count(heard: Heard, calls: Calls, work: Work) -> None:
    calls.add(heard)
    if heard.status != 200:
        work.refused[f"{heard.status} {heard.body[:200].decode(errors='replace')}"] += 1


def _together(works: Sequence[Work]) -> Work:
    whole = Work()
    for each in works:
        for mine, theirs in ((whole.nexts, each.nexts), (whole.submits, each.submits)):
            mine.took += theirs.took
            mine.served += theirs.served
        whole.both += each.both
        whole.given += each.given
        whole.refused += each.refused
        whole.nothing += each.nothing
    return whole
