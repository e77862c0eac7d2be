"""Redis, Kafka and casework are each killed while somebody works: the page says so, and every answer counts once."""

from typing import Final

import pytest
from playwright.sync_api import expect

from producers.desk.signin.roles import Role
from schemas.events import CaseClosed
from tests.e2e.desk.working import Works, office, shift, stand, url, worker  # noqa: F401 - fixtures
from tests.support.stand import Stand, wait_until
from tests.support.working import Shift

pytestmark = pytest.mark.integration
ANSWERED: Final = ("a", "r", "a")
LABELS: Final = {"a": "approve", "r": "reject"}


@pytest.mark.parametrize("server", ["valkey", "kafka", "casework"])
def test_what_is_killed_takes_no_answer_with_it(
    worker: Works, shift: Shift, stand: Stand, server: str  # noqa: F811
) -> None:
    names = shift.open(len(ANSWERED))
    ann = worker("ann", Role.REVIEWER)
    ann.sees(names[0])
    ann.holds_ahead("2 further cases")
    pid = stand.stack.pids()["desk"]
    stand.kill(server)
    ann.press("f")
    ann.page.keyboard.type(f"while {server} is away")
    ann.press("Escape")
    given = {}
    for key in ANSWERED:
        given[ann.current()] = LABELS[key]
        ann.press(key)
        ann.hears("Approved" if key == "a" else "Rejected")
    assert set(given) == set(names), "each was there already"
    assert shift.closed(*names, seconds=120) == given
    wait_until(lambda: ann.kept("outbox") == [], what="an empty outbox")
    ann.all_is_well()
    assert stand.stack.pids()["desk"] == pid, "nobody had to start the desk again"
    expect(ann.page.locator("#work-notes")).not_to_contain_text("refused")
    (more,) = shift.open(1)
    ann.page.reload()
    ann.sees(more)
    closed = [each.request_id for each in shift.office.listener.of(CaseClosed) if each.request_id in names]
    assert sorted(closed) == sorted(names), "once each"
