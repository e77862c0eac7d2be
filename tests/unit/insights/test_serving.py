"""The HTTP view without Faust: where it may listen, what it answers, and that it tells of one log only."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from infra.errors import SettingsInvalid
from infra.settings import INSIGHTS_FILE, Settings
from streams.insights.answers import Question, Source, WindowsRefused, answered
from streams.insights.asking import InsightsAway, asked
from streams.insights.serving import Serving, bound, build, moment
from streams.insights.store import Snapshot, ViewWriter
from streams.insights.windows import Width
from tests.support.people_log import PeopleLog

SOURCE = Source(bootstrap_servers="127.0.0.1:9092", topic_prefix="hitl.")


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    people = PeopleLog()
    for number in range(40):
        people.move("tally", "a", number)
        people.move("open", f"case-{number}", number)
        people.move("answer", f"case-{number}", number)
    writer = ViewWriter(tmp_path / "view", origin="test")
    writer.apply(people.entries)
    yield writer.path
    writer.close()


def test_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    for address in ("0.0.0.0:0", "192.0.2.1:8089", "[::]:0"):
        with pytest.raises(SettingsInvalid, match="proxy"):
            bound(Settings(data_dir=tmp_path, insights_address=address))


def test_the_default_address_gives_way_and_a_named_one_does_not(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsInvalid, match="free port"):
            bound(Settings(data_dir=tmp_path, insights_address=f"127.0.0.1:{port}"))
    first, second = (bound(Settings(data_dir=tmp_path)) for _ in range(2))
    assert first.getsockname() != second.getsockname()
    first.close()
    second.close()


def test_a_restart_keeps_its_port(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, insights_address="127.0.0.1:0")
    first = bound(settings)
    port = first.getsockname()[1]
    first.close()
    (tmp_path / INSIGHTS_FILE).parent.mkdir()
    (tmp_path / INSIGHTS_FILE).write_text(f"127.0.0.1:{port}")
    again = bound(settings)
    assert again.getsockname()[1] == port
    again.close()


def test_it_says_that_it_is_not_ready_and_answers_to_localhost_only(path: Path) -> None:
    complete: list[float | None] = [None]
    with TestClient(build(path, SOURCE, lambda: complete[0]), base_url="http://127.0.0.1:8089") as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == client.get("/v1/kpis").status_code == 503
        complete[0] = time.time() - 3
        assert client.get("/ready").status_code == 200
        answer = client.get("/v1/kpis").json()
        assert 3 <= answer["as_of"]["stale_seconds"] < 60
        assert answer["as_of"]["positions"]["tallies[0]"] == 39
        assert client.get("/v1/kpis", headers={"host": "evil.example"}).status_code == 421
        assert client.get("/v1/kpis", headers={"host": "[::1]:8089"}).status_code == 200


def test_a_slip_in_the_question_is_refused_and_not_passed_over(path: Path) -> None:
    with TestClient(build(path, SOURCE, time.time), base_url="http://127.0.0.1:8089") as client:
        assert client.get("/v1/kpis?window=hour&workflow=a").status_code == 200
        slip = client.get("/v1/kpis?windw=hour")
        assert (slip.status_code, "'windw'" in slip.json()["detail"]) == (422, True)


def test_windows_of_every_width_add_up_to_the_whole(path: Path) -> None:
    now = 1_700_000_000.0 + 86_400
    with Snapshot(path) as view:

        def system(question: Question) -> list[int]:
            found = answered(question, view, source=SOURCE, complete_at=now, now=now).windows
            return [each.workflows["moderation"].system.answers for each in found]

        (whole,) = system(Question())
        assert whole > 10
        for width in (Width.MINUTE, Width.HOUR, Width.DAY):
            windows = system(
                Question(width=width, since=1_700_000_000_000 - 60_000, until=1_700_000_000_000 + 86_000_000)
            )
            assert sum(windows) == whole
        assert system(Question(since=0)) == [whole]
        assert (
            answered(Question(workflow="other"), view, source=SOURCE, complete_at=now, now=now).windows[0].workflows
            == {}
        )


@pytest.mark.parametrize(
    "question",
    [
        Question(width=Width.MINUTE, since=0, until=1_700_000_000_000),
        Question(since=5, until=4),
        Question(width=Width.DAY, since=86_400_000, until=5),
    ],
)
def test_spans_that_cannot_be_answered_are_refused(path: Path, question: Question) -> None:
    with Snapshot(path) as view, pytest.raises(WindowsRefused):
        answered(question, view, source=SOURCE, complete_at=None, now=1_700_000_000.0)


def test_moments_are_milliseconds_or_iso_8601() -> None:
    assert moment("2023-11-14T22:13:20+00:00") == moment("2023-11-14T22:13:20") == moment("1700000000000")


def test_the_asker_takes_no_answer_about_another_log(path: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, insights_address="127.0.0.1:0", bootstrap_servers="127.0.0.1:9092")
    with pytest.raises(InsightsAway, match="hitl up"):
        asked(settings)
    serving = Serving(settings, build(path, SOURCE, time.time))
    serving.start()
    try:
        assert "moderation" in asked(settings).windows[0].workflows
        other = settings.with_changes(topic_prefix="other.")
        with pytest.raises(InsightsAway, match="not of the one that the settings name"):
            asked(other)
        with pytest.raises(InsightsAway, match="no moment"):
            asked(settings, **{"from": "yesterday"})
    finally:
        serving.stop()
    with pytest.raises(InsightsAway):
        asked(settings)


def test_an_answer_survives_its_own_json(path: Path) -> None:
    with Snapshot(path) as view:
        answer = answered(Question(), view, source=SOURCE, complete_at=1.0, now=2.0)
    assert msgspec.json.decode(msgspec.json.encode(answer), type=type(answer)) == answer
