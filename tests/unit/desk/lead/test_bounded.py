"""However much there is, a page looks at a part of it, says how much, and leads on to the rest."""

import re
from html import unescape

import pytest

from infra.redis.connection import Command
from infra.redis.members import AnswerRow, DisagreementRow, Over, encode_row
from infra.redis.reading import HOUR, MEAN_OF
from producers.desk.pages.lead.looking import LOOKED_AT
from producers.desk.signin.roles import Role
from schemas.values import CaseStage
from tests.support.lead_desk import LeadDesk
from tests.support.recorded import START
from tests.support.signing_in import PAGE
from tests.support.steered import KEYS

MORE = re.compile(r'href="(/lead/disagreements\?[^"]*after=[^"]*)"')


@pytest.fixture
def desk() -> LeadDesk:
    return LeadDesk()


def disagreed(number: int, *, people: tuple[str, ...] = ("ann", "ben"), at: int = START) -> Command:
    row = DisagreementRow(
        request_id=f"r{number:05d}", over=(Over.SEVERAL,), labels=("approve", "reject"), people=people
    )
    return ("ZADD", KEYS.disagreements("moderation"), at, encode_row(row))


def answered(number: int, *, waited_ms: int) -> Command:
    row = AnswerRow(
        stage=CaseStage.HUMAN, workflow="moderation", sequence=2, waited_ms=waited_ms, request_id=f"r{number}"
    )
    return ("ZADD", KEYS.answers("ann"), START - number * 1_000, encode_row(row))


def test_a_search_without_a_hit_says_what_it_looked_at_and_looks_further(desk: LeadDesk) -> None:
    count = LOOKED_AT + 500
    desk.apply(disagreed(number, at=START - number // 3) for number in range(count))
    lea = desk.somebody(Role.LEAD)
    first = lea.get("/lead/disagreements?workflow=moderation&first=eve", **PAGE).text
    assert f"Looked at {LOOKED_AT:,} disagreements for this page, the newest." in first
    assert "None of these is like this; look further." in first
    (more,) = MORE.findall(unescape(first))
    rest = lea.get(more, **PAGE).text
    assert "Looked at 500 disagreements for this page; there are no older ones." in rest
    assert not MORE.findall(unescape(rest))


def test_what_lies_far_behind_is_found_by_looking_further_and_once(desk: LeadDesk) -> None:
    wanted = {0, 1, 700, LOOKED_AT - 1, LOOKED_AT, LOOKED_AT + 1, 2 * LOOKED_AT + 5}
    desk.apply(
        disagreed(number, people=("ann", "eve") if number in wanted else ("ann", "ben"), at=START - number // 3)
        for number in range(2 * LOOKED_AT + 6)
    )
    for number in wanted:
        desk.open(f"r{number:05d}")  # what is known of it
    lea, path, found, pages = desk.somebody(Role.LEAD), "/lead/disagreements?workflow=moderation&first=eve", [], 0
    while path:
        shown = unescape(lea.get(path, **PAGE).text)
        found += [int(each) for each in re.findall(r'<bdi class="mono">r(\d+)</bdi>', shown)]
        path, pages = next(iter(MORE.findall(shown)), ""), pages + 1
    assert sorted(found) == sorted(wanted) and pages == 3


def test_the_means_of_a_person_are_those_of_their_last_answers_and_the_counts_of_all(desk: LeadDesk) -> None:
    many = 2 * MEAN_OF
    desk.apply(answered(number, waited_ms=4_000 if number < MEAN_OF else 90_000) for number in range(many))
    (ann,) = desk.model.activities({"ann": START}, now=START)
    assert (ann.mean_wait_seconds, ann.mean_review_seconds) == (4.0, 1.0)
    assert ann.decisions_last_hour == many
    (later,) = desk.model.activities({"ann": START}, now=START + HOUR)
    assert later.decisions_last_hour == 0, "the newest was answered an hour ago"
    (nobody,) = desk.model.activities({"ben": START}, now=START)
    assert (nobody.decisions_today, nobody.mean_wait_seconds) == (0, None)
