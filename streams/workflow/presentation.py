"""How the desk shows the cases of a workflow: what is asked, which fields, what is sensitive; a table of its file."""

import re
from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

from streams.routing.rules import Word

FieldKind = Literal["auto", "text", "number", "money", "percent", "date", "flag", "link"]
ContentKind = Literal["auto", "text", "image", "table", "json", "none"]
Sensitive = Literal["never", "marked", "always"]
ReasonFor = Literal["approve", "reject", "label", "escalate", "mark_wrong"]
Short = Annotated[str, Meta(min_length=1, max_length=100)]
Sentence = Annotated[str, Meta(max_length=300)]
Unit = Annotated[str, Meta(max_length=20)]
MOST_TERMS: Final = 1_000
LONGEST_TERM: Final = 12  # words, or characters of a script without blanks
ORIGIN: Final = re.compile(r"https://[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?")  # nothing else fits a CSP
LINK: Final = re.compile(r"https://[^\s\"'<>\\]+")
PLACE: Final = re.compile(r"\{([^{}]+)\}")


class SummaryField(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field of the request, its name for people, and how its value is written; `values` puts codes into words."""

    field: Word
    label: Annotated[str, Meta(max_length=100)] = ""  # made from the field's name when left out
    kind: FieldKind = "auto"
    unit: Unit = ""
    decimals: Annotated[int, Meta(ge=0, le=6)] | None = None
    values: dict[str, Short] = {}

    def __hash__(self) -> int:
        # A workflow type is a value: what was fitted for one is found by it.
        return hash((self.field, self.label, self.kind, self.unit, self.decimals, *sorted(self.values.items())))

    def __post_init__(self) -> None:
        if self.decimals is not None and self.kind not in ("number", "money", "percent"):
            raise ValueError(f'`decimals` of {self.field!r} is for numbers: add kind = "number", or remove it')
        if self.kind == "money" and not self.unit:
            raise ValueError(f'`unit` is missing for the money in {self.field!r}: add it, such as unit = "USD"')


class SummaryGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that belong together, in their order, in so many columns where there is room."""

    title: Annotated[str, Meta(max_length=100)] = ""
    columns: Annotated[int, Meta(ge=1, le=4)] = 2
    fields: Annotated[tuple[SummaryField, ...], Meta(min_length=1, max_length=60)]


class ReasonCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why somebody answers so, to be chosen instead of typed; for these actions, or for all."""

    code: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,49}$")]
    text: Short
    actions: tuple[ReasonFor, ...] = ()


class Presentation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one case is shown. Without any of it: every field with its name, the content by its type, nothing hidden."""

    question: Sentence = ""
    title: Annotated[str, Meta(max_length=200)] = ""  # fields in braces: "{purpose}, {amount} DM"
    summary: Annotated[tuple[SummaryGroup, ...], Meta(max_length=12)] = ()
    content: ContentKind = "auto"
    content_field: Word | None = None  # of the JSON payload; None: the workflow's text field, else all of it
    alt_field: Word | None = None  # what tells of a picture to whoever cannot see it
    highlights: Annotated[tuple[Word, ...], Meta(max_length=MOST_TERMS)] = ()
    highlight_field: Word | None = None  # lists words, or pairs of first character and the one after the last
    sensitive: Sensitive = "never"
    sensitive_fields: tuple[Word, ...] = ()
    image_origins: Annotated[tuple[str, ...], Meta(max_length=20)] = ()
    guideline: Annotated[str, Meta(max_length=4_000)] = ""  # a text, or an https link
    reason_codes: Annotated[tuple[ReasonCode, ...], Meta(max_length=50)] = ()

    def __post_init__(self) -> None:
        if any(brace in PLACE.sub("", self.title) for brace in "{}"):
            raise ValueError("`title` has a brace without its like: put names of fields in braces, as {amount}")
        for term in self.highlights:
            _check_term(term)
        for origin in self.image_origins:
            if origin.endswith(":443"):
                raise ValueError(f"`image_origins` has {origin!r}: leave out :443, which https means anyhow")
            if not ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"`image_origins` has {origin!r}: write scheme and host in small letters, https://images.example"
                )
        if self.sensitive == "marked" and not self.highlights and self.highlight_field is None:
            raise ValueError('`sensitive` "marked" needs highlights or highlight_field: name what makes it sensitive')
        if self.content == "none" and self.sensitive != "never":
            raise ValueError('`sensitive` hides the content, and content = "none" shows none: use sensitive_fields')
        codes = [each.code for each in self.reason_codes]
        if repeated := next((code for n, code in enumerate(codes) if code in codes[:n]), None):
            raise ValueError(f"`reason_codes` has {repeated!r} twice: give each reason a code of its own")
        if self.guideline.startswith(("http:", "https:")) and not LINK.fullmatch(self.guideline):
            raise ValueError("`guideline` is no https address: correct it, or write a text")

    @property
    def title_fields(self) -> tuple[str, ...]:
        """The fields that a title names."""
        return tuple(PLACE.findall(self.title))

    @property
    def guideline_is_link(self) -> bool:
        return LINK.fullmatch(self.guideline) is not None


# For refusals that say what else could be written.
PRESENTED: Final[dict[str, type[msgspec.Struct]]] = {
    "desk": Presentation, "summary": SummaryGroup, "fields": SummaryField, "reason_codes": ReasonCode,
}  # fmt: skip
PRESENTED_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "kind": get_args(FieldKind), "content": get_args(ContentKind), "sensitive": get_args(Sensitive),
    "actions": get_args(ReasonFor),
}  # fmt: skip


def _check_term(term: str) -> None:
    if not any(letter.isalnum() for letter in term):
        raise ValueError(f"`highlights` has {term!r}, which has no letter: name words")
    if len(term.split()) > LONGEST_TERM:
        raise ValueError(f"`highlights` has {term[:30]!r}…, more than {LONGEST_TERM} words: shorten it")
