"""The operator's pages over HTTP: who may see and do what, and what becomes of what is forged."""

import re
from urllib.parse import urlencode
from xml.etree import ElementTree

import httpx2
import pytest

from infra.kafka.acknowledging import NotAcknowledged
from infra.kafka.client_errors import LogUnavailable
from infra.observe.looking import Seen
from producers.desk.pages.operate.routes import routes_over
from producers.desk.signin.person import Person
from producers.desk.signin.roles import ALLOWED, Deed, Role
from schemas.topics import REQUESTS
from streams.insights.asking import InsightsAway
from tests.support.operating import Now, Stand, answer, dead, look, this_hour
from tests.support.signing_in import PAGE, Browser, Desk

FORM = {"content-type": "application/x-www-form-urlencoded"} | PAGE
HOSTILE = "<script>alert(1)</script>"
GET = {
    "/operate": Deed.SEE_FIGURES, "/operate/now": Deed.SEE_FIGURES, "/figures": Deed.SEE_FIGURES,
    "/operate/dead-letters": Deed.SEE_DEAD_LETTERS, "/operate/dead-letters/0/0": Deed.SEE_DEAD_LETTERS,
    "/operate/dead-letters/0/0/body": Deed.SEE_DEAD_LETTERS,
    "/operate/dead-letters/sent?place=0:0": Deed.SEE_DEAD_LETTERS,
    "/operate/dead-letters/confirm?place=0:0": Deed.REPLAY_DEAD_LETTERS,
}  # fmt: skip


class Scene:
    """The pages over a stand that is filled by hand."""

    def __init__(self) -> None:
        self.stand = Stand()
        self.desk = Desk()
        self.desk.pages.include_router(routes_over(self.stand))

    def who(self, *roles: Role, name: str = "ada") -> Browser:
        return self.desk.signed_in(Person(reviewer_id=name, name=name, roles=roles))


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.stand.bury(dead())
    return scene


def svgs(text: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(each) for each in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


@pytest.mark.parametrize("path", GET)
@pytest.mark.parametrize("role", Role)
def test_each_role_sees_what_it_may_and_nothing_else(scene: Scene, role: Role, path: str) -> None:
    got = scene.who(role).get(path, **PAGE)
    allowed = role in ALLOWED[GET[path]]
    assert got.status_code == (200 if allowed else 403)
    assert allowed or "for the role" in got.text


@pytest.mark.parametrize("role", Role)
def test_only_an_admin_sends_again(scene: Scene, role: Role) -> None:
    got = post(scene.who(role), "0:0")
    assert got.status_code == (303 if role is Role.ADMIN else 403)
    assert len(scene.stand.log.read_all(REQUESTS.name)) == (role is Role.ADMIN)


@pytest.mark.parametrize("path", GET)
def test_a_stranger_sees_nothing(scene: Scene, path: str) -> None:
    assert scene.desk.browser().get(path, **PAGE).status_code == 401


def post(who: Browser, *places: str, act: str = "a1", csrf: str | None = None, **fields: str) -> httpx2.Response:
    token = who.csrf if csrf is None else csrf
    body = urlencode({"csrf_token": token, "act": act, "place": places} | fields, doseq=True)
    return who.post("/operate/dead-letters/replay", csrf=False, headers=FORM, content=body.encode())


def test_without_the_pages_token_nothing_is_sent(scene: Scene) -> None:
    ada = scene.who(Role.ADMIN)
    for csrf in ("", "forged", scene.who(Role.ADMIN, name="eve").csrf):
        assert post(ada, "0:0", csrf=csrf).status_code == 403
    assert scene.stand.log.read_all(REQUESTS.name) == []


def test_after_sending_one_is_told_by_an_address_that_can_be_loaded_again(scene: Scene) -> None:
    ada = scene.who(Role.ADMIN)
    got = post(ada, "0:0")
    for _ in range(2):
        told = ada.get(got.headers["location"], **PAGE).text
        assert "sent again by ada" in told and "requests[" in told
    assert "by ada" in ada.get("/operate/dead-letters", **PAGE).text
    assert len(scene.stand.log.read_all(REQUESTS.name)) == 1


def test_sending_twice_is_told_and_does_not_happen(scene: Scene) -> None:
    ada = scene.who(Role.ADMIN)
    assert post(ada, "0:0").status_code == post(ada, "0:0").status_code == 303, "the same form"
    other = post(ada, "0:0", act="a2")
    assert other.status_code == 409 and "has sent it again already" in other.text
    assert len(scene.stand.log.read_all(REQUESTS.name)) == 1
    assert "Also send again" in ada.get("/operate/dead-letters/confirm?place=0:0", **PAGE).text
    assert post(ada, "0:0", act="a3", again="yes").status_code == 303
    assert len(scene.stand.log.read_all(REQUESTS.name)) == 2


def test_what_was_not_acknowledged_is_told(scene: Scene) -> None:
    scene.stand.written.fails = NotAcknowledged()
    got = post(scene.who(Role.ADMIN), "0:0")
    assert got.status_code == 409 and "did not confirm" in got.text


@pytest.mark.parametrize(
    "places", [[], ["x"], ["0:0:0"], ["-1:0"], ["0:0"] * 101, ["0:" + "9" * 40], ["0:0\n"], ["٣:٤"]]
)
def test_forged_places_send_nothing(scene: Scene, places: list[str]) -> None:
    assert post(scene.who(Role.ADMIN), *places).status_code == 422
    assert scene.stand.log.read_all(REQUESTS.name) == []


@pytest.mark.parametrize("act", ["", "a b", "a" * 65, "../x", HOSTILE])
def test_a_forged_form_sends_nothing(scene: Scene, act: str) -> None:
    got = post(scene.who(Role.ADMIN), "0:0", act=act)
    assert got.status_code == 422 and "<script>alert" not in got.text
    assert scene.stand.log.read_all(REQUESTS.name) == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/operate/dead-letters/0/5", 404), ("/operate/dead-letters/9/0", 404), ("/operate/dead-letters/x/0", 422),
        ("/operate/dead-letters/-1/0", 422), (f"/operate/dead-letters/0/{10**30}", 422),
        (f"/operate/dead-letters/0/{2**63 - 1}", 404), ("/operate/dead-letters/0/5/body", 404),
        ("/operate/dead-letters?before=nothing", 422), ("/operate/dead-letters?before=0-99999999.77-3", 200),
        ("/operate/dead-letters?reason=" + "x" * 201, 422), ("/operate/dead-letters/confirm", 422),
        ("/operate/dead-letters/confirm?place=7:7", 404), ("/operate/dead-letters/sent?place=", 422),
    ],
)  # fmt: skip
def test_forged_addresses_are_told_in_words(scene: Scene, path: str, status: int) -> None:
    got = scene.who(Role.ADMIN).get(path, **PAGE)
    assert got.status_code == status


