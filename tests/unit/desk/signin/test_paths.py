"""No sign-in leads to another site."""

import re
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.desk.signin.paths import own_path

tricks = st.lists(
    st.sampled_from(["/", "\\", "//", "http:", "https:", "evil.org", "@", "?", "#", "\t", "\n", "\r", ".", "%2f", " "])
    | st.text(max_size=3)
).map("".join)


@given(tricks)
def test_whatever_is_asked_for_the_browser_stays_at_the_desk(wanted: str) -> None:
    path = own_path(wanted)
    as_browsers_read_it = re.sub(r"[\t\n\r]", "", path).replace("\\", "/")
    parts = urlsplit(urljoin("https://desk.example/sign-in", as_browsers_read_it))
    assert (parts.scheme, parts.netloc) == ("https", "desk.example")
    assert path.isascii() and path.isprintable()


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example", "/\\evil.example", "\\/evil.example", "/\t/evil.example", "https://evil.example", "evil:1",
        "/a\r\nset-cookie: x=1", "", None, " /a", "/a b", "/" + "a" * 2_000, "evil.example", "/\\\\evil.example",
    ],
)  # fmt: skip
def test_known_tricks_lead_to_the_first_page(wanted: str | None) -> None:
    assert own_path(wanted) == "/"


def test_a_page_of_ours_is_gone_to() -> None:
    assert own_path("/cases/a%2Fb?tab=text&x=1#top") == "/cases/a%2Fb?tab=text&x=1#top"
