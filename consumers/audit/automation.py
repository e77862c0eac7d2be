"""Why so many decisions were automatic and no more: what the model was sure of, what held it back, who overruled it."""

from collections import Counter
from typing import Final

import msgspec
from msgspec import field

from consumers.audit.measures import Measures, Predicted, Resolved
from schemas.values import DecidedBy

NO_ANSWER: Final = "no model answer"


class Automation(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of decided requests. A model is sure of one when its confidence exceeds what the policy demanded then."""

    decided: int = 0
    automatic: int = 0
    sure: int = 0
    reserved: dict[str, int] = field(default_factory=dict)  # a person had to decide, however sure the model: by risk
    held_back: dict[str, int] = field(default_factory=dict)  # sure, but decided by a person: by what spoke against it
    unsure: int = 0  # the model had an answer, and a person decided
    overruled: int = 0  # of these the ones that the person decided otherwise
    unanswered: dict[str, int] = field(default_factory=dict)  # no answer of a model: why
    labels: tuple[int, ...] = ()  # on how many labels the models were fitted that gave the answers, ascending
    simulated: bool = False


def automation(measures: Measures) -> Automation:
    """The counts of a workflow."""
    reserved, held_back, unanswered = Counter[str](), Counter[str](), Counter[str]()
    sure = unsure = overruled = 0
    for request_id, resolved in measures.resolved.items():
        predicted = measures.predicted.get(request_id)
        reserved.update(resolved.risks)
        if predicted is None or predicted.label is None:
            unanswered[NO_ANSWER if predicted is None else predicted.failure or NO_ANSWER] += 1
        elif _is_sure(predicted, resolved, measures):
            sure += 1
            if resolved.by is not DecidedBy.AUTOMATION:
                held_back.update(resolved.risks or (resolved.reason,))
        elif resolved.by is not DecidedBy.AUTOMATION:
            unsure += 1
            overruled += predicted.label != resolved.label
    return Automation(
        decided=len(measures.resolved),
        automatic=sum(resolved.by is DecidedBy.AUTOMATION for resolved in measures.resolved.values()),
        sure=sure,
        reserved=dict(reserved.most_common()),
        held_back=dict(held_back.most_common()),
        unsure=unsure,
        overruled=overruled,
        unanswered=dict(unanswered.most_common()),
        labels=tuple(sorted({measures.labels[d] for d in measures.answered_by if d in measures.labels})),
        simulated=measures.simulated,
    )


def _is_sure(predicted: Predicted, resolved: Resolved, measures: Measures) -> bool:
    """By the threshold of the very policy that the request was routed by; unknown ones demand certainty."""
    return (predicted.confidence or 0.0) > measures.thresholds.get(resolved.policy_version, 1.0)


def automation_text(name: str, of: Automation) -> str:
    """The counts in sentences, as the reason why people decided the rest."""
    if not of.decided:
        return f"{name}: nothing is decided yet."
    fitted = f" (fitted on {_span(of.labels)} labels)" if of.labels else ""
    said = [
        f"{name}: {_part(of.automatic, of.decided)} decisions were automatic.",
        f"The model{fitted} was as sure as the policy demands of {_part(of.sure, of.decided)}.",
    ]
    if of.reserved:
        said.append(f"The policy keeps some for people, however sure it is: {_counts(of.reserved)}.")
    if of.held_back:
        said.append(f"Of what it was sure of, people decided all the same: {_counts(of.held_back)}.")
    if of.unsure:
        people = "people (simulated ones)" if of.simulated else "people"
        said.append(
            f"Of those that it was less sure of, {people} decided {_part(of.overruled, of.unsure)} otherwise than it "
            "would have: so many errors their review prevented, as far as they are right."
        )
    if of.unanswered:
        said.append(f"No model answered: {_counts(of.unanswered)}.")
    return " ".join(said)


def _part(some: int, of: int) -> str:
    return f"{some:,} of {of:,} ({some / of:.1%})"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _span(labels: tuple[int, ...]) -> str:
    return f"{labels[0]:,}" if len(labels) == 1 else f"{labels[0]:,} to {labels[-1]:,}"
