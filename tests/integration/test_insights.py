"""The view of the figures behind the whole pipeline, hurt under load: what it shows is what the log says."""

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consumers.audit.report import REPORTED_TOPICS, report
from infra.kafka.publisher import publish
from infra.kafka.scan import Entry, scan
from infra.local.services import command, environment
from infra.settings import INSIGHTS_FILE
from schemas import events as e
from schemas.topics import ASSIGNMENTS, FEEDBACK, TALLIES, Topic
from schemas.values import CaseStage, Coordinates, OffsetRange, Priority, TallyRow
from streams.insights.fold import FOLDED
from streams.insights.serving import run_file
from streams.insights.store import Snapshot, folder_of
from tests.support.history import History
from tests.support.stand import STAGES, Stand, wait_until
from tests.support.sums import Rows, Truth
from tests.support.traffic import CODEC, WORKFLOW, requests

pytestmark = [pytest.mark.integration, pytest.mark.long]
BY_EVERY_TIME = ("median", "p95")  # details that only a reading of the whole log gives


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("insights"), insights_address="127.0.0.1:0")
    try:
        stand.up([*STAGES, "insights"])
        stand.publish_policy()
        stand.teach()
        yield stand
    finally:
        stand.down()


def ask(stand: Stand, question: str = "/v1/kpis") -> Any:
    address = (stand.settings.data_dir / INSIGHTS_FILE).read_text()
    with urllib.request.urlopen(f"http://{address}{question}", timeout=10) as answer:
        return msgspec.json.decode(answer.read())


def answers(stand: Stand, question: str) -> bool:
    try:
        ask(stand, question)
    except (OSError, urllib.error.HTTPError):
        return False
    return True


def kept(path: Path) -> Rows:
    with Snapshot(path) as view:
        found = view._db.execute("select * from sums where count!=0 or total!=0").fetchall()
    return {(row[0], row[1], row[2], row[3]): (row[4], row[5]) for row in found}


def check(stand: Stand, history: History, slot: str = "0") -> None:
    """Wait until the view of a replica has applied all of this history; then it says what the log says, sum by sum."""
    entries = [entry for topic in FOLDED for entry in history.entries(topic)]
    last = {f"{each.topic}[{each.partition}]": each.offset for each in entries}
    path = folder_of(stand.settings.data_dir, slot) / "view.db"

    def is_there() -> bool:
        if not path.exists():
            return False
        try:
            with Snapshot(path) as view:
                positions = view.positions()
        except sqlite3.OperationalError:  # its tables are being made
            return False
        return all(positions.get(place, -1) >= offset for place, offset in last.items())

    wait_until(is_there, what=f"the view of replica {slot} at the end of the log")
    in_order = sorted(entries, key=lambda each: (each.topic, each.partition, each.offset))
    assert kept(path) == Truth(in_order).rows


def repeat(stand: Stand, entries: list[Entry]) -> None:
    """Records once more, in a transaction that commits: what a producer that is not idempotent leaves."""
    producer = stand.log.producer(transactional_id="repeating")
    producer.begin()
    for entry in entries:
        producer.send(entry.topic, entry.key, entry.value, entry.partition)
    producer.commit()
    producer.close()


def abort(stand: Stand, number: int) -> None:
    """Records that never were."""
    producer = stand.log.producer(transactional_id="aborting")
    producer.begin()
    for topic, event in ghosts(number):
        out = topic.message(event)
        producer.send(out.topic, out.key, CODEC.encode(event), None)
    producer.flush()
    time.sleep(0.2)
    producer.abort()
    producer.close()


def ghosts(number: int) -> Iterator[tuple[Topic[Any], Any]]:
    place = Coordinates(topic="review.normal", partition=0, offset=0)
    for each in range(20):
        yield ASSIGNMENTS, e.CaseOpened(
            event_id=f"case:ghost-{number}-{each}:1", request_id=f"ghost-{number}-{each}", workflow=WORKFLOW,
            sequence=1, revision=1, cause=place, occurred_at=1, stage=CaseStage.HUMAN, review=place,
            priority=Priority.NORMAL, sealed=b"",
        )  # fmt: skip
    yield TALLIES, overlapping(OffsetRange(topic="predictions", partition=0, first=0, last=1 << 40), number)


def overlapping(span: OffsetRange, number: int) -> e.StageTallied:
    """A tally of the router over records that it counted before, and cut otherwise."""
    row = TallyRow(workflow=WORKFLOW, minute=0, action="auto_approve", count=1_000, milliseconds=1)
    return e.StageTallied(
        event_id=f"overlapping:{number}", stage="router", slot="0", ranges=(span,), rows=(row,), occurred_at=0
    )


