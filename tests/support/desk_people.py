"""People at work over HTTP: by the name that they give, by a token, or signed in at a browser; and what is refused."""

from typing import Any
from urllib.parse import quote

import httpx2
import msgspec

from infra.kafka.scan import scan
from producers.desk.refusing import STATUSES
from producers.desk.signin.links import folder_of, put_link
from producers.desk.signin.opening import wall
from producers.desk.signin.person import Person as Known
from producers.desk.signin.roles import Role
from producers.desk.signin.secret import new_secret
from schemas.events import CaseSnapshot
from schemas.topics import CASES
from tests.support.refused import Line, Office, Scene
from tests.support.stand import Stand
from tests.support.traffic import CODEC

WHO = "dora"


class Person:
    """Somebody at work."""

    def __init__(self, url: str, name: str, token: str | None = None) -> None:
        headers = {"reviewer-id": name} | ({"authorization": f"Bearer {token}"} if token else {})
        self.client = httpx2.Client(base_url=url, headers=headers, timeout=30)

    def post(self, path: str, **body: Any) -> httpx2.Response:
        return self.client.post(path, json=body)

    def done(self, path: str, **body: Any) -> Any:
        got = self.post(path, **body)
        assert got.status_code == 200, got.text
        return got.json()


class Signed(Person):
    """Somebody at work who has signed in at a browser: known by the session alone."""

    def __init__(self, stand: Stand, url: str, name: str) -> None:
        super().__init__(url, name)
        del self.client.headers["reviewer-id"]
        self.client.headers["origin"] = url
        person = Known(reviewer_id=name, name=name, roles=(Role.REVIEWER, Role.EXPERT))
        secret = new_secret()
        put_link(folder_of(stand.settings), person, secret=secret, now=wall())
        assert self.client.get(f"/sign-in/link?token={secret}").status_code == 303
        self.client.headers["x-csrf-token"] = self.client.get("/session").json()["csrf"]


class People:
    """Everybody at work, each with one connection; hang up at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._known: dict[tuple[str, str], Person] = {}

    def __call__(self, name: str, token: str = "") -> Person:
        """`token` may also only tell two connections apart, while identity is off."""
        if (name, token) not in self._known:
            self._known[name, token] = Person(self.url, name, token or None)
        return self._known[name, token]

    def close(self) -> None:
        for person in self._known.values():
            person.client.close()


def known(office: Office, name: str) -> list[CaseSnapshot]:
    """Everything that was ever known of a case."""
    found = (entry.event for entry in scan(office.stand.log, CODEC, [CASES.name]))
    return [event for event in found if isinstance(event, CaseSnapshot) and event.request_id == name]


def over_http(person: Person, line: Line, before: list[CaseSnapshot]) -> httpx2.Response:
    path = f"/v1/cases/{quote(line['request_id'], safe='')}"
    lease = {} if line.get("lease") is None else {"lease": line["lease"]}
    if "command" in line:
        return person.post(f"{path}:{line['command']}", **(lease if line["command"] != "claim" else {}))
    review = line.get("review") or msgspec.to_builtins(before[-1].review)
    body = {name: line[name] for name in ("action", "label", "confidence") if line.get(name) is not None}
    return person.post(f"{path}/decisions", **body, **lease, review=review)


def check(office: Office, people: People, name: str, scene: Scene, signed: Signed | None = None) -> None:
    line = scene.prepare(office, name, WHO)
    before = known(office, line["request_id"])
    got = over_http(signed or people(WHO, line.get("token") or ""), line, before)
    assert got.headers["content-type"] == "application/problem+json"
    assert (got.json()["reason"], got.status_code) == (scene.reason, STATUSES[scene.reason])
    assert len(got.json()["detail"]) > 30
    assert known(office, line["request_id"]) == before