def test_nothing_in_a_dead_letter_is_more_than_text(scene: Scene) -> None:
    letter = dead(
        HOSTILE, detail=HOSTILE, value=HOSTILE.encode() + bytes(1 << 20), key=HOSTILE.encode(), request_id=HOSTILE,
        workflow=HOSTILE, stage=HOSTILE,
    )  # fmt: skip
    partition, offset = scene.stand.bury(letter)
    ada = scene.who(Role.ADMIN)
    paths = (f"/{partition}/{offset}", f"?reason={HOSTILE}&topic={HOSTILE}", f"/confirm?place={partition}:{offset}")
    for path in paths:
        got = ada.get(f"/operate/dead-letters{path}", **PAGE)
        assert got.status_code == 200 and "<script>alert" not in got.text and "&lt;script&gt;alert" in got.text
        assert len(got.content) < 100_000
    kept = ada.get(f"/operate/dead-letters/{partition}/{offset}/body")
    assert kept.content == letter.original_value
    assert kept.headers["content-disposition"] == f'attachment; filename="dead-letter-{partition}-{offset}.bin"'
    assert kept.headers["content-type"] == "application/octet-stream"
    assert kept.headers["x-content-type-options"] == "nosniff"


def test_a_letter_without_its_body_says_so(scene: Scene) -> None:
    _, offset = scene.stand.bury(dead(value=None))
    ada = scene.who(Role.ADMIN)
    assert "too large to keep" in ada.get(f"/operate/dead-letters/0/{offset}", **PAGE).text
    assert ada.get(f"/operate/dead-letters/0/{offset}/body", **PAGE).status_code == 404


def test_an_auditor_sees_no_way_to_send_again(scene: Scene) -> None:
    sees = scene.who(Role.AUDITOR)
    for path in ("/operate/dead-letters", "/operate/dead-letters/0/0"):
        text = sees.get(path, **PAGE).text
        assert "is for the role admin" in text and "confirm" not in text.replace("dead-letters/confirm\">", "")


def test_the_flow_is_a_picture_and_the_same_as_tables(scene: Scene) -> None:
    hangs = Seen("router@0", False, False, "it does not answer: it has ended, or hangs", {})
    scene.stand.flow = Now(look(hangs, reached=40))
    text = scene.who(Role.LEAD).get("/operate", **PAGE).text
    (picture,) = svgs(text)
    words = [each.text for each in picture.iter("text")]
    assert {"router", "does not answer", "120 wait", "12.3 /s"} <= set(words)
    assert len(picture.findall("g")) == 11 and len(picture.findall("path")) == 13
    assert "predictions[1]</span> 60" in text and "Look at router." in text
    assert text.count('hx-get="/operate/now"') == 1 and "data-live" in text


def test_brokers_that_are_away_are_told_on_the_page(scene: Scene) -> None:
    scene.stand.flow = Now(look(failure="No broker answered in time."))
    text = scene.who(Role.LEAD).get("/operate/now", **PAGE).text
    assert "The brokers cannot be asked" in text and "<html" not in text


def test_the_figures_are_charts_with_the_same_numbers_beside_them(scene: Scene) -> None:
    text = scene.who(Role.LEAD).get("/figures", **PAGE).text
    charts = svgs(text)
    assert len(charts) == 11 + 2
    assert "Not measured yet, because" in text and "90.0%" in text
    names = [title.text for chart in charts for title in chart.iter("title")]
    assert "Automation rate: 90.0%, target 85–95 %, met" in names
    assert len({chart.get("aria-labelledby") for chart in charts}) == len(charts), "each has a name of its own"


def test_hostile_names_of_workflows_are_text(scene: Scene) -> None:
    scene.stand.figures = Now(answer(workflows=(HOSTILE, "x" * 5_000), now=this_hour()))
    text = scene.who(Role.LEAD).get("/figures", **PAGE).text
    assert "<script>alert" not in text and "&lt;script&gt;" in text
    assert len(svgs(text)) == 26


def test_no_figures_yet_is_told(scene: Scene) -> None:
    scene.stand.figures = Now(answer(workflows=()))
    assert "No request is in the log yet" in scene.who(Role.LEAD).get("/figures", **PAGE).text


def test_what_cannot_be_asked_now_is_told_in_words(scene: Scene) -> None:
    scene.stand.figures.fails = InsightsAway()
    got = scene.who(Role.LEAD).get("/figures", **PAGE)
    assert got.status_code == 503 and "hitl up" in got.text
    scene.stand.flow.fails = LogUnavailable("No broker answered.")
    assert scene.who(Role.LEAD).get("/operate", **PAGE).status_code == 503
