"""Whoever steers, in a browser on the real stack: queues, cases that change hands, pauses, known questions."""

import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from infra.kafka.publisher import publish
from infra.kafka.scan import scan
from infra.redis.reading import ReadModel, connect
from producers.desk.signin.roles import Role
from schemas.events import CaseReprioritised, GoldAdded, GoldRetired, LeaseGranted, ReviewerEnrolled
from schemas.topics import ASSIGNMENTS, GOLD, REVIEWERS, Outgoing
from schemas.values import Priority
from tests.e2e.desk.conftest import SignedIn
from tests.support.browser import TABLET, axe
from tests.support.predicted import predicted
from tests.support.stand import Stand, wait_until
from tests.support.traffic import CODEC, WORKFLOW, decision

pytestmark = pytest.mark.integration
HOSTILE = "<script>document.title='taken'</script> & \"quotes\""


@pytest.fixture
def model(stand: Stand) -> Iterator[ReadModel]:
    model = connect(stand.settings)
    yield model
    model.close()


def opened(stand: Stand, model: ReadModel, count: int, *, text: str = "a garden", name: str = "post") -> list[str]:
    """So many cases that wait for somebody."""
    names = [f"{name}-{uuid.uuid4().hex[:12]}" for _ in range(count)]
    predicted(stand.log, dict.fromkeys(names, text))

    def wait() -> bool:
        return all((record := model.status(each)) is not None and record.claimable for each in names)

    wait_until(wait, what="cases that wait")
    return names


def asked(page: Page, url: str, path: str, body: dict[str, object] | None = None) -> tuple[int, dict[str, object]]:
    """What the API says to the person of a page."""
    csrf = page.locator('meta[name="csrf-token"]').get_attribute("content") or ""
    headers = {"x-csrf-token": csrf, "origin": url}
    answer = page.request.post(f"{url}{path}", data=body or {}, headers=headers, max_retries=2)  # if just closed
    return answer.status, answer.json()


def test_queues_move_by_themselves(stand: Stand, signed_in: SignedIn, model: ReadModel) -> None:
    opened(stand, model, 2)
    page = signed_in("lea", Role.LEAD, path="/lead")
    total = page.locator("table.queues tbody tr").first.locator("td strong")
    before = int(total.inner_text())
    opened(stand, model, 3)
    expect(total).to_have_text(f"{before + 3:,}")
    assert axe(page) == []


def test_a_case_goes_from_one_person_to_another_who_then_has_it(
    stand: Stand, signed_in: SignedIn, url: str, model: ReadModel
) -> None:
    (name,) = opened(stand, model, 1, text=HOSTILE.replace('"', "'"))
    ann = signed_in("ann", Role.REVIEWER, path="/session")
    ann.goto(f"{url}/nothing")
    status, got = asked(ann, url, f"/v1/cases/{name}:claim")
    assert status == 200
    wait_until(lambda: held_by(model, name) == "ann", what="ann's case in the read model")
    lea = signed_in("lea", Role.LEAD, path=f"/lead/cases/{name}")
    expect(lea.locator(".deeds")).to_contain_text("ann")
    assert axe(lea) == [] and lea.title() != "taken"
    lea.get_by_label("Reassign to").fill("ben")
    lea.get_by_role("button", name="Reassign").click()
    expect(lea.get_by_role("status").filter(has_text="The case is with")).to_be_visible()
    wait_until(lambda: held_by(model, name) == "ben", what="ben's case in the read model")
    lea.goto(f"{url}/lead/cases/{name}")
    expect(lea.locator(".deeds")).to_contain_text("ben")
    lost = asked(ann, url, f"/v1/cases/{name}:renew", {"lease": got["lease"]})
    assert (lost[0], lost[1]["reason"]) == (409, "stale_lease")
    granted = [e.event for e in scan(stand.log, CODEC, [ASSIGNMENTS.name]) if isinstance(e.event, LeaseGranted)]
    hands = [(e.reviewer_id, e.handed_over_by) for e in granted if e.request_id == name]
    assert hands == [("ann", None), ("ben", "lea")]


