"""The parts of the demo that need no Kafka: its folder, its commands, what it measures, its last page."""

import csv
import io
import os
import subprocess
import sys
import time
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from infra.local import processes
from infra.local.demo import demo
from infra.local.demo_commands import Commands, StepFailed, end_remembered
from infra.local.demo_desk import MINUTES, Invitation, invitation_page
from infra.local.demo_end import Measured, costs, how_to_go_on, with_measures
from infra.local.demo_folder import POLICY_VARIABLES, DemoRunning, demo_settings, forget_settings, only_demo
from infra.local.demo_processes import seconds, uses
from infra.local.demo_workflows import MOST_APPLICATIONS, SEED, demo_workflows
from infra.settings import Settings
from producers.desk.signin.links import TERM
from producers.simulate.command import simulate
from producers.simulate.people import Panel
from producers.simulate.recorded import DavidsonVotes, GermanCreditOutcomes, RecordedAnswers
from producers.simulate.service import crowd_of
from streams.workflow.policies import OVERRIDES
from streams.workflow.types import parse_workflow

MEASURED = Measured(
    seconds=9.5, phases={"start": 2.0}, processes=[], memory_mib=0.0, automatic_by_model={"m": 3},
    workflow_of_model={"m": "w"}, published_at_promotions=[],
)  # fmt: skip


def test_a_demo_never_uses_the_users_cluster_or_data(tmp_path: Path) -> None:
    users = Settings(
        data_dir=tmp_path, bootstrap_servers="kafka.example:9093", model_store="s3://ours", kafka={"a": "b"}
    )
    made = demo_settings(users, headless=False)
    assert made.bootstrap_servers == Settings().bootstrap_servers
    assert made.data_dir == tmp_path / "demo"
    assert made.model_store == str(tmp_path / "demo" / "models")
    assert made.kafka == {}
    assert made.security == "off"
    assert demo_settings(users.with_changes(security="on"), headless=False).security == "on"
    assert demo_settings(users, headless=True).data_dir != made.data_dir
    environ = {"HITL_KAFKA_SECURITY_PROTOCOL": "SSL", "HITL_JAVA": "/j", "HITL_PEOPLE_SEED": "2", "PATH": "/bin"}
    forget_settings(environ)
    assert environ == {"HITL_JAVA": "/j", "HITL_PEOPLE_SEED": "2", "PATH": "/bin"}


def test_a_demo_decides_by_its_own_policy_whatever_the_users_shell_holds() -> None:
    assert set(POLICY_VARIABLES) == set(OVERRIDES)
    environ = {"PATH": "/bin"} | dict.fromkeys(OVERRIDES, "0.5")
    forget_settings(environ)
    assert environ == {"PATH": "/bin"}


def test_the_demos_policy_is_accepted_and_says_what_decisions_cost() -> None:
    for folder, name in (("infra.local", "demo"), ("streams.workflow", "loan_approval")):
        rates = parse_workflow(files(folder).joinpath(f"{name}.toml").read_text()).costs
        assert rates is not None
        assert rates.automatic < rates.review < rates.expert


def test_two_demos_in_one_folder_are_refused(tmp_path: Path) -> None:
    with only_demo(tmp_path), pytest.raises(DemoRunning, match="another demo runs"), only_demo(tmp_path):
        pass
    with only_demo(tmp_path):
        pass


def test_a_command_that_fails_is_named_with_its_own_words_and_its_log(tmp_path: Path) -> None:
    commands = Commands(Settings(data_dir=tmp_path), tmp_path / "demo.log", columns=80)
    said = commands.run("run", "--help").said
    assert "Usage: hitl run" in said
    with pytest.raises(StepFailed, match=r"`hitl run no-such --json` .* status 78: there is no service .*demo\.log"):
        commands.run("run", "no-such", "--json")
    assert commands.run("run", "no-such", accept=(78,)).status == 78


def test_of_commands_side_by_side_the_one_that_fails_is_named(tmp_path: Path) -> None:
    commands = Commands(Settings(data_dir=tmp_path), tmp_path / "demo.log", columns=80)
    commands.run_together(("run", "--help"), ("simulate", "--help"))
    with pytest.raises(StepFailed, match=r"`hitl run no-such --json` .* status 78"):
        commands.run_together(("run", "--help"), ("run", "no-such", "--json"), ("simulate", "--help"))
    commands.end()


def test_a_command_beside_ends_with_the_demo_and_after_a_killed_one(tmp_path: Path) -> None:
    commands = Commands(Settings(data_dir=tmp_path), tmp_path / "demo.log", columns=80)
    asleep = [commands.start("watch") for _ in range(2)]
    end_remembered(tmp_path)
    assert not any(processes.identify(each.pid) for each in asleep)
    again = commands.start("watch")
    commands.end()
    assert again.returncode is not None


