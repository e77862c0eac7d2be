"""The addresses of the operator's pages: flow, dead letters, figures."""

import time
import uuid
from collections.abc import Awaitable, Sequence
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from infra.cli.moments import moment, span
from infra.errors import HitlError
from infra.http.beside import Beside
from infra.http.problems import Problem
from infra.kafka.letters import NoDeadLetter, place_in
from infra.kafka.log import Record
from infra.kafka.scan import Entry, decoded
from producers.desk.pages.behind import Behind
from producers.desk.pages.operate import letters as words
from producers.desk.pages.operate.asking import Answers
from producers.desk.pages.operate.buried import Buried, Place
from producers.desk.pages.operate.figures import shown
from producers.desk.pages.operate.flow import flow_of
from producers.desk.pages.operate.looking import Look
from producers.desk.pages.operate.operating import ORDER, OnTheLog, Operating
from producers.desk.pages.operate.picture import BOX, HEIGHT, WIDTH, behind_text, picture_of, rate_text
from producers.desk.pages.operate.sending import MOST
from producers.desk.pages.shell import page, part
from producers.desk.signin.guard import require
from producers.desk.signin.roles import Deed, may

T = TypeVar("T")
SEE_OTHER: Final = 303
RETRY: Final = 2.0  # seconds
PATIENCE: Final = 15.0  # seconds
LETTERS: Final = "/operate/dead-letters"
Word = Annotated[str, Query(max_length=200)]
Places = Annotated[list[str] | None, Query(max_length=MOST)]
Partition = Annotated[int, Path(ge=0, lt=1 << 31)]
Offset = Annotated[int, Path(ge=0, lt=1 << 63)]
TEXTS: Final[dict[str, Any]] = {
    "moment": moment, "span": span, "rate_text": rate_text, "behind_text": behind_text,
    "place_text": words.place_text, "coordinates_text": words.coordinates_text,
}  # fmt: skip


def routes(behind: Behind) -> APIRouter:
    """All of them, on the brokers and on this machine."""
    return routes_over(OnTheLog(behind))


def routes_over(operating: Operating) -> APIRouter:
    """All of them; whatever blocks is asked beside the event loop, a few at once."""
    beside = Beside("looking at the log", threads=4, line=200, patience_seconds=PATIENCE)
    made = APIRouter(include_in_schema=False)
    _flow(made, operating, beside)
    _list(made, operating, beside)
    _sending(made, operating, beside)
    _one(made, operating, beside)
    _figures(made, operating, beside)
    return made


def _flow(made: APIRouter, operating: Operating, beside: Beside) -> None:
    def look() -> Look:
        return operating.flow.now()

    async def values() -> dict[str, Any]:
        flow = flow_of(await _told(beside.call(look)), ORDER)
        return TEXTS | {"flow": flow, "picture": picture_of(flow), "size": (WIDTH, HEIGHT), "box": BOX}

    @made.get("/operate")
    async def flow(request: Request) -> Response:
        """The stages as a picture and as a table."""
        require(request, Deed.SEE_FIGURES)
        return page(request, "operate/flow.html", title="Flow", **await values())

    @made.get("/operate/now")
    async def now(request: Request) -> Response:
        """What changes of it, for a page that is looked at."""
        require(request, Deed.SEE_FIGURES)
        return part(request, "operate/flow_now.html", **await values())


def _list(made: APIRouter, operating: Operating, beside: Beside) -> None:
    @made.get(LETTERS)
    async def letters(
        request: Request, reason: Word = "", stage: Word = "", topic: Word = "", before: str = ""
    ) -> Response:
        """The newest first."""
        session = require(request, Deed.SEE_DEAD_LETTERS)
        only, older = words.Filter(reason, stage, topic), _cursor(before)
        found = await _told(
            beside.call(lambda: words.listed(operating.letters.look(older), only, operating.letters.sent.known()))
        )
        asked = {name: value for name, value in only._asdict().items() if value}
        return page(
            request, "operate/letters.html", title="Dead letters", found=found, only=only, before=before,
            may_send=may(session.person.roles, Deed.REPLAY_DEAD_LETTERS) is None,
            older=f"{LETTERS}?{urlencode(asked | {'before': found.older})}" if found.older else "", **TEXTS,
        )  # fmt: skip


def _one(made: APIRouter, operating: Operating, beside: Beside) -> None:
    def look(place: Place) -> words.Whole:
        letter = _letter(operating, place)
        newest, sent = operating.letters.look().letters, operating.letters.sent.known()
        return words.whole(letter, sent, newest, operating.codec, _said(letter, operating))

    @made.get(LETTERS + "/{partition}/{offset}")
    async def letter(request: Request, partition: Partition, offset: Offset) -> Response:
        """One of them whole."""
        session = require(request, Deed.SEE_DEAD_LETTERS)
        found = await _told(beside.call(lambda: look((partition, offset))))
        return page(
            request, "operate/letter.html", title=f"Dead letter {partition}:{offset}", letter=found,
            may_send=may(session.person.roles, Deed.REPLAY_DEAD_LETTERS) is None, **TEXTS,
        )  # fmt: skip

    @made.get(LETTERS + "/{partition}/{offset}/body")
    async def body(request: Request, partition: Partition, offset: Offset) -> Response:
        """Its body as it was, to be kept as a file: nothing of it is shown or run."""
        require(request, Deed.SEE_DEAD_LETTERS)
        found = await _told(beside.call(lambda: _letter(operating, (partition, offset))))
        if found.dead.original_value is None:
            raise Problem(404, "The body was too large to keep; ask its sender for it.", reason="not_kept")
        headers = {"content-disposition": f'attachment; filename="dead-letter-{partition}-{offset}.bin"'}
        return Response(found.dead.original_value, headers=headers, media_type="application/octet-stream")


