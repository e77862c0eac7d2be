"""The markup of a case: what strangers wrote stays text in every place, and the page is what it was agreed to be."""

import time
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.desk.pages.present.cleaning import cleaned
from producers.desk.pages.present.view import view_of
from schemas.values import (
    Appeal,
    CaseStage,
    DecidedBy,
    Level,
    Note,
    Outcome,
    PreviousAnswer,
    Recommendation,
    ReopenedBy,
    StandingDecision,
)
from streams.workflow.presentation import Presentation
from tests.support.presented import (
    LOAN,
    NOW,
    POST,
    case_shown,
    json_of,
    partial,
    png,
    samples,
    shipped,
)

GOLDEN: Final = Path(__file__).parent / "golden"
MEBIBYTE: Final = 1 << 20
MARKUP: Final = str.maketrans(dict.fromkeys("<>&\"'", "("))
ADDRESSES: Final = frozenset(("href", "src", "action", "formaction", "srcset", "poster", "data"))


class Elements(HTMLParser):
    """Elements with the names of their attributes, addresses with their values, and all text."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in ADDRESSES]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def told_by(words: str) -> Any:
    """A case of which strangers wrote everything that they can write."""
    standing = StandingDecision(original=words, outcome=Outcome.REJECTED, label=words, decided_by=DecidedBy.REVIEWER,
                                reviewer_id=words, decided_at=NOW)  # fmt: skip
    return case_shown(
        json_of({"text": words, words: words, "more": {words: [words, {words: 1}]}}),
        workflow=words, request_id=words, reason=words, because=words, rule=words,
        rule_hits=(words,), risk_flags=(words,), skills=(words,), tags=(words,), classes=(words, words + "2"),
        stage=CaseStage.EXPERT,
        attributes={words: words},
        recommendation=Recommendation(label=words, confidence=0.5, level=Level.LOW, probabilities=(0.5, 0.5)),
        answers=(PreviousAnswer(reviewer_id=words, action=words, note=words, answered_at=NOW),),
        notes=(Note(reviewer_id=words, note=words, noted_at=NOW),),
        standing=standing, reopened_by=ReopenedBy.APPEAL, content_uri=words, content_sha256=words,
        appeal=Appeal(appeal_id=words, statement=words, filed_by=words, filed_at=NOW),
    )  # fmt: skip


SHOWN: Final = [
    Presentation(content="text", content_field="text", alt_field="text", title="{text}", sensitive_fields=("text",)),
    Presentation(content="json", sensitive="always"),
    Presentation(content_field="more.rows"),
]
HOSTILE: Final = [
    "<script>alert(1)</script>", "</article></main><h1>", "\"><img src=x onerror=alert(1)>", "' onmouseover='x", "<!--",
    "]]>", "&lt;b&gt;", "{{ 7 * 7 }}{% raw %}", "javascript:alert(1)", "\x00<b>\x1b", "\u202e<i>", "a\u0301\u0301<",
    "</textarea><svg onload=x>", "<a href=\"https://evil.example\">", "<style>*{}", "\ufeff<base href=//evil>",
]  # fmt: skip


def structure(words: str, shown: Presentation) -> Elements:
    return Elements(partial(view_of(told_by(words), shown, now=NOW)))


@pytest.mark.parametrize("shown", SHOWN, ids=["text", "document", "summary"])
@pytest.mark.parametrize("words", HOSTILE)
def test_no_element_and_no_attribute_comes_from_content(words: str, shown: Presentation) -> None:
    made = structure(words, shown)
    assert made.found == structure(words.translate(MARKUP), shown).found
    assert not made.addresses
    assert any(" ".join(cleaned(words).split()) in " ".join(text.split()) for text in made.texts)


@settings(deadline=None)
@given(st.text(st.sampled_from("<>&\"'/=ab {}%\x00\u202e\u0301\n-!"), min_size=1, max_size=40), st.sampled_from(SHOWN))
def test_whatever_strangers_write_the_elements_are_ours(words: str, shown: Presentation) -> None:
    assert structure(words, shown).found == structure(words.translate(MARKUP), shown).found


@pytest.mark.parametrize("kind", ["text/csv", "text/plain", "application/json"])
def test_cells_and_whole_payloads_are_text_too(kind: str) -> None:
    for words in HOSTILE:
        content = f"<i>,b\n{words},2\n" if kind == "text/csv" else words
        made = Elements(partial(view_of(case_shown(content, content_type=kind), Presentation(), now=NOW)))
        assert not {"script", "svg", "style", "base", "i", "b", "a", "h1"} & {tag for tag, _ in made.found}
        assert not made.addresses


def test_a_page_holds_no_script_no_style_and_nothing_that_runs() -> None:
    for name, case in samples().items():
        for tag, attributes in Elements(partial(case)).found:
            assert tag not in ("script", "style", "form", "iframe", "object", "embed", "link", "base"), name
            assert not any(attribute.startswith("on") or attribute in ("style", "id") for attribute in attributes), name


def test_the_samples_are_well_formed() -> None:
    class Nesting(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            if tag not in ("img", "input", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    for case in samples().values():
        parser = Nesting()
        parser.feed(partial(case))
        assert parser.open == []


@pytest.mark.parametrize("name", ["post", "blind", "loan", "appeal", "table", "json"])
def test_the_markup_is_as_agreed(name: str) -> None:
    """After a change that is meant, delete the file, run this once, and look at the difference."""
    file = GOLDEN / f"{name}.html"
    made = partial(samples()[name])
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        file.write_text(made, encoding="utf-8")
        pytest.fail(f"{file} was not there and is written now: look at it, then commit it")
    assert made == file.read_text(encoding="utf-8")


JSON: Final = "application/json"
ORDINARY: Final[Mapping[str, Callable[[], tuple[str, str, Presentation]]]] = {
    "post": lambda: (json_of({"text": POST}), JSON, shipped("content_moderation")),
    "loan": lambda: (json_of(LOAN), JSON, shipped("loan_approval")),
    "table": lambda: (json_of([{"a": n, "b": "x" * 20, "c": n / 3} for n in range(200)]), JSON, Presentation()),
}
LARGEST: Final[Mapping[str, Callable[[], tuple[str, str, Presentation]]]] = {
    "words": lambda: ("word bitch " * (MEBIBYTE // 11), "text/plain", shipped("content_moderation")),
    "one line": lambda: ("x" * MEBIBYTE, "text/plain", shipped("content_moderation")),
    "markup": lambda: ("<" * MEBIBYTE, "text/plain", shipped("content_moderation")),
    "controls": lambda: ("\x01\u202e" * (MEBIBYTE // 4), "text/plain", shipped("content_moderation")),
    "marks": lambda: ("a" + "\u0301" * (MEBIBYTE // 2), "text/plain", shipped("content_moderation")),
    "objects": lambda: (json_of({str(n): {"a": [n]} for n in range(50_000)}), JSON, Presentation()),
    "brackets": lambda: ("[" * MEBIBYTE, JSON, Presentation()),
    "rows": lambda: ("a,b,c\n" + "1,2,3\n" * (MEBIBYTE // 6), "text/csv", Presentation()),
}  # fmt: skip


def spent(work: Callable[[], object]) -> float:
    """Seconds of the processor, not of the clock: other tests run beside this one. The least of three counts."""

    def once() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return min(once() for _ in range(3))


def steps() -> int:
    """What takes about 20 ms of a slow processor: other work is held against it, whatever the machine and its load."""
    return sum(number & 3 for number in range(500_000))


@pytest.mark.parametrize(
    ("content", "most"),
    [*((each, 1) for each in ORDINARY.values()), *((each, 10) for each in LARGEST.values())],
    ids=[*ORDINARY, *LARGEST],
)
def test_a_case_is_rendered_in_time(content: Callable[[], tuple[str, str, Presentation]], most: int) -> None:
    text, kind, shown = content()
    case = case_shown(text, content_type=kind)
    partial(view_of(case, shown, now=NOW))
    assert spent(lambda: partial(view_of(case, shown, now=NOW))) < most * spent(steps)


def test_a_picture_in_the_page_is_fast_too() -> None:
    case = case_shown("", content_type="image/png", body=png(1_000, 700))
    assert "data:image/png" in partial(view_of(case, Presentation(), now=NOW))
    assert spent(lambda: partial(view_of(case, Presentation(), now=NOW))) < 10 * spent(steps)
