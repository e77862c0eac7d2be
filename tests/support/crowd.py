"""People who work at the desk over HTTP without a pause, and remember everything that they were told."""

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

import httpx2
import msgspec

from infra.settings import Settings
from producers.desk.signin.links import folder_of, local_person, put_link
from producers.desk.signin.opening import wall
from producers.desk.signin.secret import new_secret

TIMEOUT: Final = 40.0  # seconds: longer than the desk is patient
AWAY: Final = 0.2  # seconds between two tries while nobody answers
GIVEN_UP: Final = 300.0  # seconds
HABITS: Final = ("approve",) * 12 + ("reject",) * 3 + ("escalate", "renew", "release", "hold", "undo")
EXPECTED: Final = (409, 429)
Headers = dict[str, str]


class Told(NamedTuple):
    """What the desk said last, and what it had said before while it could not serve."""

    status: int
    body: Any
    repeated: bool


@dataclass(slots=True)
class Heard:
    """By one person. `accepted`: decision ids of answers that were acknowledged, with the request of each."""

    accepted: dict[str, str] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    given: Counter[tuple[str, int]] = field(default_factory=Counter)  # request and lease
    answers: Counter[tuple[int, str]] = field(default_factory=Counter)  # statuses other than 200, with their reasons
    wrong: list[str] = field(default_factory=list)  # what nobody should ever be answered
    broken: int = 0  # connections that broke
    calls: int = 0
    longest: float = 0.0  # seconds that one call took


class Worker:
    """Takes a case, does something about it, takes the next; whatever is not served is said again, same id."""

    def __init__(self, url: str, name: str, headers: Headers) -> None:
        self.name, self.heard, self._headers = name, Heard(), headers
        where = urlsplit(url)
        assert where.hostname is not None
        self._connection = http.client.HTTPConnection(where.hostname, where.port, timeout=TIMEOUT)
        self._random, self._said = Random(name), 0

    def work(self, over: threading.Event) -> None:
        """Until it is over; what was begun is finished."""
        while not over.is_set():
            told = self.say("/v1/cases:next", {})
            if told.status == 200 and "request_id" in told.body:
                self.heard.given[told.body["request_id"], told.body["lease"]] += 1
                self._treat(told.body)
            elif told.status == 200:
                over.wait(0.1)  # others have a share in what waits
        self._connection.close()

    def say(self, path: str, body: dict[str, Any]) -> Told:
        """Again and again until it is answered by anything but "not now"."""
        deadline, repeated = time.monotonic() + GIVEN_UP, False
        while True:
            status, answer, after = self._call(path, body)
            if status not in (0, 503):
                break
            assert time.monotonic() < deadline, f"{path} is not answered any more: {answer}"
            time.sleep(AWAY if status == 0 else min(after, 1.0))
            repeated = True
        if status != 200:
            self.heard.answers[status, answer.get("reason", "")] += 1
            if status not in EXPECTED and not (repeated and status == 404):
                self.heard.wrong.append(f"{status} {path} {answer}")
        return Told(status, answer, repeated)

    def _call(self, path: str, body: dict[str, Any]) -> tuple[int, Any, float]:
        """Status 0 when the connection broke."""
        began = time.monotonic()
        self.heard.calls += 1
        try:
            self._connection.request("POST", path, msgspec.json.encode(body), self._headers)
            got = self._connection.getresponse()
            answer = msgspec.json.decode(got.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self.heard.broken += 1
            return 0, repr(error), 0.0
        finally:
            self.heard.longest = max(self.heard.longest, time.monotonic() - began)
        if got.status == 503:
            self.heard.answers[503, answer["reason"]] += 1
            if len(answer["detail"]) < 30 or not int(got.headers.get("retry-after", "0")):
                self.heard.wrong.append(f"503 without words or Retry-After: {answer}")
        return got.status, answer, float(got.headers.get("retry-after", "1"))

    # ---- what is done about a case ----

    def _treat(self, case: dict[str, Any]) -> None:
        path, habit = f"/v1/cases/{quote(case['request_id'], safe='')}", self._random.choice(HABITS)
        lease = {"lease": case["lease"]}
        match habit:
            case "release":
                self.say(f"{path}:release", self._named() | lease)
            case "hold":
                self.say(f"{path}:hold", self._named() | lease | {"resumes_at": wall() + 3_600_000})
                self.say(f"{path}:release", self._named())
            case "undo":
                self._decide(case, "approve", grace=60.0)
                again = self.say(f"{path}:undo", self._named())
                if again.status == 200:
                    self.heard.withdrawn.add(f"{self.name}:{self._said - 1}")
                    self._decide(case | {"lease": again.body["lease"]}, "reject")
            case "renew":
                self.say(f"{path}:renew", self._named() | lease)
                self._decide(case, "approve")
            case _:
                self._decide(case, habit)

    def _decide(self, case: dict[str, Any], action: str, *, grace: float = 0.0) -> None:
        name = self._next()
        said = {"decision_id": name, "action": action, "confidence": 0.9, "grace_seconds": grace}
        seen = {"lease": case["lease"], "review": case["review"]}
        told = self.say(f"/v1/cases/{quote(case['request_id'], safe='')}/decisions", said | seen)
        if told.status == 200:
            self.heard.accepted[name] = case["request_id"]

    def _named(self) -> dict[str, Any]:
        return {"command_id": self._next()}

    def _next(self) -> str:
        self._said += 1
        return f"{self.name}:{self._said}"


class Crowd:
    """So many workers, each in a thread of their own, by reviewer id or signed in by a link of this machine."""

    def __init__(self, url: str, people: int, *, signed_in: Settings | None = None, name: str = "p") -> None:
        names = [f"{name}{number}" for number in range(people)]
        self.workers = [
            Worker(url, each, session(url, signed_in, each) if signed_in is not None else by_name(each))
            for each in names
        ]
        self._over = threading.Event()
        self._threads = [threading.Thread(target=each.work, args=(self._over,)) for each in self.workers]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let everybody finish what they have begun."""
        self._over.set()
        for thread in self._threads:
            thread.join(GIVEN_UP)
            assert not thread.is_alive(), "somebody waits for ever"

    @property
    def decided(self) -> int:
        """How many answers were acknowledged so far."""
        return sum(len(each.heard.accepted) for each in self.workers)

    def answers(self) -> Counter[tuple[int, str]]:
        """Everything that was answered but 200."""
        return sum((each.heard.answers for each in self.workers), Counter())

    def nothing_wrong(self) -> None:
        """Raises AssertionError with what nobody should have been told."""
        wrong = [text for each in self.workers for text in each.heard.wrong]
        assert not wrong, f"{len(wrong)} wrong answers: {wrong[:5]}"


def by_name(name: str) -> Headers:
    """While identity is off, on this machine."""
    return {"content-type": "application/json", "reviewer-id": quote(name)}


def session(url: str, settings: Settings, name: str) -> Headers:
    """As the browser of somebody who is signed in sends them."""
    secret = new_secret()
    put_link(folder_of(settings), local_person(name), secret=secret, now=wall())
    with httpx2.Client(base_url=url, headers={"accept": "text/html"}, follow_redirects=True, timeout=60) as browser:
        assert browser.get(f"/sign-in/link?token={secret}").status_code == 200
        csrf = browser.get("/session").json()["csrf"]
        cookie = "; ".join(f"{each.name}={each.value}" for each in browser.cookies.jar)
    return {"content-type": "application/json", "cookie": cookie, "x-csrf-token": csrf, "origin": url}
