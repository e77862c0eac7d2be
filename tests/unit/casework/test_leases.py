"""A case is one person's at a time: granted, renewed, released, run out, handed over; an old lease decides nothing."""

import pytest

from schemas.events import CaseClosed, DecisionRefused, LeaseEnded, LeaseExtended, LeaseGranted
from schemas.topics import REVIEW_COMMANDS, REVIEW_DECISIONS
from schemas.values import CaseStatus, EndedBy
from tests.unit.casework.driver import START, Table, action, decision, review
from tests.unit.casework.replaying import fold
from tests.unit.casework.working import LEASE, MINUTE, after, ask, case_of, claim, enrolled, names, refused, say, table


def test_a_claim_gives_the_case_to_one_person_for_the_term_of_the_policy() -> None:
    at = table("[review]\nlease_minutes = 3")
    at.announce(review())
    granted = claim(at)
    assert (granted.reviewer_id, granted.lease, granted.expires_at) == ("ada", granted.sequence, START + 3 * MINUTE)
    assert case_of(at).lease is not None
    assert refused(ask(at, "claim", "bob")) == "already_leased"


def test_ones_own_claim_again_is_a_renewal() -> None:
    at = table()
    at.announce(review())
    granted = claim(at)
    (extended,) = ask(after(at, MINUTE), "claim")
    assert isinstance(extended, LeaseExtended)
    assert (extended.lease, extended.expires_at) == (granted.lease, START + MINUTE + LEASE)


def test_a_renewal_never_shortens_what_was_promised() -> None:
    at = table()
    at.announce(review())
    granted = claim(at)
    at.config = table("[review]\nlease_minutes = 1").config
    (extended,) = ask(at, "renew", lease=granted.lease)
    assert isinstance(extended, LeaseExtended) and extended.expires_at == granted.expires_at


def test_a_renewed_lease_outlives_its_first_term() -> None:
    at = table()
    at.announce(review())
    claim(at)
    ask(after(at, LEASE - 1), "renew")
    assert after(at, LEASE - 1).tick() == []
    (ended, _) = after(at, 1).tick()
    assert isinstance(ended, LeaseEnded) and ended.ended_by is EndedBy.EXPIRED


@pytest.mark.parametrize("name", ["renew", "release"])
def test_only_who_has_a_case_renews_or_releases_it(name: str) -> None:
    at = table("", enrolled("bob", "reviewer"))
    at.announce(review())
    assert refused(ask(at, name)) == "not_owner"
    token = claim(at).lease
    assert refused(ask(at, name, "bob")) == "not_owner"
    assert refused(ask(at, name, "bob", lease=token)) == "not_owner"  # a token that was read somewhere is not enough
    assert refused(ask(at, name, lease=token - 1)) == "stale_lease"


def test_a_released_case_is_everybodys_and_the_old_token_is_worth_nothing() -> None:
    at = table()
    place = at.announce(review())
    first = claim(at)
    (ended,) = ask(at, "release", lease=first.lease)
    assert isinstance(ended, LeaseEnded) and ended.ended_by is EndedBy.RELEASED
    second = claim(at, "bob")
    assert second.lease > first.lease
    assert refused(say(at, place, lease=first.lease)) == "stale_lease"
    assert refused(say(at, place, "bob", lease=first.lease)) == "stale_lease"
    assert refused(say(at, place)) == "not_owner"
    assert case_of(at).status is CaseStatus.OPEN


def test_the_owner_decides_with_the_token_or_without() -> None:
    for lease in (True, False):
        at = table()
        place = at.announce(review())
        token = claim(at).lease
        made = say(at, place, lease=token if lease else None)
        assert "CaseClosed" in names(made)


def test_an_answer_without_a_claim_is_claim_and_decide() -> None:
    at = table()
    assert "DecisionMade" in names(say(at, at.announce(review())))


def test_only_the_clock_ends_a_lease_and_its_owner_is_too_late_from_that_millisecond_on() -> None:
    at = table()
    place = at.announce(review())
    token = claim(at).lease
    at.write(REVIEW_DECISIONS.name, decision(place, "reject", label="hate", lease=token), at=START + LEASE)
    (late,) = at.read_all(REVIEW_DECISIONS.name)
    assert isinstance(late, DecisionRefused) and late.reason == "stale_lease"
    assert case_of(at).lease is not None  # nobody else has it before that is on record
    assert refused(ask(after(at, LEASE), "claim", "bob")) == "already_leased"
    at.tick()
    assert case_of(at).lease is None
    assert claim(at, "bob").lease > token


