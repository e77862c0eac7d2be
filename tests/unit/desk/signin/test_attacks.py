"""What attackers send to the desk, by hand or from another site: refused or without effect, and on record."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from infra.local.ports import free_ports
from producers.desk.pace import RATE
from producers.desk.signin.person import Person
from producers.desk.signin.roles import Role
from schemas.events import AccessRefused
from tests.support.desk_pages import WholeDesk
from tests.support.signing_in import AWAY, PAGE, Desk, reason

FORM = {"content-type": "application/x-www-form-urlencoded"}
ADA = Person(reviewer_id="ada", name="Ada", roles=(Role.ADMIN,))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(links=tmp_path)


# ---- sessions ----


def test_a_session_that_somebody_else_planted_is_not_taken_over(desk: Desk) -> None:
    """Session fixation: the id that a browser had before it signed in is worth nothing afterwards."""
    attacker, victim = desk.signed_in(), desk.browser()
    planted = attacker.cookies["hitl_session"]
    victim.get(desk.link("lea"), cookie=f"hitl_session={planted}")
    assert victim.cookies["hitl_session"] != planted
    assert victim.get("/page").text == "lea"
    assert reason(attacker.get("/page")) == (401, "no_session")
    made_up = desk.browser()
    made_up.cookies.set("hitl_session", "f" * 43)
    assert reason(made_up.get("/page")) == (401, "no_session")


@pytest.mark.parametrize("value", ["", "x", "%00", "../../etc/passwd", "a" * 5_000, "*", '"' + "a" * 43 + '"'])
def test_a_cookie_of_another_form_is_nobody(desk: Desk, value: str) -> None:
    assert reason(desk.browser().get("/page", cookie=f"hitl_session={value}")) == (401, "no_session")


@pytest.mark.parametrize(("url", "wanted"), [(AWAY, "; Secure"), ("http://127.0.0.1:8090", "")])
def test_every_cookie_is_for_this_host_for_no_script_and_for_no_other_site(
    url: str, wanted: str, tmp_path: Path
) -> None:
    desk = Desk(url=url, links=tmp_path)
    set_at = desk.browser().get(desk.link()).headers.get_list("set-cookie")
    assert len(set_at) == 2
    for each in set_at:
        assert re.fullmatch(rf"(__Host-)?hitl_\w+=\w*; Path=/; HttpOnly; SameSite=Lax{wanted}(; Max-Age=0)?", each)
        assert each.startswith("__Host-") is bool(wanted) and "domain" not in each.lower()


# ---- forms ----


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b"csrf_token={csrf}&label=spam"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{csrf}'),
        ("application/json", b'{"csrf_token": "{csrf}"}'),
        ("application/x-www-form-urlencoded", b"csrf_token={csrf}%00"),
        ("application/x-www-form-urlencoded", b"CSRF_TOKEN={csrf}"),
        ("application/x-www-form-urlencoded", b"csrf_token[]={csrf}"),
        ("application/x-www-form-urlencoded", b"\xff\xfe\x00"),
        ("", b"csrf_token={csrf}"),
    ],
)
def test_a_token_counts_where_it_belongs_only(desk: Desk, kind: str, body: bytes) -> None:
    ann = desk.signed_in()
    content = body.replace(b"{csrf}", ann.csrf.encode())
    assert reason(ann.post("/work", csrf=False, headers={"content-type": kind}, content=content)) == (403, "bad_csrf")


def test_no_header_or_field_makes_one_method_of_another(desk: Desk) -> None:
    ann = desk.signed_in(ADA)
    for override in ({"x-http-method-override": "POST"}, {"x-method-override": "POST"}, {"x-http-method": "POST"}):
        assert ann.get("/people/ben/end-sessions", **override).status_code == 405
    assert ann.get("/people/ben/end-sessions?_method=POST").status_code == 405
    as_get = f"_method=GET&csrf_token={'x' * 43}".encode()
    assert reason(ann.post("/page", csrf=False, headers=FORM, content=as_get)) == (403, "bad_csrf")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK", "PROPFIND"])
def test_an_unusual_method_does_nothing(desk: Desk, method: str) -> None:
    ann = desk.signed_in()
    assert ann.send(method, "/page", headers={"origin": desk.url, "x-csrf-token": ann.csrf}).status_code == 405
    assert reason(ann.send(method, "/page")) == (403, "foreign_origin")


# ---- addresses ----


@pytest.mark.parametrize(
    "path",
    ["/static/../signin/secret.py", "/static/..%2f..%2fservice.py", "/static/%2e%2e/shell.py", "/static//etc/passwd",
     "/static/desk.css%00.py", "/static/LICENSE-htmx.txt", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/page%00"],
)  # fmt: skip
def test_no_path_leads_to_a_file_of_the_machine(desk: Desk, path: str) -> None:
    answer = desk.signed_in().get(path)
    assert answer.status_code == 404 and "root:" not in answer.text and "import" not in answer.text


@pytest.mark.parametrize(
    "next_page", ["/a%0d%0aset-cookie:x=1", "/%E2%80%AE", "/\tx", "//e.org", "/\\e.org", "javascript:alert(1)"]
)
def test_where_one_wanted_to_go_puts_nothing_into_a_header_and_leads_nowhere_else(desk: Desk, next_page: str) -> None:
    answer = desk.browser().send("GET", f"{desk.link()}", params={"next": next_page, "token": desk.made[-1]})
    location = answer.headers["location"]
    assert answer.status_code == 303 and location.isprintable() and re.match(r"/(?![/\\])", location)
    assert [name for name, _ in answer.headers.multi_items() if name == "set-cookie"] == ["set-cookie"] * 2
    assert "x" not in answer.cookies


@pytest.mark.parametrize("name", ["host", "x-forwarded-host", "forwarded", "x-original-url", "x-rewrite-url"])
def test_no_header_changes_where_pages_lead(desk: Desk, name: str) -> None:
    answer = desk.signed_in().get("/page", **{name: "evil.example"}, **PAGE)
    assert "evil.example" not in answer.text and "evil.example" not in str(answer.headers)
    assert answer.status_code == (421 if name == "host" else 200)


def test_a_link_counts_here_only_whatever_a_proxy_or_a_liar_says(desk: Desk) -> None:
    assert reason(desk.browser("192.0.2.1").get(desk.link())) == (403, "not_local")
    assert reason(desk.browser().get(desk.link(), **{"x-forwarded-for": "127.0.0.1"})) == (403, "not_local")


# ---- pace ----


def test_who_guesses_links_has_to_wait_and_it_is_on_record(desk: Desk) -> None:
    answers = [desk.browser().get(f"/sign-in/link?token={number:043}") for number in range(45)]
    assert [answer.status_code for answer in answers].count(429) == 5
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert {event.reason for event in desk.kept if isinstance(event, AccessRefused)} == {"bad_link", "too_often"}


def test_a_person_whose_browser_has_gone_wild_waits_and_nobody_else_does(desk: Desk) -> None:
    ann, ben = desk.signed_in(), desk.signed_in(Person(reviewer_id="ben", name="Ben", roles=(Role.REVIEWER,)))
    for _ in range(int(RATE.burst)):
        assert ann.get("/page").status_code == 200
    late = ann.get("/page", **PAGE)
    assert late.status_code == 429 and late.headers["retry-after"] == "1" and "Too fast" in late.text
    assert ben.get("/page").status_code == 200 and desk.browser().get("/static/desk.css").status_code == 200
    desk.now += 1_000
    assert ann.get("/page").status_code == 200


# ---- bytes ----


@contextmanager
def listening(desk: Desk) -> Iterator[int]:
    """The application behind the server that it runs behind; its port."""
    (port,) = free_ports(1)
    server = uvicorn.Server(uvicorn.Config(desk.app, port=port, log_config=None, lifespan="off", server_header=False))
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        yield port
    finally:
        server.should_exit = True
        thread.join()


def said(port: int, sent: bytes, *, patience: float = 2) -> list[int]:
    """The statuses of all answers to these bytes, until the server hangs up or says nothing more."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(patience)
        connection.sendall(sent)
        heard = b""
        try:
            while part := connection.recv(65_536):
                heard += part
        except (TimeoutError, ConnectionResetError):
            pass
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", heard)]


