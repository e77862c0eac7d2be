"""Whoever asks for work is given it where the token of their app counts, and nowhere else."""

import msgspec
import pytest

from producers.desk.person import workflows_within
from streams.casework.identity import Claims
from streams.casework.jws import SigningKey


def token(*workflows: str) -> str:
    claims = Claims(iss="hitl.identities", sub="ann", iat=0, exp=1, jti="t", workflows=workflows)
    return SigningKey(bytes(32)).sign(msgspec.json.encode(claims))


@pytest.mark.parametrize(
    ("named", "wanted", "given"),
    [
        ((), (), ()),
        ((), ("a",), ("a",)),
        (("a", "b"), (), ("a", "b")),
        (("a", "b"), ("b", "c"), ("b",)),
        (("a",), ("c",), ("c",)),  # which casework refuses, with the reason
    ],
)
def test_work_is_looked_for_where_the_token_counts(
    named: tuple[str, ...], wanted: tuple[str, ...], given: tuple[str, ...]
) -> None:
    assert workflows_within(token(*named), wanted) == given


def test_without_a_token_nothing_limits() -> None:
    assert workflows_within(None, ("a",)) == ("a",)
