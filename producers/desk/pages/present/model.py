"""What a page shows of one case, as plain values: nothing here needs a template to know what it means."""

from typing import Literal

import msgspec

from schemas.values import CaseStage, Priority
from streams.workflow.presentation import ReasonCode


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A point in time: for machines (`iso`, `at` in milliseconds since the epoch), in UTC, and seen from now."""

    at: int
    iso: str
    absolute: str
    relative: str
    span: str = ""  # how long ago, or how long until then


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """When an answer is due, and how near that is: `state` is over, soon or calm."""

    moment: Moment
    state: Literal["over", "soon", "calm"]


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of text; `marked` where the workflow wants it seen."""

    text: str
    marked: bool = False


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A value as people read it; numbers stand right. `rest` is what a long text goes on with."""

    text: str
    kind: Literal["text", "number", "flag", "date", "missing"] = "text"
    unit: str = ""
    iso: str = ""
    rest: str = ""
    is_true: bool = False


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A name and its value."""

    label: str
    value: Written
    sensitive: bool = False


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Values that belong together."""

    title: str
    columns: int
    items: tuple[Item, ...]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A value of a JSON document; `children` of an object or a list, of which `left_out` more are not shown."""

    key: str | None
    kind: Literal["object", "array", "text", "number", "word"]
    text: str = ""
    size: int = 0
    children: tuple["Node", ...] = ()
    left_out: int = 0
    is_open: bool = True


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A text: what is seen at once, and what it goes on with where it is long."""

    start: tuple[Segment, ...]
    rest: tuple[Segment, ...] = ()
    length: int
    marks: int = 0
    kind: Literal["text"] = "text"


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that a page may show; sizes in pixels where they are known."""

    source: str
    alt: str
    note: str = ""
    width: int | None = None
    height: int | None = None


class Pictures(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures, and why others are not shown."""

    pictures: tuple[Picture, ...]
    kind: Literal["image"] = "image"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """The heading of a column; one of numbers stands right."""

    name: str
    is_number: bool = False


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The first rows of a table, as texts."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    kind: Literal["table"] = "table"


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON document."""

    root: Node
    caption: str
    kind: Literal["json"] = "json"


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """There is no content beside the summary."""

    kind: Literal["none"] = "none"


Content = Text | Pictures | Table | Tree | Nothing


class Veil(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in place of sensitive content: what is there, and its shape: a text's without a letter of it, or a
    picture that the page blurs."""

    words: str
    shape: str = ""
    picture: Picture | None = None


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What the model would answer, how sure it is, and what that means; others by falling probability."""

    label: str
    percent: str
    confidence: float
    level: str
    meaning: str
    others: tuple[tuple[str, str], ...] = ()


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the rules found, in words; `kind` tells what it is."""

    kind: Literal["rule", "flag", "risk", "compliance"]
    text: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the case, who did it (a pseudonym), and their words."""

    kind: Literal["answer", "note", "escalation", "appeal", "decision"]
    what: str
    who: str | None = None
    words: str = ""
    when: Moment | None = None


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """One case as any page shows it: for whoever decides, leads or looks back."""

    seen_at: int  # when this was made, in milliseconds since the epoch: a browser's clock may be wrong
    request_id: str
    workflow: str
    stage: CaseStage
    priority: Priority
    title: str  # empty where the workflow names none
    question: str
    groups: tuple[Group, ...]
    content: Content
    notices: tuple[str, ...]  # sentences about the content: what is not shown, and why
    veil: Veil | None
    advice: Advice | None
    why: str
    because: str | None  # why it was given to whoever looks at it
    signals: tuple[Signal, ...]
    queued: Moment
    requested: Moment
    due: Deadline | None
    contested: tuple[Said, ...]  # the decision that stands and the appeal against it, for whoever judges anew
    history: tuple[Said, ...]  # the oldest first
    tags: tuple[str, ...]
    skills: tuple[str, ...]
    guideline: str
    guideline_is_link: bool
    reasons: tuple[ReasonCode, ...]

    def reasons_for(self, action: str) -> tuple[ReasonCode, ...]:
        """The reasons that fit an action."""
        return tuple(each for each in self.reasons if not each.actions or action in each.actions)
