"""How often a token may ask, and who is let in at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from infra.errors import SettingsInvalid
from infra.http.limits import Bucket, Rate, retry_after
from infra.http.problems import Problem
from infra.settings import Settings
from producers.gateway.doors import Doors
from producers.gateway.serving import tokens_of
from producers.gateway.tokens import Scope, Token, new_token, owner_of, read_tokens


@given(st.floats(0.1, 100), st.floats(1, 50), st.lists(st.tuples(st.floats(0, 5), st.integers(1, 60)), max_size=80))
def test_no_more_passes_than_the_rate_and_one_burst(
    per_second: float, burst: float, asked: list[tuple[float, int]]
) -> None:
    bucket, now, passed, largest = Bucket(Rate(per_second=per_second, burst=burst), now=0.0), 0.0, 0, 0
    for pause, count in asked:
        now += pause
        if bucket.take(count, now=now) is None:
            passed, largest = passed + count, max(largest, count)
    assert passed <= burst + per_second * now + largest + 1e-6


@given(st.floats(0.1, 100), st.floats(1, 50), st.integers(1, 100), st.integers(1, 100))
def test_who_waits_as_long_as_was_said_passes(per_second: float, burst: float, first: int, second: int) -> None:
    bucket = Bucket(Rate(per_second=per_second, burst=burst), now=0.0)
    assert bucket.take(first, now=0.0) is None
    wait = bucket.take(second, now=0.0)
    if wait is not None:
        assert bucket.take(second, now=wait * (1 + 1e-9) + 1e-9) is None
        assert int(retry_after(wait)) >= wait


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(Rate(per_second=1, burst=1), now=10.0)
    assert bucket.take(1, now=10.0) is None
    assert bucket.take(1, now=5.0) == 1.0
    assert bucket.take(1, now=10.5) == 0.5


def call(*, token: str | None = None, host: str = "127.0.0.1:8088") -> Request:
    headers = [(b"host", host.encode())]
    if token is not None:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers})


def refused(doors: Doors, request: Request, scope: Scope) -> Problem:
    with pytest.raises(Problem) as caught:
        doors.admit(request, scope)
    return caught.value


def test_a_token_opens_its_scopes_only_and_others_open_nothing(tmp_path: Path) -> None:
    token, lines = new_token('the "shop"', [Scope.WRITE], 2.0)
    (tmp_path / "tokens.toml").write_text(lines)
    doors = Doors(read_tokens(tmp_path / "tokens.toml"), clock=lambda: 0.0)
    assert doors.admit(call(token=token), Scope.WRITE).name == 'the "shop"'
    forbidden = refused(doors, call(token=token), Scope.READ)
    assert (forbidden.status, forbidden.reason) == (403, "scope") and "requests:read" in forbidden.detail
    for other in (None, "", "hitl_x", token[:-1], token + "x"):
        unknown = refused(doors, call(token=other), Scope.WRITE)
        assert unknown.status == 401 and unknown.headers["WWW-Authenticate"].startswith("Bearer")
        assert "hitl_x" not in unknown.detail


def test_a_rate_is_one_of_each_token(tmp_path: Path) -> None:
    tokens = [new_token(name, [Scope.WRITE], 2.0) for name in ("a", "b")]
    (tmp_path / "tokens.toml").write_text("\n".join(lines for _, lines in tokens))
    doors = Doors(read_tokens(tmp_path / "tokens.toml"), clock=lambda: 0.0)
    first, second = (doors.admit(call(token=token), Scope.WRITE) for token, _ in tokens)
    doors.spend(first, 2)
    with pytest.raises(Problem) as caught:
        doors.spend(first)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "1")
    doors.spend(second)


def test_without_tokens_only_this_machine_by_its_own_name() -> None:
    doors = Doors(None)
    for host in ("127.0.0.1:8088", "localhost", "localhost:1", "[::1]:8088", "[::1]"):
        assert Scope.APPEAL in doors.admit(call(host=host), Scope.APPEAL).scopes
    for host in ("evil.example", "evil.example:8088", "", "127.0.0.1.evil.example"):
        assert refused(doors, call(host=host), Scope.WRITE).status == 421


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("token = 1", "token"),
        ('[[token]]\nname = "a"\nsha256 = "zz"\nscopes = []', "sha256"),
        ('[[token]]\nname = "a"\nsha256 = "' + "0" * 64 + '"\nscopes = ["all"]', "all"),
        (('[[token]]\nname = "a"\nsha256 = "' + "0" * 64 + '"\nscopes = []\n') * 2, "twice"),
        ("[[token", "hitl gateway token"),
    ],
)
def test_a_file_of_tokens_that_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(text)
    with pytest.raises(SettingsInvalid, match=said):
        read_tokens(file)
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        read_tokens(tmp_path / "none.toml")


def test_open_to_others_the_gateway_wants_tokens() -> None:
    assert tokens_of(Settings(gateway_address="[::1]:0")) is None
    for address in ("0.0.0.0:8088", "[::]:8088", "gateway.example:80"):
        with pytest.raises(SettingsInvalid, match="hitl gateway token"):
            tokens_of(Settings(gateway_address=address))


def test_nobody_owns_a_token_of_other_digests() -> None:
    token = Token(name="a", sha256="0" * 64, scopes=(Scope.READ,))
    assert owner_of("0" * 64, [token]) is None