def test_what_was_written_in_time_comes_before_the_clock() -> None:
    """Casework stood still while the owner answered; the lease has run out since."""
    at = table()
    place = at.announce(review())
    token = claim(at).lease
    at.write(REVIEW_DECISIONS.name, decision(place, "reject", label="hate", lease=token), at=START + LEASE - 1)
    assert after(at, 2 * LEASE).tick() == []
    assert any(isinstance(event, CaseClosed) for event in at.read_all(REVIEW_DECISIONS.name))


def test_a_renewal_that_waits_to_be_read_comes_before_the_clock_too() -> None:
    at = table()
    at.announce(review())
    token = claim(at).lease
    at.write(REVIEW_COMMANDS.name, action("renew", lease=token), at=START + LEASE - 1)
    assert after(at, LEASE).tick() == []
    at.read_all(REVIEW_COMMANDS.name)
    assert at.tick() == []
    assert case_of(at).lease is not None


def test_a_case_whose_lease_ran_out_is_claimable_after_the_next_tick() -> None:
    at = table()
    at.announce(review())
    claim(at)
    after(at, LEASE).tick()
    assert claim(at, "bob").reviewer_id == "bob"


def test_the_owner_hands_over_and_the_old_token_ends_with_it() -> None:
    at = table()
    place = at.announce(review())
    mine = claim(at)
    (theirs,) = ask(at, "hand_over", lease=mine.lease, to_reviewer="bob")
    assert isinstance(theirs, LeaseGranted)
    assert (theirs.reviewer_id, theirs.handed_over_by) == ("bob", "ada")
    assert theirs.lease > mine.lease
    assert refused(say(at, place, lease=mine.lease)) == "stale_lease"
    assert "CaseClosed" in names(say(at, place, "bob", lease=theirs.lease))


def test_a_lead_hands_over_whoever_has_it_and_gives_what_nobody_has() -> None:
    at = table("", enrolled("lea", "lead"), enrolled("bob", "reviewer"), enrolled("eve", "lead"))
    at.announce(review())
    (given,) = ask(at, "hand_over", "lea", to_reviewer="ada")
    assert isinstance(given, LeaseGranted) and given.reviewer_id == "ada"
    assert refused(ask(at, "hand_over", "bob", to_reviewer="bob")) == "not_owner"
    assert refused(ask(at, "hand_over", "lea", to_reviewer="eve")) == "missing_role"  # a lead who is no reviewer
    assert refused(ask(at, "hand_over", "lea")) == "bad_value"
    (taken,) = ask(at, "hand_over", "lea", to_reviewer="bob")
    assert isinstance(taken, LeaseGranted) and taken.lease > given.lease


def test_a_lead_releases_what_others_have_and_only_a_lead() -> None:
    at = table("", enrolled("lea", "lead"), enrolled("bob", "reviewer"))
    at.announce(review())
    claim(at)
    assert refused(ask(at, "release", "bob")) == "not_owner"
    assert names(ask(at, "release", "lea")) == ["LeaseEnded"]


def test_an_inactive_person_cannot_keep_a_case_by_renewing() -> None:
    at = table()
    at.announce(review())
    token = claim(at).lease
    at.config = at.config.with_event(enrolled("ada", "reviewer", active=False))
    assert refused(ask(at, "renew", lease=token)) == "not_active"


def test_a_claim_before_its_announcement_was_read_is_held() -> None:
    at = table()
    place = at.write("review.normal", review())
    assert ask(at, "claim", review=place) == []
    at.read_all("review.normal")
    assert [type(e) for e in at.read_all(REVIEW_COMMANDS.name)][:1] == [LeaseGranted]


def test_a_history_of_leases_folds_to_the_snapshots() -> None:
    at: Table = table("", enrolled("lea", "lead"))
    place = at.announce(review())
    claim(at)
    ask(at, "renew")
    ask(at, "hand_over", "lea", to_reviewer="bob")
    ask(at, "release", "bob")
    claim(at)
    after(at, LEASE).tick()
    say(at, place, "cid")
    assert at.cases() == fold(at.history()) == fold(at.history(), times=2)