def test_a_reviewer_neither_sees_nor_does_what_a_lead_does(
    stand: Stand, signed_in: SignedIn, url: str, model: ReadModel
) -> None:
    (name,) = opened(stand, model, 1)
    ann = signed_in("ann", Role.REVIEWER, path="/session")
    ann.goto(f"{url}/nothing")
    assert ann.goto(f"{url}/lead/cases/{name}").status == 403  # type: ignore[union-attr]
    expect(ann.get_by_role("heading", level=1)).to_have_text("This is not for you")
    assert asked(ann, url, f"/v1/cases/{name}:reprioritise", {"priority": "urgent"})[0] == 403
    ben = signed_in("ben", Role.REVIEWER, path="/session")
    ben.goto(f"{url}/nothing")
    assert asked(ben, url, f"/v1/cases/{name}:claim")[0] == 200
    wait_until(lambda: (record := model.status(name)) is not None and record.in_hand is not None, what="ben's case")
    status, said = asked(ann, url, f"/v1/cases/{name}:release")
    assert (status, said["reason"]) == (403, "missing_role"), "identity is off, and still nobody takes what is others'"


def test_a_priority_changes_with_a_reason_and_a_stale_page_changes_nothing(
    stand: Stand, signed_in: SignedIn, url: str, model: ReadModel
) -> None:
    (name,) = opened(stand, model, 1)
    lea = signed_in("lea", Role.LEAD, path=f"/lead/cases/{name}")
    stale = signed_in("max", Role.LEAD, path=f"/lead/cases/{name}")
    lea.get_by_label("Priority", exact=True).select_option("urgent")
    lea.get_by_label("Why", exact=True).fill(HOSTILE)
    lea.get_by_role("button", name="Change the priority").click()
    expect(lea.get_by_text("The case has its new priority.")).to_be_visible()
    expect(lea.locator("article.case")).to_contain_text("Urgent priority")
    (event,) = [
        e.event for e in scan(stand.log, CODEC, [ASSIGNMENTS.name])
        if isinstance(e.event, CaseReprioritised) and e.event.request_id == name
    ]  # fmt: skip
    assert (event.reviewer_id, event.priority, event.note) == ("lea", Priority.URGENT, HOSTILE)
    stale.get_by_label("Reassign to").fill("ben")
    stale.get_by_role("button", name="Reassign").click()
    expect(stale.get_by_role("heading", level=1)).to_have_text("This has changed meanwhile")
    stale.get_by_role("link", name="Back to the case").click()
    expect(stale.locator(".deeds")).to_contain_text("Nobody has it")


def test_several_cases_in_one_go_with_what_became_of_each(
    stand: Stand, signed_in: SignedIn, url: str, model: ReadModel
) -> None:
    names = opened(stand, model, 3, name="bulk")
    lea = signed_in("lea", Role.LEAD, path="/lead")
    for name in names[:2]:
        lea.get_by_label(f"Tick {name}").check()
    lea.wait_for_timeout(2_500)  # the list would have been looked at anew
    for name in names[:2]:
        expect(lea.get_by_label(f"Tick {name}")).to_be_checked()
    lea.get_by_label("Person", exact=True).fill("cas")
    lea.get_by_role("button", name="Reassign to this person").click()
    expect(lea.get_by_role("status").filter(has_text="2 of 2 are done")).to_be_visible()
    assert axe(lea) == []
    for name in names[:2]:
        wait_until(lambda name=name: held_by(model, name) == "cas", what=f"{name} with cas")  # type: ignore[misc]


def held_by(model: ReadModel, request_id: str) -> str | None:
    """Who has a case, as the pages tell it."""
    record = model.status(request_id)
    return record.possession.reviewer_id if record is not None and record.possession is not None else None


def test_who_is_paused_is_given_no_case_until_resumed(
    stand: Stand, signed_in: SignedIn, url: str, model: ReadModel
) -> None:
    opened(stand, model, 3)
    who = f"dan-{uuid.uuid4().hex[:6]}"
    dan = signed_in(who, Role.REVIEWER, path="/session")
    dan.goto(f"{url}/nothing")
    assert asked(dan, url, "/v1/cases:next")[0] == 200
    lea = signed_in("lea", Role.LEAD, path=f"/lead/people/{who}")
    lea.get_by_role("button", name="Pause").click()
    expect(lea.get_by_text("They are paused")).to_be_visible()
    expect(lea.locator(".badge.bad")).to_have_text("paused")
    assert axe(lea) == []

    def refused() -> bool:
        status, said = asked(dan, url, "/v1/cases:next")
        return status == 403 and said["reason"] == "not_active" and "inactive" in str(said["detail"])

    wait_until(refused, what="no case for who is paused")
    lea.get_by_role("button", name="Resume").click()
    expect(lea.get_by_text("They may work again.")).to_be_visible()
    wait_until(lambda: "request_id" in asked(dan, url, "/v1/cases:next")[1], what="a case for who is resumed")
    said = [e.event for e in scan(stand.log, CODEC, [REVIEWERS.name]) if isinstance(e.event, ReviewerEnrolled)]
    assert [(e.active, e.enrolled_by) for e in said if e.reviewer_id == who] == [(False, "lea"), (True, "lea")]