def hurt(stand: Stand, number: int) -> None:
    """Repeats, overlapping tallies and an aborted transaction, in the middle of the traffic."""
    history = stand.history()
    some = [history.entries(topic)[number::7] for topic in (ASSIGNMENTS.name, "audits", FEEDBACK.name, TALLIES.name)]
    repeat(stand, list(chain.from_iterable(some)))
    spans = [span for each in history.events(TALLIES.name) if each.stage == "router" for span in each.ranges]
    if spans:
        widest = max(spans, key=lambda span: span.last - span.first)
        again = msgspec.structs.replace(widest, last=widest.first + (widest.last - widest.first) // 2)
        publish(stand.log, CODEC, [TALLIES.message(overlapping(again, number))])
    abort(stand, number)


def test_killed_and_hurt_in_mid_work_the_view_is_what_the_log_says(stand: Stand) -> None:
    before = stand.process("insights").restarts
    stand.drive(
        requests(1, 500, partitions=stand.partitions, name="view"),
        seconds=7,
        acts=[
            *((moment, partial(stand.kill, "insights")) for moment in (1.2, 2.6, 4.2, 5.6)),
            *((moment, partial(hurt, stand, number)) for number, moment in enumerate((2.0, 3.6, 5.2), 1)),
        ],
    )
    history = stand.quiet()
    check(stand, history)
    assert stand.process("insights").restarts >= before + 4
    wait_until(lambda: answers(stand, "/ready"), what="the view being ready")
    found = ask(stand)
    assert found["as_of"]["repeated_tallies"] > 0
    assert found["as_of"]["unreadable"] == 0


def test_a_second_replica_that_joins_and_leaves_disturbs_nothing(stand: Stand) -> None:
    settings = stand.settings
    began = ask(stand)["as_of"]["complete_at"]
    restarts = stand.process("insights").restarts
    with subprocess.Popen(command("insights@1"), env=environment(settings), stderr=subprocess.DEVNULL) as second:
        stand.drive(requests(2, 200, partitions=stand.partitions, name="two"), seconds=3)
        history = stand.quiet()
        check(stand, history)
        check(stand, history, slot="1")
        second.terminate()
        assert second.wait(60) == 0
    stand.drive(requests(3, 100, partitions=stand.partitions, name="one"), seconds=1)
    check(stand, stand.quiet())
    assert stand.process("insights").restarts == restarts
    assert ask(stand)["as_of"]["complete_at"] > began


def test_a_second_process_in_the_slot_is_refused(stand: Stand) -> None:
    ended = subprocess.run(
        command("insights"), env=environment(stand.settings), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 78
    assert "Another insights process keeps this view" in ended.stderr


def test_what_faust_loses_is_noticed_and_read_again(stand: Stand) -> None:
    settings = stand.settings.with_changes(slot="2")
    losing = subprocess.Popen(
        [sys.executable, "-m", "tests.support.losing"],
        env=environment(settings), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    runs = itertools.count()

    def has_ended() -> bool:
        """It loses what comes once it has joined, which may take a while."""
        stand.drive(requests(5, 20, partitions=stand.partitions, name=f"lost-{next(runs)}"), seconds=1)
        return losing.poll() is not None

    try:
        wait_until(has_ended, seconds=120, what="the end of the replica that lost a run")
    finally:
        losing.kill()
    said, history = losing.communicate()[1], stand.quiet()
    assert losing.returncode == 70, said
    assert "were lost between offsets" in said or "never arrived" in said
    with subprocess.Popen(command("insights@2"), env=environment(settings), stderr=subprocess.DEVNULL) as whole:
        check(stand, history, slot="2")
        whole.terminate()
        assert whole.wait(60) == 0
    file = run_file(settings)
    for moment in (0.0, 0.3, 0.6, 1.2):  # of its start, at which it is told to end
        file.unlink()
        with subprocess.Popen(command("insights@2"), env=environment(settings), stderr=subprocess.DEVNULL) as early:
            wait_until(file.exists, what="the replica listening")
            time.sleep(moment)
            early.terminate()
            assert early.wait(60) == 0


def test_the_figures_are_those_of_the_whole_log(stand: Stand) -> None:
    """The view counts by tallies and cases, `hitl audit report` by every outcome: they must agree."""
    check(stand, stand.quiet())
    entries = scan(stand.log, CODEC, REPORTED_TOPICS)
    made = report(entries, partitions=stand.partitions).workflows[WORKFLOW]
    wait_until(lambda: answers(stand, "/ready"), what="the view being ready")
    (whole,) = ask(stand, f"/v1/kpis?workflow={WORKFLOW}")["windows"]
    figures = whole["workflows"][WORKFLOW]
    offline = msgspec.to_builtins(made.kpis)
    for kpi in offline.values():
        for name in BY_EVERY_TIME:
            kpi["details"].pop(name, None)
    assert figures["kpis"] == offline
    system = figures["system"]
    assert system["decided"] == made.automatic + made.reviewed + made.expert > 500
    assert (system["automatic"], system["reviewed"], system["decided_by_expert"]) == (
        made.automatic, made.reviewed, made.expert,
    )  # fmt: skip
    assert (system["amended"], system["upheld"]) == (made.amended, made.upheld)
    assert system["overturn_rate"] == made.overturn_rate
    assert system["promotions"] == made.promotions
    assert system["open_cases"] + system["open_audits"] == made.open_cases + made.open_audits + made.open_second_looks


def test_windows_add_up_to_the_whole(stand: Stand) -> None:
    (whole,) = ask(stand)["windows"]
    decided = whole["workflows"][WORKFLOW]["system"]["decided"]
    for width in ("minute", "hour", "day"):
        windows = ask(stand, f"/v1/kpis?window={width}&workflow={WORKFLOW}")["windows"]
        assert sum(each["workflows"][WORKFLOW]["system"]["decided"] for each in windows if each["workflows"]) == decided
    start, end = windows[0]["start"], windows[-1]["end"]
    (span,) = ask(stand, f"/v1/kpis?from={start}&to={end}")["windows"]
    assert span["workflows"][WORKFLOW]["system"]["decided"] == decided


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("/v1/kpis?window=week", 422),
        ("/v1/kpis?from=yesterday", 422),
        ("/v1/kpis?window=minute&from=0", 422),
        ("/v1/kpis?from=5&to=6&window=hour", 200),
        ("/v1/kpis?from=9999999999999&to=5", 422),
        ("/v1/nothing", 404),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(stand: Stand, question: str, status: int) -> None:
    try:
        found, said = 200, {"detail": ask(stand, question)}
    except urllib.error.HTTPError as error:
        found = error.code
        said = msgspec.json.decode(error.read())
    assert (found, bool(said["detail"])) == (status, True)


def hitl(stand: Stand, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("HITL_")}
    return subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *words],
        env=environ | {"HITL_DATA_DIR": str(stand.settings.data_dir)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_hitl_kpis_asks_the_view_and_reads_the_log_when_it_is_away(stand: Stand) -> None:
    (whole,) = ask(stand)["windows"]
    viewed = hitl(stand, "kpis", "--json")
    assert msgspec.json.decode(viewed.stdout) == {name: each["kpis"] for name, each in whole["workflows"].items()}
    shown = hitl(stand, "kpis", "--system")
    assert "automation rate" in shown.stdout and "active reviewers" in shown.stdout and " ago" in shown.stdout
    watching = subprocess.Popen(
        [sys.executable, "-m", "infra.cli.main", "kpis", "--watch", "--window", "day", "--json"],
        env=os.environ | {"HITL_DATA_DIR": str(stand.settings.data_dir)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert watching.stdout is not None
    pictures, given_up = 0, threading.Timer(60, watching.kill)  # of a workflow each
    given_up.start()
    for line in watching.stdout:
        pictures += line.count('"automation_rate"')
        if pictures >= 2 * len(whole["workflows"]):
            break
    given_up.cancel()
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=60)
    assert watching.returncode == 0 and pictures >= 2 * len(whole["workflows"])

    read = msgspec.json.decode(hitl(stand, "kpis", "--from-log", "--json").stdout)
    (stand.settings.data_dir / INSIGHTS_FILE).write_text("127.0.0.1:1")  # as if it had been there
    away = hitl(stand, "kpis", "--json")
    assert (away.returncode, msgspec.json.decode(away.stdout)) == (0, read)
    assert read[WORKFLOW]["automation_rate"] == whole["workflows"][WORKFLOW]["kpis"]["automation_rate"]
    refused = hitl(stand, "kpis", "--window", "hour")
    assert (refused.returncode, "hitl up" in refused.stderr) == (1, True)


def test_the_broker_may_go_and_come_back(stand: Stand) -> None:
    """Last: the stages take longer to come back than the view."""
    restarts = stand.process("insights").restarts
    stand.kill("kafka")
    stand.publish(topic.message(event) for topic, event in islice(ghosts(99), 5))
    check(stand, stand.history())
    assert stand.process("insights").restarts == restarts