def test_bytes_that_two_servers_could_read_in_two_ways_are_no_second_request() -> None:
    """Request smuggling: what one reads as a body must not be what another reads as a request."""
    desk = WholeDesk(url="http://127.0.0.1:1")
    with listening(desk) as port:
        head = f"POST /sign-out HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()
        plain = f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()
        hidden = plain + b"Connection: close\r\n\r\n"
        tricks = {
            "both lengths": head + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
            "two lengths": head + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + hidden,
            "a length with a sign": head + b"Content-Length: +0\r\n\r\n" + hidden,
            "no number": head + b"Content-Length: 0x0\r\n\r\n" + hidden,
            "another coding": head + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
            "a blank before the colon": head + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden,
            "a folded header": head + b"X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
            "a bad chunk": head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n" + hidden,
            "a zero byte": head + b"X: a\0b\r\n\r\n" + hidden,
            "no version": b"GET /health\r\n\r\n" + hidden,
            "a line end in the path": b"GET /health\rX: HTTP/1.1\r\n\r\n",
            "a long header": head + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
        }  # fmt: skip
        for name, sent in tricks.items():
            statuses = said(port, sent)
            assert len(statuses) <= 1, f"{name}: {statuses}"
            assert all(status in (303, 400, 403, 405, 421, 431, 501) for status in statuses), f"{name}: {statuses}"
        assert said(port, plain + b"\r\n" + hidden, patience=30) == [200, 200], "two honest requests are two"
