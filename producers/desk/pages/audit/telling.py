"""A request as an auditor reads it: where it stands, how it came there, and each of its events. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from infra.cli.moments import clock, iso, moment, span
from infra.kafka.scan import Entry
from producers.desk.pages.audit.facts import Fact, at_text, facts_of, is_sealed, share, shown_json, who
from producers.desk.pages.audit.listing import TONES, Cell
from schemas.events import (
    AnswerCounted,
    AutoApproved,
    CaseClosed,
    DecisionMade,
    DecisionRequested,
    Event,
    OutcomeAmended,
    PredictionMade,
    ReviewDecided,
)
from schemas.topics import REQUESTS
from schemas.values import DecidedBy
from streams.workflow.content import content_of
from streams.workflow.sentences import sentence
from streams.workflow.story import Record, RequestStory
from streams.workflow.telling import in_order
from streams.workflow.timeline import happened_at, story_of, without_repeats
from streams.workflow.types import Costs

LONGEST_CONTENT: Final = 8_192  # characters of the content on the page


class Moment(NamedTuple):
    """Something that happened. Times as text, UTC; `since` after the first event, `day` where another one begins."""

    number: int
    day: str
    at: str
    iso: str
    since: str
    event: str
    text: str
    who: str
    lies_at: str
    sealed: bool
    facts: Sequence[Fact]
    json: str


class Step(NamedTuple):
    """A change of state."""

    at: str
    before: str
    after: str
    trigger: str


class AnswerGiven(NamedTuple):
    """What a person answered."""

    at: str
    who: str
    answer: str
    confidence: str
    note: str


class Standing(NamedTuple):
    """An outcome, the original or a later one."""

    at: str
    outcome: Cell
    label: str
    who: str
    why: str


class StoryShown(NamedTuple):
    """Everything on the page of a request. `facts`: what one asks first."""

    request_id: str
    workflow: str
    standing: Cell
    state: str
    facts: Sequence[Fact]
    outcomes: Sequence[Standing]
    steps: Sequence[Step]
    answers: Sequence[AnswerGiven]
    moments: Sequence[Moment]
    repeats: Sequence[str]  # where records lie that say what others said before
    content: str | None
    probabilities: Sequence[Fact]
    has_beginning: bool


def shown(entries: Sequence[Entry], *, costs: Costs | None = None) -> StoryShown | None:
    """What these records tell, by a policy's `costs`; None when they tell of nothing."""
    ordered = in_order(entries)
    told = [Record(entry.event, entry.timestamp) for entry in ordered if entry.event is not None]
    story = story_of(told)
    if story is None:
        return None
    lies = {id(entry.event): entry for entry in ordered}
    kept = without_repeats(told)
    events = [record.event for record in kept]
    named = {id(event) for event in events}
    word = "known question" if story.gold else story.status.value if story.status else story.state.value
    return StoryShown(
        request_id=story.request_id,
        workflow=story.workflow or "",
        standing=Cell(word.replace("_", " "), TONES.get(word, "")),
        state=story.state.value.replace("_", " "),
        facts=_facts(story, events, costs),
        outcomes=[_outcome(event) for event in events if isinstance(event, DecisionMade | OutcomeAmended)],
        steps=[
            Step(clock(t.at), t.from_state.replace("_", " "), t.to_state.replace("_", " "), t.trigger.replace("_", " "))
            for t in story.transitions
        ],
        answers=[_answer(record) for record in kept if isinstance(record.event, ReviewDecided)],
        moments=_moments(kept, lies),
        repeats=[at_text(entry.coordinates) for entry in ordered if id(entry.event) not in named],
        content=next((_content(event) for event in events if isinstance(event, DecisionRequested)), None),
        probabilities=next((_probabilities(event) for event in events if isinstance(event, PredictionMade)), ()),
        has_beginning=story.gold is not None or any(entry.topic == REQUESTS.name for entry in ordered),
    )


def policy_version(entries: Sequence[Entry]) -> int | None:
    """The policy by which it was decided, or people were asked first."""
    for entry in in_order(entries):
        event = entry.event
        found = event.grounds.policy_version if isinstance(event, DecisionMade | AutoApproved) else None
        if found is None:
            found = getattr(event, "policy_version", None)
        if isinstance(found, int):
            return found
    return None


