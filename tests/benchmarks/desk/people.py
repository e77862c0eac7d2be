"""Somebody at the desk, as a peer's benchmark would call it: the next case, an answer, the next case."""

import time
from http.client import HTTPConnection
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx2
import msgspec

from infra.settings import Settings
from producers.desk.signin.links import folder_of, local_person, put_link
from producers.desk.signin.opening import wall
from producers.desk.signin.secret import new_secret

TIMEOUT: Final = 60.0  # seconds
SPENT: Final = "server-timing"


class Given(msgspec.Struct, frozen=True):
    """What an answer needs of a case."""

    request_id: str
    lease: int
    review: dict[str, str | int]


class Heard(NamedTuple):
    """One call: its status and body, milliseconds until it was read, and of these so many within the server."""

    status: int
    body: bytes
    took: float
    served: float


_given = msgspec.json.Decoder(Given)


class Person:
    """Signed in by a link of this machine, with one connection that stays open."""

    def __init__(self, url: str, settings: Settings, name: str) -> None:
        self.name, self._calls = name, 0
        secret = new_secret()
        put_link(folder_of(settings), local_person(name), secret=secret, now=wall())
        with httpx2.Client(base_url=url, headers={"accept": "text/html"}, follow_redirects=True) as browser:
            assert browser.get(f"/sign-in/link?token={secret}").status_code == 200
            csrf = browser.get("/session").json()["csrf"]
            cookie = "; ".join(f"{each.name}={each.value}" for each in browser.cookies.jar)
        self._headers = {
            "Content-Type": "application/json", "Cookie": cookie, "X-CSRF-Token": csrf, "Origin": url,
        }  # fmt: skip
        where = urlsplit(url)
        assert where.hostname is not None
        self._connection = HTTPConnection(where.hostname, where.port, timeout=TIMEOUT)

    def post(self, path: str, body: object) -> Heard:
        """One call."""
        began = time.perf_counter()
        self._connection.request("POST", path, msgspec.json.encode(body), self._headers)
        answer = self._connection.getresponse()
        said = answer.read()
        took = (time.perf_counter() - began) * 1e3
        return Heard(answer.status, said, took, _within(answer.getheader(SPENT, "")))

    def next(self) -> tuple[Heard, Given | None]:
        """The next case, None when there is none."""
        heard = self.post("/v1/cases:next", {})
        return heard, _given.decode(heard.body) if heard.status == 200 and b'"request_id"' in heard.body else None

    def decide(self, case: Given) -> Heard:
        """An answer to a case that was given."""
        self._calls += 1
        said = {"action": "approve", "confidence": 0.9, "decision_id": f"{self.name}:{self._calls}"}
        seen = {"lease": case.lease, "review": case.review}
        return self.post(f"/v1/cases/{case.request_id}/decisions", said | seen)

    def close(self) -> None:
        self._connection.close()


def _within(header: str) -> float:
    """The milliseconds that a server says it spent; 0 when it does not say."""
    return float(header.rpartition("dur=")[2] or 0)
