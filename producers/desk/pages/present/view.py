"""One case as a page shows it, from what a person may know of it and from how its workflow wants it shown. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from producers.desk.pages.present.cleaning import on_one_line
from producers.desk.pages.present.content import Asked, content_of, veil_of
from producers.desk.pages.present.fields import document_in, groups_of, title_of
from producers.desk.pages.present.history import contested_of, history_of, sentence
from producers.desk.pages.present.marking import Terms
from producers.desk.pages.present.model import Advice, CaseView, Signal
from producers.desk.pages.present.times import deadline_of, moment_of
from producers.desk.presenting import CaseShown
from schemas.values import Level
from streams.workflow.policies import Policies
from streams.workflow.presentation import Presentation

MEANINGS: Final = {
    Level.HIGH: "it is rarely wrong when it is so sure",
    Level.MEDIUM: "it is often right, and wrong often enough to be checked",
    Level.LOW: "take it as a guess",
}
FLAGS: Final = {"amount_above_limit": "amount above the limit", "audit_requested": "the sender asked for an audit"}
OTHERS: Final = 5  # classes beside the one that the model would choose


def presentation_of(policies: Policies, workflow: str) -> Presentation:
    """How the policy in force wants cases of a workflow shown; the default for one that says nothing."""
    policy = policies.get(workflow)
    if policy is None:
        return Presentation()
    kind = policy.workflow_type
    shown, texts = kind.desk, kind.featurizer == "text"
    if shown.content_field is None and texts and shown.content in ("auto", "text"):
        return _with_field(shown, kind.text_field)
    return shown


def image_origins(policies: Policies) -> Sequence[str]:
    """Where pictures may come from, of all workflows; for the content security policy."""
    return sorted({origin for policy in policies.values() for origin in policy.workflow_type.desk.image_origins})


def view_of(shown: CaseShown, presentation: Presentation, *, now: int) -> CaseView:
    """Everything that a page shows of a case; `now` in milliseconds since the epoch."""
    document = document_in(shown.content, shown.content_type)
    inside: Mapping[str, object] = document if isinstance(document, dict) else {}
    fields = {**inside, **shown.attributes}
    found = content_of(shown, Asked(document, fields, presentation, _terms(presentation.highlights)))
    told = inside.keys() if found.is_all and not presentation.summary else {presentation.content_field}
    return CaseView(
        seen_at=now,
        request_id=shown.request_id,
        workflow=shown.workflow,
        stage=shown.stage,
        priority=shown.priority,
        title=title_of(fields, presentation),
        question=on_one_line(presentation.question) or _question(shown.classes),
        groups=groups_of(fields, presentation, beside=told),
        content=found.content,
        notices=found.notices,
        veil=veil_of(found, presentation),
        advice=_advice(shown),
        why=sentence(shown.reason),
        because=sentence(shown.rule) if shown.rule else None,
        signals=tuple(_signals(shown)),
        queued=moment_of(shown.created_at, now=now),
        requested=moment_of(shown.requested_at, now=now),
        due=deadline_of(shown.due_at, now=now),
        contested=contested_of(shown, now=now),
        history=history_of(shown, now=now),
        tags=tuple(map(on_one_line, shown.tags)),
        skills=tuple(map(on_one_line, shown.skills)),
        guideline=presentation.guideline,
        guideline_is_link=presentation.guideline_is_link,
        reasons=presentation.reason_codes,
    )


@lru_cache(maxsize=64)  # the same few lists for thousands of cases
def _terms(terms: tuple[str, ...]) -> Terms:
    return Terms(terms)


def _with_field(shown: Presentation, field: str) -> Presentation:
    return Presentation(**{**{name: getattr(shown, name) for name in shown.__struct_fields__}, "content_field": field})


def _question(classes: Sequence[str]) -> str:
    """What is asked, where the workflow does not say it."""
    *others, last = map(on_one_line, classes)
    return f"Which answer is right: {', '.join(others)} or {last}?"


def _advice(shown: CaseShown) -> Advice | None:
    """Nothing at all in a blind case."""
    said = shown.recommendation
    if said is None:
        return None
    ranked = sorted(zip(shown.classes, said.probabilities, strict=False), key=lambda pair: -pair[1])
    others = [(on_one_line(name), _percent(share)) for name, share in ranked if name != said.label]
    return Advice(
        label=on_one_line(said.label),
        percent=_percent(said.confidence),
        confidence=min(max(said.confidence, 0.0), 1.0),
        level=said.level.value.lower(),
        meaning=MEANINGS[said.level],
        others=tuple(others[:OTHERS]),
    )


def _percent(share: float) -> str:
    """Never 100 % for what is not certain, nor 0 % for what is not impossible.

    >>> _percent(0.9999), _percent(0.873), _percent(0.0001)
    ('over 99 %', '87 %', 'under 1 %')
    """
    if 0.995 <= share < 1:
        return "over 99 %"
    return "under 1 %" if 0 < share < 0.005 else f"{share:.0%}".replace("%", " %")


def _signals(shown: CaseShown) -> Iterator[Signal]:
    if shown.high_risk:
        yield Signal(kind="risk", text="High risk")
    if shown.compliance:
        yield Signal(kind="compliance", text="Compliance: a person must decide")
    for flag in shown.risk_flags:
        yield Signal(kind="flag", text=FLAGS.get(flag) or on_one_line(flag.replace("_", " ")))
    for rule in shown.rule_hits:
        yield Signal(kind="rule", text=on_one_line(rule))