def test_use_is_measured_of_living_processes_only() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        gone.wait()
        ended = time.process_time() + 0.1
        while time.process_time() < ended:
            pass
        found = uses({"me": os.getpid(), "gone": gone.pid})
    assert [each.name for each in found] == ["me"]
    assert 5 < found[0].memory_mib < 10_000
    assert found[0].cpu_seconds >= 0.1


def test_times_of_ps_are_read() -> None:
    assert [seconds(text) for text in ("0:00.07", "12:03.00", "1:00:00", "2-00:00:01")] == [0.07, 723, 3_600, 172_801]


def test_the_report_keeps_what_the_log_says_and_adds_what_was_measured() -> None:
    report = b'{"workflows": {"w": {"kpis": {"x": {"value": null}}}}, "seconds": 1.50}'
    made = msgspec.json.decode(with_measures(report, MEASURED))
    assert made["workflows"] == {"w": {"kpis": {"x": {"value": None}}}}
    assert made["seconds"] == 1.5
    assert made["demo"]["phases"] == {"start": 2.0}


def test_the_help_names_what_is_assumed_about_people() -> None:
    told = " ".join((demo.help or "").split())
    assert f"HITL_PEOPLE_LOAN_ERROR_RATE, {crowd_of({}).loan_error_rate} by default" in told


def test_models_that_were_swapped_are_told_by_workflow() -> None:
    used = msgspec.structs.replace(
        MEASURED,
        automatic_by_model={"first": 30, "second": 20, "only": 1},
        workflow_of_model={"first": "posts", "second": "posts", "only": "loans"},
    )
    said = costs(used)
    assert "automatic decisions of posts by model, swapped while it ran: first 30, second 20" in said
    assert "loans" not in said


def test_each_workflow_of_the_demo_has_files_of_its_own_and_flows_as_long_as_the_others(tmp_path: Path) -> None:
    posts, loans = demo_workflows(posts=6_000, applications=700, rate=150.0)
    assert loans.requests / loans.rate == pytest.approx(posts.requests / posts.rate)
    assert len({each(tmp_path) for one in (posts, loans) for each in (one.seed, one.stream)}) == 4
    assert posts.simulate(tmp_path)[:2] == ("simulate", "davidson")
    with posts.policy_file() as own, loans.policy_file() as shipped:
        shown = parse_workflow(Path(own).read_text())
        assert shown.name == posts.name and shown.desk.question and shown.desk.reason_codes
        assert parse_workflow(files("streams.workflow").joinpath(f"{shipped}.toml").read_text()).name == loans.name


def test_the_recorded_requests_of_the_demo_are_enough(tmp_path: Path) -> None:
    for workflow in demo_workflows(posts=6_000, applications=MOST_APPLICATIONS, rate=150.0):
        command = [word for word in workflow.simulate(tmp_path)[1:] if word != "--json"]
        simulate.main(command, standalone_mode=False)
        assert workflow.stream(tmp_path).read_text().count("\n") > workflow.requests
        seed = {line.split(",")[0] for line in workflow.seed(tmp_path).read_text().splitlines()}
        assert len(seed) > SEED


def test_the_last_lines_are_the_link_and_how_to_get_another() -> None:
    link = "http://127.0.0.1:8090/sign-in/link?token=secret"
    invitation = Invitation(cases=1_234, reviewer="ann", link=link)
    said = invitation_page(invitation).splitlines()
    assert f"  {link}" in said, "by itself, so that it can be clicked"
    whole = " ".join(said)
    assert "1,234 cases wait for you" in whole
    assert "as ann, a reviewer, once and within 5 minutes" in whole
    assert "hitl desk link --role reviewer" in whole
    assert TERM == MINUTES * 60_000
    assert "secret" not in repr(invitation)
    for count, words in ((0, "no case waits"), (1, "1 case waits")):
        assert words in invitation_page(replace(invitation, cases=count))


def test_what_is_left_to_you_is_known_to_no_simulated_person(tmp_path: Path) -> None:
    votes = RecordedAnswers(DavidsonVotes(), GermanCreditOutcomes(0.0))
    for workflow in demo_workflows(posts=6_000, applications=MOST_APPLICATIONS, rate=150.0):
        simulate.main([word for word in workflow.simulate(tmp_path)[1:] if word != "--json"], standalone_mode=False)
        left, stream = (
            list(csv.DictReader(io.StringIO(file(tmp_path).read_text()))) for file in (workflow.left, workflow.stream)
        )
        assert len({row["id"] for row in left}) == workflow.new
        assert set(left[0]) == set(stream[0])
        assert all(votes.answer(row["id"], Panel.ONE, seed=1) is None for row in left)
        assert workflow.publish_left(tmp_path)[:2] == ("publish", str(workflow.left(tmp_path)))


def test_the_last_page_says_where_the_stack_is(tmp_path: Path) -> None:
    said = how_to_go_on(tmp_path / "demo", "post-1")
    assert f"export HITL_DATA_DIR={tmp_path / 'demo'}" in said
    assert "hitl audit show post-1" in said
