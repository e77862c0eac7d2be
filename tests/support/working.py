"""People at the page to work on, and cases for them alone: a skill tells the cases of one test from those of others."""

import re
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from playwright.sync_api import Locator, Page, expect

from infra.kafka.publisher import publish
from infra.redis.reading import connect
from infra.redis.records import RequestRecord
from infra.secret_keys import secrets
from schemas.events import CaseClosed, ReviewerEnrolled, ReviewRequested
from schemas.topics import REVIEW, REVIEWERS, Outgoing
from schemas.values import Priority, SampleKind, Split
from streams.casework.sealing import Sealed, Sealer
from tests.support.announced import announced
from tests.support.refused import DAY, Office, now
from tests.support.stand import Stand, wait_until
from tests.support.traffic import CODEC

POSTS = """
name = "posts"
classes = ["reject", "approve"]
approving_class = "approve"
featurizer = "text"
[desk]
question = "May this post be published?"
guideline = "Insults are rejected. Quotations are not."
[[desk.reason_codes]]
code = "insult"
text = "Insults somebody"
actions = ["reject"]
"""
SHORT_SECONDS = 9  # of a lease of the workflow `quick`
QUICK = f"""
name = "quick"
classes = ["reject", "approve"]
approving_class = "approve"
featurizer = "text"
[review]
lease_minutes = {SHORT_SECONDS / 60}
"""
TOPICS = """
name = "topics"
classes = ["sports", "politics", "culture"]
approving_class = "sports"
featurizer = "text"
"""


def case(name: str, sealer: Sealer, *, due_at: int, sealed: Sealed | None = None, **fields: Any) -> Outgoing:
    """A case as the router announces it; `fields` of the announcement, `sealed` as only casework knows it."""
    asked = announced(name, sealer, due_at=due_at, workflow=fields.pop("workflow", "posts")).event
    assert isinstance(asked, ReviewRequested)
    if sealed is not None:
        fields["sealed"] = sealer.seal(sealed, request_id=name, revision=1)
    return REVIEW[Priority.NORMAL].message(replace(asked, requested_at=now(), created_at=now(), **fields))


def kept_back(kind: SampleKind, **more: Any) -> Sealed:
    """What nobody who answers may know."""
    return Sealed(kind=kind, inclusion_probability=0.5, split=Split.TRAIN, routed_reason="drawn", **more)


class Shift:
    """The cases of one test."""

    def __init__(self, stand: Stand, office: Office, skill: str) -> None:
        self.stand, self.office, self.skill, self.opened = stand, office, skill, 0

    def open(self, count: int, **more: Any) -> list[str]:
        """So many cases that wait, the first due first."""
        names = [f"{self.skill}-{self.opened + number}" for number in range(count)]
        sealer, first = Sealer(secrets(self.stand.settings).seal_key), now() + DAY
        cases = [
            case(name, sealer, due_at=first + number * 60_000, skills=(self.skill,), **more)
            for number, name in enumerate(names)
        ]
        self.opened += count
        publish(self.stand.log, CODEC, cases)
        model = connect(self.stand.settings)
        try:
            wait_until(lambda: all(_is_there(model.status(name)) for name in names), what="cases that wait")
        finally:
            model.close()
        return names

    def enrol(self, name: str, **more: Any) -> str:
        """Somebody to whom cases of this test can be handed over: of others casework knows no skills."""
        who = f"{name}-{self.skill}"
        event = ReviewerEnrolled(
            event_id=f"enrolled:{who}", reviewer_id=who, skills=(self.skill,), enrolled_by="test", enrolled_at=now(),
            **more,
        )  # fmt: skip
        publish(self.stand.log, CODEC, [REVIEWERS.message(event)])
        return who

    def closed(self, *names: str, seconds: float = 120) -> dict[str, str | None]:
        """The labels with which these were closed, once they are."""
        self.office.listener.until(
            lambda heard: {each.event.request_id for each in heard if isinstance(each.event, CaseClosed)} >= set(names),
            seconds=seconds, what=f"the end of {', '.join(names)}",
        )  # fmt: skip
        closed = self.office.listener.of(CaseClosed)
        return {each.request_id: each.label for each in closed if each.request_id in names}


def _is_there(record: RequestRecord | None) -> bool:
    """Whether a case waits, or somebody was quick."""
    return record is not None and (record.claimable is not None or record.in_hand is not None)


class Worker:
    """Somebody at the page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def shown(self) -> Locator:
        """The case on screen."""
        return self.page.locator("#work-case [data-work-case]")

    def sees(self, name: str) -> None:
        """This case is on screen."""
        expect(self.shown()).to_have_attribute("data-work-case", name)

    def sees_one_of(self, *names: str) -> None:
        """One of these cases is on screen."""
        expect(self.shown()).to_have_attribute("data-work-case", re.compile(f"^({'|'.join(map(re.escape, names))})$"))

    def holds_ahead(self, words: str) -> None:
        expect(self.page.locator("#work-ahead")).to_contain_text(words)

    def hears(self, words: str) -> None:
        """What was said last."""
        expect(self.page.locator("#work-said")).to_contain_text(words)

    def reads(self, words: str) -> None:
        """What must not be missed."""
        expect(self.page.locator("#work-notes")).to_contain_text(words)

    def stands(self, words: str) -> None:
        """How it is."""
        expect(self.page.locator("#work-status")).to_contain_text(words)

    def all_is_well(self) -> None:
        expect(self.page.locator("#work-status")).to_be_hidden()

    def current(self) -> str:
        expect(self.shown()).to_be_visible()
        return self.shown().get_attribute("data-work-case") or ""

    def kept(self, name: str) -> Any:
        """What the browser keeps."""
        who = self.page.locator("#work").get_attribute("data-person")
        return self.page.evaluate("name => JSON.parse(localStorage.getItem(name))", f"hitl:{name}:{who}")

    def posts(self, path: str, **said: Any) -> None:
        """As an app of theirs would."""
        proof = self.page.locator('meta[name="csrf-token"]').get_attribute("content") or ""
        got = self.page.request.post(
            self.page.url.removesuffix("/work") + path, data=said,
            headers={"x-csrf-token": proof, "sec-fetch-site": "same-origin"}, max_retries=2,
        )  # fmt: skip
        assert got.ok, got.text()

    def painted(self) -> Sequence[float]:
        """Milliseconds from the press of a key to the frame that shows the next case."""
        found: Sequence[float] = self.page.evaluate(
            "performance.getEntriesByName('hitl: next case').map(each => each.duration)"
        )
        return found
