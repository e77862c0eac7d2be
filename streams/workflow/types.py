"""A workflow type: what is decided, by which policy, in one TOML file that a user can write."""

import difflib
import math
import re
import tomllib
from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

from infra.errors import HitlError
from schemas.events import DecisionRequested
from schemas.values import PayloadEncoding, Priority
from streams.assurance.policy import ReliabilityPolicy
from streams.routing.rules import Condition, Effect, ForcedAction, Operator, Rule, Scalar, Word
from streams.workflow.document import Path, line_of
from streams.workflow.presentation import PRESENTED, PRESENTED_CHOICES, Presentation

Share = Annotated[float, Meta(ge=0, le=1)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Label = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=1)]
Featurizer = Literal["text", "tabular", "vector"]
Dollars = Annotated[float, Meta(ge=0)]
LONGEST_TIMEOUT: Final = 87_600  # hours
Hours = Annotated[float, Meta(gt=0, le=LONGEST_TIMEOUT)]
MOST_ANSWERS: Final = 15  # of different people about one case
PLAIN: Final = PayloadEncoding.PLAIN
SCALARS: Final = (str, int, float)
MAX_LABEL_BYTES: Final = 100  # a class is part of what is sealed at one length


class PolicyInvalid(HitlError):
    """A workflow file is not accepted; correct it at the line named. The running policy stays."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason, self.line = reason, line


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a confidence must exceed (never equal) to go without a person, to ordinary review, past the expert."""

    auto_approve: Share = 0.95
    human_review: Share = 0.80
    expert_escalation: Share = 0.50

    def __post_init__(self) -> None:
        if not self.expert_escalation <= self.human_review:
            raise ValueError(
                f"`human_review` {self.human_review:g} is below expert_escalation {self.expert_escalation:g}: "
                "the order is expert_escalation <= human_review <= auto_approve"
            )
        if not self.human_review <= self.auto_approve:
            raise ValueError(
                f"`auto_approve` {self.auto_approve:g} is below human_review {self.human_review:g}: "
                "the order is expert_escalation <= human_review <= auto_approve"
            )


class RetrainingPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What starts a retraining: `labels` new ones, or from `minimum_labels` on this share of corrections."""

    labels: Count = 200
    correction_rate: Share = 0.3
    minimum_labels: Count = 50


class Costs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars per decision, by who takes it."""

    automatic: Dollars
    review: Dollars
    expert: Dollars


class Columns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a request that a tabular model reads; without one of the `required` ones it does not decide."""

    numeric: tuple[Word, ...] = ()
    categorical: tuple[Word, ...] = ()
    required: tuple[Word, ...] = ()

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("`numeric` and `categorical` are empty: name the fields that the model reads")
        if repeated := next((name for n, name in enumerate(self.names) if name in self.names[:n]), None):
            where = "categorical" if repeated in self.categorical else "numeric"
            raise ValueError(f"`{where}` names {repeated!r} a second time: each field is either a number or a category")
        if unknown := [name for name in self.required if name not in self.names]:
            raise ValueError(f"`required` names {unknown[0]!r}: name only fields that are numeric or categorical")

    @property
    def names(self) -> tuple[str, ...]:
        return self.numeric + self.categorical


class ServiceLevels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours within which a review is to be answered, by priority; None: the workflow's review timeout."""

    urgent: Hours | None = None
    high: Hours | None = None
    normal: Hours | None = None
    low: Hours | None = None


class ReviewPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How people work on cases. `sla_hours` bounds a priority's deadline below the workflow's review timeout."""

    lease_minutes: Annotated[float, Meta(gt=0, le=1_440)] = 10.0
    longest_hold_days: Annotated[float, Meta(gt=0, le=365)] = 30.0
    wip_limit: Count = 10
    sla_hours: ServiceLevels = ServiceLevels()
    overlap: Annotated[int, Meta(ge=1, le=MOST_ANSWERS)] = 1
    overlap_share: Share = 1.0
    adaptive: bool = False
    most_answers: Annotated[int, Meta(ge=1, le=MOST_ANSWERS)] = 3
    four_eyes: Annotated[tuple[str, ...], Meta(max_length=16)] = ()  # sealed at one length
    gold_share: Share = 0.0
    validation_share: Share = 0.0
    skills: tuple[Word, ...] = ()
    tag_fields: tuple[Word, ...] = ()
    enrolled_only: bool = False

    def __post_init__(self) -> None:
        if self.overlap > self.most_answers:
            raise ValueError(f"`overlap` {self.overlap} exceeds most_answers {self.most_answers}: raise most_answers")

    @property
    def lease_ms(self) -> int:
        """Milliseconds that a claim holds unless it is renewed."""
        return round(self.lease_minutes * 60_000)

    @property
    def longest_hold_ms(self) -> int:
        """Milliseconds that a case can be set aside at most."""
        return round(self.longest_hold_days * 86_400_000)


class WorkflowType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of decision. `high_risk_amount` bounds the request's field `amount` (`inf` switches that flag off)."""

    name: Name
    classes: tuple[Label, ...]
    approving_class: str
    featurizer: Featurizer
    text_field: Word = "text"
    columns: Columns | None = None
    thresholds: Thresholds = Thresholds()
    review_timeout_hours: float = 24.0
    audit_share: Share = 0.05
    blind_share: Share = 0.30
    amend_on_audit: bool = True
    never_automate: tuple[str, ...] = ()
    high_risk_amount: float | None = 10_000.0
    retraining: RetrainingPolicy = RetrainingPolicy()
    rules: tuple[Rule, ...] = ()
    costs: Costs | None = None
    review: ReviewPolicy = ReviewPolicy()
    reliability: ReliabilityPolicy = ReliabilityPolicy()
    desk: Presentation = Presentation()

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise ValueError("`classes` must be at least two different names")
        if too_long := next((name for name in self.classes if len(name.encode()) > MAX_LABEL_BYTES), None):
            raise ValueError(f"`classes` has {too_long[:20]!r}…, over {MAX_LABEL_BYTES} bytes: shorten it")
        if self.approving_class not in self.classes:
            raise ValueError(f"`approving_class` {self.approving_class!r} must be one of {', '.join(self.classes)}")
        if self.featurizer == "tabular" and self.columns is None:
            raise ValueError("`featurizer` \"tabular\" needs a table [columns] with its fields: add it")
        if self.featurizer != "tabular" and self.columns is not None:
            raise ValueError(
                f'`columns` is for featurizer = "tabular" only, here it is "{self.featurizer}": remove one of them'
            )
        if unknown := set(self.never_automate) - set(self.classes):
            raise ValueError(
                f"`never_automate` names {min(unknown)!r}: name only classes, here {', '.join(self.classes)}"
            )
        if self.review.gold_share > 0 and self.blind_share == 0 and self.audit_share == 0:
            raise ValueError(
                "`review.gold_share` needs blind_share or audit_share above 0: nothing else looks like a known question"
            )
        if unknown := set(self.review.four_eyes) - set(self.classes):
            known = ", ".join(self.classes)
            raise ValueError(f"`review.four_eyes` names {min(unknown)!r}: name only classes, here {known}")
        if not 0 < self.review_timeout_hours <= LONGEST_TIMEOUT:
            raise ValueError(f"`review_timeout_hours` must be above 0 and at most {LONGEST_TIMEOUT:,} (ten years)")
        if self.high_risk_amount is not None and math.isnan(self.high_risk_amount):
            raise ValueError("`high_risk_amount` must be a number (inf switches the flag off)")
        names = [rule.name for rule in self.rules]
        if repeated := [number for number, name in enumerate(names) if name in names[:number]]:
            number = repeated[0]
            raise ValueError(f"`rules.{number}.name` repeats {names[number]!r}: give each rule a name of its own")

    @property
    def review_timeout_ms(self) -> int:
        """Milliseconds until an unanswered review goes to an expert."""
        return round(self.review_timeout_hours * 3_600_000)

    def deadline_ms(self, priority: Priority) -> int:
        """Milliseconds within which a review of this priority is to be answered."""
        promised: float | None = getattr(self.review.sla_hours, priority.value)
        hours = self.review_timeout_hours if promised is None else min(promised, self.review_timeout_hours)
        return round(hours * 3_600_000)