def _sending(made: APIRouter, operating: Operating, beside: Beside) -> None:
    def rows(places: Sequence[Place]) -> list[words.Row]:
        sent = operating.letters.sent.known()
        return [words.row(_letter(operating, place), sent) for place in places]

    @made.get(LETTERS + "/confirm")
    async def confirm(request: Request, place: Places = None) -> Response:
        """What would be sent again, before it is."""
        require(request, Deed.REPLAY_DEAD_LETTERS)
        places = _places(place or [])
        found = await _told(beside.call(lambda: rows(places)))
        protections = [said for topic, said in words.DECIDED_ONCE.items() if topic in {row.topic for row in found}]
        return page(
            request, "operate/confirm.html", title="Send again", rows=found, act=uuid.uuid4().hex,
            protections=protections, **TEXTS,
        )  # fmt: skip

    @made.post(LETTERS + "/replay")
    async def replay(request: Request) -> Response:
        """Send them again, then tell what became of each."""
        session = require(request, Deed.REPLAY_DEAD_LETTERS)
        form = await _form(request)
        places, act = _places(form.get("place", [])), _one_of(form, "act")
        again = "again" in form
        told = await _told(
            beside.call(
                lambda: operating.sending.send(places, who=session.person.reviewer_id, act=act, again=again)
            )
        )
        if all(each.done for each in told):
            query = urlencode({"place": [words.place_text(each.place) for each in told]}, doseq=True)
            return RedirectResponse(f"{LETTERS}/sent?{query}", SEE_OTHER)
        title = "Not all was sent again"
        return page(request, "operate/sent.html", title=title, told=told, rows=[], status=409, **TEXTS)

    @made.get(LETTERS + "/sent")
    async def sent(request: Request, place: Places = None) -> Response:
        """What the log says of those that were sent again."""
        require(request, Deed.SEE_DEAD_LETTERS)
        places = _places(place or [])
        found = await _told(beside.call(lambda: rows(places)))
        return page(request, "operate/sent.html", title="Sent again", told=[], rows=found, **TEXTS)


def _figures(made: APIRouter, operating: Operating, beside: Beside) -> None:
    def ask() -> Answers:
        return operating.figures.now()

    @made.get("/figures")
    async def figures(request: Request) -> Response:
        """Every figure of each workflow against its target, and by hour."""
        require(request, Deed.SEE_FIGURES)
        answers = await _told(beside.call(ask))
        found = shown(answers.whole, answers.hours, now=time.time_ns() // 1_000_000)
        return page(request, "operate/figures.html", title="Figures", found=found, **TEXTS)


async def _told(asked: Awaitable[T]) -> T:
    """The answer. Raises `Problem` with the sentence of what stands in the way."""
    try:
        return await asked
    except NoDeadLetter as error:
        raise Problem(404, str(error), reason="no_dead_letter") from error
    except HitlError as error:
        raise Problem(503, str(error), reason="not_now", retry_seconds=RETRY) from error


def _letter(operating: Operating, place: Place) -> Buried:
    found = operating.letters.at(place)
    if found is None:
        name = words.place_text(place)
        raise NoDeadLetter(f"There is no dead letter at {name}; go back to the list and choose one.")
    return found


def _said(letter: Buried, operating: Operating) -> Entry | None:
    """The body of a dead letter as the event that it may hold."""
    dead, origin = letter.dead, letter.dead.origin
    if dead.original_value is None:
        return None
    where = (origin.topic, origin.partition, origin.offset, dead.original_timestamp)
    return decoded(Record(*where, dead.original_key, dead.original_value), operating.codec)


def _cursor(text: str) -> dict[int, int] | None:
    try:
        return dict(words.cursor_in(text)) if text else None
    except words.CursorInvalid as error:
        raise Problem(422, "This is no place in the list: go back and use its own links.", reason="cursor") from error


def _places(given: Sequence[str]) -> list[Place]:
    if not given:
        raise Problem(422, "No dead letter was chosen: go back and choose at least one.", reason="none_chosen")
    if len(given) > MOST:
        raise Problem(422, f"At most {MOST} can be sent again at once: choose fewer.", reason="too_many")
    try:
        return list(dict.fromkeys(place_in(each) for each in given))
    except NoDeadLetter as error:
        raise Problem(422, f"{error} Go back and choose from the list.", reason="no_place") from error


async def _form(request: Request) -> dict[str, list[str]]:
    try:
        return parse_qs((await request.body()).decode(), keep_blank_values=True, max_num_fields=4 * MOST)
    except ValueError as error:
        raise Problem(422, "The form cannot be read: go back and send it again.", reason="form") from error


def _one_of(form: dict[str, list[str]], name: str) -> str:
    given = form.get(name, [])
    if len(given) != 1 or not (given[0].isascii() and given[0].isalnum()) or len(given[0]) > 64:
        raise Problem(422, "The form is not one of ours: go back, load the page anew, and send it.", reason="form")
    return given[0]

