"""What upstream is told: the state of every request, and nothing that only the sealed part of the log knows."""

from collections.abc import Sequence

from hypothesis import given

from infra.kafka.scan import Entry
from producers.gateway.standing import FIRST_TOPICS, LAST_TOPICS, STOPPING, Standing, of_entries
from schemas.events import (
    AppealFiled,
    AppealRefused,
    DeadLettered,
    DecisionMade,
    DecisionRequested,
    OutcomeAmended,
    OutcomeUpheld,
)
from schemas.topics import TOPICS
from schemas.values import DecidedBy
from streams.workflow.story import AppealStatus, AppealTrack, Record
from streams.workflow.timeline import story_of
from tests.unit.workflow.histories import histories

SEALED = {
    "PredictionMade", "AuditDrawn", "AuditAnswered", "AuditExpired", "FeedbackRecorded", "ReviewDecided",
    "AppealNoted", "CaseReopened", "GoldAnswered", "OverlapAnswered", "DecisionValidated",
}  # fmt: skip
READ = (*FIRST_TOPICS, *LAST_TOPICS)
READABLE = tuple(event for topic in TOPICS if topic.name in READ for event in topic.events)
PUBLIC = (DecisionRequested, DecisionMade, OutcomeAmended, OutcomeUpheld)  # what upstream may read on topics


def told(records: Sequence[Record]) -> Standing | None:
    """As the gateway reads it: of the topics it may read."""
    return of_entries(
        [
            Entry("t", 0, offset, record.timestamp, b"r", b"", record.event)
            for offset, record in enumerate(records)
            if isinstance(record.event, READABLE)
        ]
    )


def is_automatic(record: Record) -> bool:
    return isinstance(record.event, DecisionMade) and record.event.decided_by is DecidedBy.AUTOMATION


def is_public(record: Record) -> bool:
    """Of the request itself, or of an appeal, which upstream filed."""
    if isinstance(record.event, DeadLettered):
        return record.event.origin.topic in STOPPING
    return isinstance(record.event, PUBLIC) or of_appeal(record)


def of_appeal(record: Record) -> bool:
    return isinstance(record.event, AppealFiled | AppealRefused)


def public_status(track: AppealTrack | None) -> AppealStatus | None:
    """Whether an appeal waits, or is looked at, would tell of an open audit."""
    if track is None or track.status not in (AppealStatus.WAITING, AppealStatus.UNDER_REVIEW):
        return track.status if track else None
    return AppealStatus.FILED


@given(histories())
def test_nothing_of_an_automatic_decision_shows_whether_it_is_watched(records: list[Record]) -> None:
    if any(map(is_automatic, records)):
        public = list(filter(is_public, records))
        assert told(records) == told(public)


@given(histories())
def test_the_outcome_and_its_amendment_are_those_of_the_whole_story(records: list[Record]) -> None:
    whole, shown = story_of(records), told(records)
    if whole is not None and shown is not None and any(isinstance(r.event, DecisionMade) for r in records):
        assert (shown.state, shown.outcome, shown.label) == (whole.state, whole.outcome, whole.label)
        assert shown.amended_from == whole.amended_from
        if any(isinstance(record.event, AppealFiled) for record in records):
            assert public_status(shown.appeal) == public_status(whole.appeal)


@given(histories())
def test_no_sealed_event_is_told(records: list[Record]) -> None:
    shown = told(records)
    events = {moment.event for moment in (shown.timeline or ())} if shown else set()
    assert not events & SEALED