def test_a_person_is_enrolled_with_skills_and_a_limit(stand: Stand, signed_in: SignedIn, url: str) -> None:
    who = "eva/ü <b>"
    lea = signed_in("lea", Role.LEAD, path="/lead/people")
    lea.get_by_label("Somebody new").fill(who)
    lea.get_by_role("button", name="Open").click()
    expect(lea.get_by_role("heading", level=1)).to_have_text(who)
    lea.get_by_label("expert").check()
    lea.get_by_label("Skills").fill("french, medical")
    lea.get_by_label("Cases at once").fill("3")
    lea.get_by_role("button", name="Enrol", exact=True).click()
    expect(lea.get_by_text("in force within two seconds")).to_be_visible()
    made = [e.event for e in scan(stand.log, CODEC, [REVIEWERS.name]) if isinstance(e.event, ReviewerEnrolled)]
    (event,) = [each for each in made if each.reviewer_id == who]
    assert (event.roles, event.skills, event.wip_limit) == (("reviewer", "expert"), ("french", "medical"), 3)
    lea.goto(f"{url}/lead/people?q=eva")
    expect(lea.get_by_role("link", name=who)).to_be_visible()
    assert axe(lea) == []


def test_questions_come_and_go(stand: Stand, signed_in: SignedIn, model: ReadModel) -> None:
    lea = signed_in("lea", Role.LEAD, path="/lead/gold")
    lea.get_by_label("What is to be decided").fill(HOSTILE)
    lea.get_by_label("Right answer").first.select_option("reject")
    lea.get_by_label("Id (optional)").fill("known/1 <i>")
    lea.get_by_role("button", name="Add the question").click()
    expect(lea.get_by_text("The question is in force")).to_be_visible()
    row = lea.get_by_role("row").filter(has_text="known/1 <i>")
    expect(row).to_contain_text(HOSTILE)
    assert axe(lea) == [] and lea.title() != "taken"
    row.get_by_role("button", name="Retire").click()
    expect(lea.get_by_text("The question is asked no more")).to_be_visible()
    expect(lea.get_by_role("row").filter(has_text="known/1 <i>")).to_have_count(0)
    said = [e.event for e in scan(stand.log, CODEC, [GOLD.name])]
    added = [e for e in said if isinstance(e, GoldAdded) and e.gold_id == "known/1 <i>"]
    retired = [e for e in said if isinstance(e, GoldRetired) and e.gold_id == "known/1 <i>"]
    assert [(e.label, e.added_by) for e in added] == [("reject", "lea")] and [e.retired_by for e in retired] == ["lea"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_disagreement_is_found_opened_and_made_a_question(
    stand: Stand, signed_in: SignedIn, url: str, model: ReadModel, scheme: str
) -> None:
    (name,) = opened(stand, model, 1, name="split")
    record = model.status(name)
    assert record is not None and record.review is not None
    send = decision(name, record.review.coordinates, "reject", who="ann")
    publish(stand.log, CODEC, [Outgoing(send.topic, send.key or b"", CODEC.decode(send.value))])
    wait_until(
        lambda: (found := model.status(name)) is not None and found.finished_at is not None, what="the case's end"
    )
    wanted = f"workflow={WORKFLOW}&over=model&first=ann"
    lea = signed_in("lea", Role.LEAD, path=f"/lead/disagreements?{wanted}", color_scheme=scheme, **TABLET)
    assert axe(lea) == []
    lea.get_by_role("link", name=name).click()
    expect(lea.get_by_role("heading", level=1)).to_contain_text(name)
    expect(lea.get_by_role("row", name="model approve")).to_be_visible()
    expect(lea.get_by_role("row", name="ann reject")).to_be_visible()
    assert axe(lea) == []
    lea.get_by_role("link", name=re.compile("Make it a question")).click()
    lea.get_by_role("button", name="Add the request").click()
    expect(lea.get_by_role("row").filter(has_text=name)).to_contain_text("reject")
