"""Texts of strangers, so that nothing in them disturbs a page: what cannot be seen is made visible or cut.

Pure, and linear in the text. Markup is no concern here: templates escape everything.
"""

import re
from collections.abc import Mapping
from typing import Final

CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
BREAKS: Final = re.compile(r"\r\n?|[\u2028\u2029]")
HIDDEN: Final = re.compile(r"[\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
MARKS: Final = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
STACKED: Final = re.compile(f"({MARKS}{{3}}){MARKS}+")
FIRST_SYMBOL: Final = 0x2400  # of the block of symbols for control characters
SYMBOLS: Final[Mapping[int, int]] = {
    **dict.fromkeys((*range(0x7F, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF), 0xFFFD), 0x7F: 0x2421,
    **{code: FIRST_SYMBOL + code for code in range(0x20) if code not in (0x09, 0x0A, 0x0D)},
}  # fmt: skip
CONTROLS_SHOWN: Final = "Control characters are shown as symbols."
HIDDEN_THERE: Final = "Contains characters that cannot be seen or that turn the direction of the text."
STACKED_CUT: Final = "Marks stacked on one letter are cut to three."


def cleaned(text: str) -> str:
    """The text with control characters as symbols, line breaks of one kind, and at most three marks on a letter.

    >>> cleaned("a\\x00b\\r\\nc")
    'a␀b\\nc'
    """
    if text.isascii() and text.isprintable():
        return text
    text = BREAKS.sub("\n", text)
    if CONTROLS.search(text):
        text = text.translate(SYMBOLS)
    return STACKED.sub(r"\1", text)


def on_one_line(text: str) -> str:
    """The text for a place where one line stands."""
    return " ".join(cleaned(text).split())


def peculiarities(text: str) -> tuple[str, ...]:
    """Sentences about what cannot be seen in a text, or was changed."""
    if text.isascii() and text.isprintable():
        return ()
    found: Mapping[str, re.Pattern[str]] = {
        CONTROLS_SHOWN: CONTROLS, HIDDEN_THERE: HIDDEN, STACKED_CUT: STACKED,
    }  # fmt: skip
    return tuple(sentence for sentence, pattern in found.items() if pattern.search(text))


def shape_of(text: str, most: int = 400) -> str:
    """How a text looks from too far away to be read: words as long as they are, and no letter of it.

    >>> shape_of("you fool!")
    '▬▬▬ ▬▬▬▬▬'
    """
    words = text[: most * 2].split()
    return " ".join("▬" * min(len(word), 16) for word in words)[:most]
