"""Business rules as data: conditions over a request's fields, and what follows. Nothing is evaluated as code."""

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from schemas.values import Priority

Scalar = str | float | bool
Fields = Mapping[str, Scalar]
Word = Annotated[str, Meta(min_length=1, max_length=100)]
Operator = Literal["eq", "ne", "gt", "ge", "lt", "le", "in", "contains", "exists"]
ForcedAction = Literal["human_review", "expert_escalation"]

ORDERINGS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le,
}  # fmt: skip
MOST_CAREFUL: Final[tuple[ForcedAction, ...]] = ("expert_escalation", "human_review")
URGENCY: Final = (Priority.URGENT, Priority.HIGH, Priority.NORMAL, Priority.LOW)
MAX_DEPTH: Final = 8  # of nested `all` and `any`


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One comparison (`field`, `op`, `value`), or a list of conditions of which `all` or `any` must hold."""

    field: Word | None = None
    op: Operator | None = None
    value: str | float | bool | tuple[str | float | bool, ...] | None = None
    all: tuple["Condition", ...] | None = None
    any: tuple["Condition", ...] | None = None

    def __post_init__(self) -> None:
        forms = [name for name in ("field", "all", "any") if getattr(self, name) is not None]
        if len(forms) != 1:
            raise ValueError("a condition has either `field` with `op` and `value`, or `all`, or `any`")
        if forms == ["field"]:
            _check_comparison(self.op, self.value)
        elif self.op is not None or self.value is not None:
            raise ValueError(f"`{forms[0]}` stands alone: move `op` and `value` into its conditions")
        elif not (self.all or self.any):
            raise ValueError(f"`{forms[0]}` lists no condition: add one, or remove the rule")
        elif _depth(self) > MAX_DEPTH:
            raise ValueError(f"`{forms[0]}` is nested deeper than {MAX_DEPTH}: split the rule")


def _check_comparison(op: str | None, value: object) -> None:
    match op:
        case None:
            raise ValueError("`field` needs an `op`: one of eq, ne, gt, ge, lt, le, in, contains, exists")
        case "eq" | "ne":
            if not isinstance(value, str | int | float):
                raise ValueError(f"`value` of `{op}` must be a text, a number, true or false")
        case "gt" | "ge" | "lt" | "le":
            if _number(value) is None:
                raise ValueError(f"`value` of `{op}` must be a number")
        case "in":
            if not isinstance(value, tuple) or not value:
                raise ValueError("`value` of `in` must be a list with at least one entry")
        case "contains":
            if not isinstance(value, str) or not value:
                raise ValueError("`value` of `contains` must be a text that is not empty")
        case _:
            if not (value is None or isinstance(value, bool)):
                raise ValueError("`value` of `exists` must be true (the default) or false")


def _depth(condition: Condition) -> int:
    return 1 + max(map(_depth, condition.all or condition.any or ()), default=0)


class Effect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What follows when a rule holds. A rule can only make a decision more careful: no action forces automation."""

    flags: tuple[Word, ...] = ()
    high_risk: bool = False
    compliance: bool = False
    action: ForcedAction | None = None
    priority: Priority | None = None
    require_skill: Word | None = None

    def __post_init__(self) -> None:
        if not any(getattr(self, name) for name in self.__struct_fields__):
            raise ValueError(
                "`then` has no effect: give it flags, high_risk, compliance, action, priority or require_skill"
            )


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named rule; its version is that of the policy it stands in."""

    name: Word
    when: Condition
    then: Effect


class Findings(NamedTuple):
    """What the rules of a workflow say about one request."""

    hits: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    high_risk: bool = False
    compliance: bool = False
    action: ForcedAction | None = None
    priority: Priority | None = None
    skills: tuple[str, ...] = ()


NO_FINDINGS: Final = Findings()


def evaluate(rules: tuple[Rule, ...], fields: Fields) -> Findings:
    """What follows from every rule that holds; the most careful action and the most urgent priority win.

    Total: a field that is absent or of another type than the rule's value matches nothing.
    """
    effects = [(rule.name, rule.then) for rule in rules if holds(rule.when, fields)]
    if not effects:
        return NO_FINDINGS
    thens = [then for _, then in effects]
    actions = {then.action for then in thens}
    priorities = [then.priority for then in thens if then.priority is not None]
    return Findings(
        hits=tuple(name for name, _ in effects),
        flags=_unique(flag for then in thens for flag in then.flags),
        high_risk=any(then.high_risk for then in thens),
        compliance=any(then.compliance for then in thens),
        action=next((action for action in MOST_CAREFUL if action in actions), None),
        priority=min(priorities, key=URGENCY.index, default=None),
        skills=_unique(then.require_skill for then in thens if then.require_skill is not None),
    )


def holds(condition: Condition, fields: Fields) -> bool:
    """Whether the condition holds for the fields of a request."""
    if condition.all is not None:
        return all(holds(part, fields) for part in condition.all)
    if condition.any is not None:
        return any(holds(part, fields) for part in condition.any)
    return _compares(fields.get(condition.field or ""), condition.op, condition.value)


def _compares(found: Scalar | None, op: str | None, value: object) -> bool:
    if op == "exists":
        return (found is not None) is (value is not False)
    if found is None:
        return False
    match op:
        case "eq":
            return _alike(found, value) and found == value
        case "ne":
            return _alike(found, value) and found != value
        case "in":
            return isinstance(value, tuple) and any(_alike(found, entry) and found == entry for entry in value)
        case "contains":
            return isinstance(found, str) and isinstance(value, str) and value in found
        case _:
            number, limit = _number(found), _number(value)
            return number is not None and limit is not None and op is not None and ORDERINGS[op](number, limit)


def _alike(found: object, value: object) -> bool:
    """Of the same kind: truth values are no numbers here, although Python counts with them."""
    return _kind(found) is _kind(value)


def _kind(value: object) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