def cost_of(events: Sequence[Event], costs: Costs) -> float:
    """What its answers cost, as the key figures count them: each answer of a person, and the automation's own."""
    spent = costs.automatic * sum(isinstance(e, DecisionMade) and e.decided_by is DecidedBy.AUTOMATION for e in events)
    for event in events:
        if isinstance(event, CaseClosed) and event.reviewer_id is not None:
            spent += costs.expert if event.closed_by.value == "expert" else costs.review
        elif isinstance(event, AnswerCounted):
            spent += costs.review
    return spent


def _facts(story: RequestStory, events: Sequence[Event], costs: Costs | None) -> list[Fact]:
    made = next((event for event in events if isinstance(event, DecisionMade)), None)
    found = [Fact("Workflow", story.workflow or "unknown"), Fact("Asked for", moment(story.created_at))]
    if made is not None:
        found.append(Fact("Decided after", span((made.decided_at - story.created_at) / 1_000)))
        found.append(Fact("Policy", f"version {made.grounds.policy_version}"))
    if story.expected_by is not None:
        found.append(Fact("Due", moment(story.expected_by)))
    if story.audit is not None:
        found.append(Fact("Blind audit", _audit(story)))
    if story.appeal is not None:
        reason = f": {story.appeal.reason}" if story.appeal.reason else ""
        found.append(Fact("Appeal", f"{story.appeal.status.replace('_', ' ')}{reason} ({story.appeal.appeal_id})"))
    if story.gold is not None:
        said = "as is right" if story.gold.agrees else f"where {story.gold.right_label} is right"
        found.append(Fact("Known question", f"{story.gold.reviewer_id} answered {story.gold.label}, {said}"))
    if costs is not None:
        found.append(Fact("Cost", f"${cost_of(events, costs):.2f}"))
    return found


def _audit(story: RequestStory) -> str:
    track = story.audit
    assert track is not None
    if track.label is None:
        return f"{track.kind} drawn, {track.status}"
    return f"{track.kind} answered {track.label}, {'as' if track.agrees else 'unlike'} the model"


def _outcome(event: DecisionMade | OutcomeAmended) -> Standing:
    by = event.decided_by.value
    names = event.reviewers if isinstance(event, DecisionMade) else ()
    people = ", ".join(names) or event.reviewer_id
    why = (
        event.grounds.reason if isinstance(event, DecisionMade)
        else f"{event.cause_of_review.value}, was {event.previous_outcome.value} ({event.previous_label})"
    )  # fmt: skip
    return Standing(
        at=moment(event.decided_at),
        outcome=Cell(event.outcome.value, TONES[event.outcome.value]),
        label=event.label,
        who=f"{by} {people}" if people else by,
        why=why,
    )


def _answer(record: Record) -> AnswerGiven:
    event = record.event
    assert isinstance(event, ReviewDecided)
    answer = event.label if event.action == "label" and event.label else event.action.replace("_", " ")
    codes = f" [{', '.join(event.reason_codes)}]" if event.reason_codes else ""
    return AnswerGiven(
        at=moment(happened_at(record)), who=event.reviewer_id, answer=answer, confidence=share(event.confidence),
        note=f"{event.feedback}{codes}".strip(),
    )  # fmt: skip


def _moments(kept: Sequence[Record], lies: Mapping[int, Entry]) -> list[Moment]:
    days = [iso(happened_at(record))[:10] for record in kept]
    return [
        _moment(at, record, lies[id(record.event)], kept[0], day=day if day != before else "")
        for at, (record, day, before) in enumerate(zip(kept, days, ["", *days], strict=False), 1)
    ]


def _moment(number: int, record: Record, entry: Entry, first: Record, *, day: str) -> Moment:
    at, event = happened_at(record), record.event
    return Moment(
        number=number,
        day=day,
        at=clock(at),
        iso=iso(at),
        since=span((at - happened_at(first)) / 1_000),
        event=type(event).__name__,
        text=sentence(event),
        who=who(event),
        lies_at=at_text(entry.coordinates),
        sealed=is_sealed(event),
        facts=facts_of(event),
        json=shown_json(event),
    )


def _content(event: DecisionRequested) -> str:
    text = content_of(event)
    return text if len(text) <= LONGEST_CONTENT else text[:LONGEST_CONTENT] + "…"


def _probabilities(event: PredictionMade) -> list[Fact]:
    return [Fact(name, share(value)) for name, value in zip(event.classes, event.probabilities, strict=False)]
