"""Many who listen to the changes: what each costs the desk, at rest and while others work, and who does not read."""

import os
import selectors
import socket
import threading
import time
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from infra.observe.targets import read_target, target_file
from tests.benchmarks.casework import memory_of
from tests.benchmarks.desk.ground import Ground
from tests.benchmarks.desk.measures import crowd
from tests.benchmarks.stand import processor_seconds

REST: Final = 15.0  # seconds
WORK: Final = 15.0  # seconds
SETTLE: Final = 3.0  # seconds


class Readers:
    """So many open streams of changes, read as they come, but for those that are told not to read."""

    def __init__(self, url: str, count: int, *, lazy: int = 0) -> None:
        self._over, self.heard = threading.Event(), 0
        where = urlsplit(url)
        assert where.hostname is not None and where.port is not None
        self._sockets = [self._opened((where.hostname, where.port), number, lazy > number) for number in range(count)]
        self._selector = selectors.DefaultSelector()
        for number, each in enumerate(self._sockets):
            if number >= lazy:
                self._selector.register(each, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _opened(self, where: tuple[str, int], number: int, lazy: bool) -> socket.socket:
        made = socket.socket()
        if lazy:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        made.settimeout(30)
        made.connect(where)
        asked = f"GET /v1/changes HTTP/1.1\r\nHost: {where[0]}:{where[1]}\r\nReviewer-Id: reader-{number}\r\n\r\n"
        made.sendall(asked.encode())
        assert b"200 OK" in made.recv(1_024)
        return made

    def _read(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(0.2):
                assert isinstance(key.fileobj, socket.socket)
                said = key.fileobj.recv(1 << 16)
                self.heard += len(said)
                if not said:
                    self._selector.unregister(key.fileobj)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        for each in self._sockets:
            each.close()


def listening(place: Ground, *, count: int, lazy: int, people: int) -> dict[str, Any]:
    """Memory in mebibytes, processor time of the desk in hundredths of a core and in milliseconds a cycle."""
    desk = place.pids["desk"]
    before = memory_of(desk)
    alone = _rest(desk)
    readers = Readers(place.url, count, lazy=lazy)
    time.sleep(SETTLE)
    opened, at_rest = memory_of(desk), _rest(desk)
    work, spent = crowd(place, people=people, seconds=WORK)
    made = {
        "readers": count, "of_them_lazy": lazy, "load": round(os.getloadavg()[0], 1),
        "resident_mib": {"before": round(before), "with_readers": round(opened), "after_work": round(memory_of(desk))},
        "percent_of_a_core_at_rest": {"without": alone, "with_readers": at_rest},
        "cycles": work.cycles, "desk_ms_per_cycle": round(spent.processor["desk"], 1), "heard_bytes": readers.heard,
        "cut_off": _metric(place, "hitl_desk_cut_off_requests_total"),
        "still_reading": _metric(place, "hitl_desk_streaming_requests"),
    }  # fmt: skip
    readers.close()
    return made


def _rest(pid: int) -> float:
    began = processor_seconds(pid)
    time.sleep(REST)
    return round((processor_seconds(pid) - began) / REST * 100, 1)


def _metric(place: Ground, name: str) -> float:
    where = read_target(target_file(place.settings.data_dir, "desk", place.settings.slot))
    text = httpx2.get(f"http://{where}/metrics", timeout=30).text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))