SHAPES: Final[dict[str, type[msgspec.Struct]]] = {
    "columns": Columns, "thresholds": Thresholds, "retraining": RetrainingPolicy, "costs": Costs,
    "review": ReviewPolicy, "reliability": ReliabilityPolicy, "sla_hours": ServiceLevels, "rules": Rule,
    "when": Condition, "all": Condition, "any": Condition, "then": Effect,
    **PRESENTED,
}  # fmt: skip
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "op": get_args(Operator), "action": get_args(ForcedAction), "priority": tuple(Priority),
    "featurizer": get_args(Featurizer), **PRESENTED_CHOICES,
}  # fmt: skip
AT: Final = re.compile(r" - at `\$(.*)`$")
QUOTED: Final = re.compile(r"`([^`]+)`")


def read_toml(document: str) -> dict[str, object]:
    """The document as plain values. Raises `PolicyInvalid` with the line."""
    try:
        return tomllib.loads(document)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else document.count("\n") + 1
        raise PolicyInvalid(f"no valid TOML: {error}", line) from error
    except RecursionError as error:
        raise PolicyInvalid("values are nested too deeply: flatten them", 1) from error


def parse_workflow(document: str) -> WorkflowType:
    """The workflow type that a TOML document describes. Raises `PolicyInvalid` with the line and what to do."""
    plain = read_toml(document)
    try:
        return msgspec.convert(plain, WorkflowType)
    except msgspec.ValidationError as error:
        path, reason = _located(str(error))
        raise PolicyInvalid(reason, line_of(document, path)) from error
    except (OverflowError, RecursionError) as error:
        raise PolicyInvalid(f"a value is out of range: {error}", 1) from error


def _located(message: str) -> tuple[Path, str]:
    """Path and reason in a validation message; the first word in backticks is the field, where one is meant."""
    at = AT.search(message)
    reason = message[: at.start()] if at else message
    path = _path(at[1] if at else "")
    named = QUOTED.search(reason)
    where = ".".join(map(str, path))
    if named and "unknown field" in reason:
        reason = _unknown(named[1], path)
    elif named and "missing required field" in reason:
        reason = f"`{named[1]}` is missing{f' in {where}' if where else ''}: add it"
    elif reason.startswith("Invalid enum value"):
        reason = f"`{where}`: {reason[0].lower()}{reason[1:]}; use one of {', '.join(CHOICES.get(_last(path), ()))}"
    elif where and not reason.startswith(("`", "a ")):
        reason = f"`{where}`: {reason[0].lower()}{reason[1:]}; correct the value"
    return path + (_path(named[1]) if named else ()), reason


def _last(path: Path) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "")


def _path(written: str) -> Path:
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"[.\[\]]+", written) if part)


def _unknown(field: str, path: Path) -> str:
    known = SHAPES.get(_last(path), WorkflowType).__struct_fields__
    close = difflib.get_close_matches(field, known, n=1)
    return f"unknown field `{field}`: " + (f"write `{close[0]}`" if close else f"use one of {', '.join(known)}")


_JSON: Final = msgspec.json.Decoder()


def request_fields(request: DecisionRequested) -> dict[str, Scalar]:
    """What rules may read: scalar fields of a plain JSON payload, overlaid by the attributes. Never raises."""
    payload = request.payload
    if payload is None or payload.encoding is not PLAIN:
        return request.attributes
    content = _json_object(payload.body)
    fields = {name: value for name, value in content.items() if isinstance(value, SCALARS)}
    return fields | request.attributes if request.attributes else fields


def _json_object(body: bytes) -> dict[str, object]:
    try:
        content = _JSON.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
