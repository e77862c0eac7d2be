"""`hitl demo` as a newcomer runs it, small: it survives a killed one, ends right, and leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import httpx2
import msgspec
import pytest

from infra.local import processes
from infra.local.folders import Folders
from infra.local.state import read_state

pytestmark = [pytest.mark.integration, pytest.mark.long]

REQUESTS = {"content_moderation": 300, "loan_approval": 60}
SMALL = ("--posts", str(REQUESTS["content_moderation"]), "--applications", str(REQUESTS["loan_approval"]))
KPIS = {
    "automation_rate", "system_accuracy", "human_review_latency", "time_to_resolution", "cost_per_decision",
    "review_efficiency", "inter_annotator_agreement", "human_ai_agreement", "expert_validation_rate",
    "false_positive_rate", "learning_acceleration",
}  # fmt: skip


def demo(data: Path, *arguments: str, headless: bool = True) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "infra.cli.main", "demo", *(["--headless"] if headless else []), *arguments],
        env=os.environ | {"HITL_DATA_DIR": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines(stream: IO[str] | None) -> Iterator[str]:
    assert stream is not None
    return iter(stream.readline, "")


def wait_for(text: str, running: subprocess.Popen[str]) -> None:
    seen = []
    for line in lines(running.stderr):
        seen.append(line)
        if text in line:
            return
    raise AssertionError(f"it ended before it said {text!r}: {seen}")


def left(data: Path, folder: str = "demo-headless") -> list[int]:
    """Processes of the demo's stack that are still there."""
    state = read_state(Folders(data / folder).state)
    return [each.pid for each in (state.living() if state else ()) if processes.is_alive(each)]


def hitl(data: Path, *arguments: str) -> str:
    """What a command says that is typed after the demo, as its last page tells."""
    environment = os.environ | {"HITL_DATA_DIR": str(data / "demo")}
    command = [sys.executable, "-m", "infra.cli.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def check_desk(link: str) -> None:
    """The link signs a reviewer in, once, and there is a case for them that nobody else will answer."""
    url = link.partition("/sign-in")[0]
    headers = {"accept": "text/html", "origin": url}
    with httpx2.Client(base_url=url, headers=headers, follow_redirects=True, timeout=30) as browser:
        assert browser.get(link).status_code == 200
        session = browser.get("/session").json()
        assert session["person"]["roles"] == ["reviewer"]
        case = browser.post("/v1/cases:next", json={}, headers={"x-csrf-token": session["csrf"]}).json()
        assert case["request_id"].startswith("new-davidson-")
        answer = {"action": "approve", "decision_id": "newcomer:1", "lease": case["lease"], "review": case["review"]}
        path = f"/v1/cases/{case['request_id']}/decisions"
        said = browser.post(path, json=answer, headers={"x-csrf-token": session["csrf"]}).json()
        assert said["accepted"], said
        assert browser.get(link).status_code == 400, "it was good once"


def check_workflow(workflow: dict[str, Any], requests: int) -> None:
    """Every request was decided once, and every figure is there or says why not."""
    assert workflow["requests"] == workflow["outcomes"] == requests
    assert (workflow["open_cases"], workflow["open_audits"], workflow["dead_letters"]) == (0, 0, 0)
    assert workflow["automatic"] + workflow["reviewed"] + workflow["expert"] == requests
    assert workflow["reviewed"] > 0
    assert len(workflow["model_digests"]) == 1
    assert set(workflow["kpis"]) == KPIS
    for kpi in workflow["kpis"].values():
        assert {"value", "target", "met", "why_not"} <= set(kpi)
        assert (kpi["value"] is None) == (kpi["met"] is None)
        assert kpi["value"] is not None or kpi["why_not"]
    why = workflow["automation"]
    assert (why["decided"], why["automatic"], why["labels"]) == (requests, workflow["automatic"], [300])
    assert why["automatic"] <= why["sure"]
    assert why["sure"] + why["unsure"] == requests
    assert (why["unanswered"], why["simulated"]) == ({}, True)


def test_after_a_killed_demo_the_next_one_runs_to_its_end_and_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path, *SMALL) as killed:
        wait_for("services", killed)
        killed.kill()
    report = tmp_path / "report.json"
    with demo(tmp_path, *SMALL, "--rate", "300", "--report", str(report)) as running:
        said, told = running.communicate()
    assert running.returncode == 0, told
    made = msgspec.json.decode(report.read_bytes())
    assert set(made["workflows"]) == set(REQUESTS)
    for name, requests in REQUESTS.items():
        check_workflow(made["workflows"][name], requests)
    posts, loans = (made["workflows"][name] for name in REQUESTS)
    assert posts["automatic"] > 0
    assert loans["automatic"] < loans["reviewed"] + loans["expert"]  # so few labels make nobody sure of loans
    assert loans["kpis"]["cost_per_decision"]["value"] > posts["kpis"]["cost_per_decision"]["value"]
    total = sum(REQUESTS.values())
    reconciliation = made["reconciliation"]
    assert (reconciliation["requests"], reconciliation["missing"], reconciliation["double"]) == (total, 0, 0)
    assert made["decisions_per_second"] > 0
    assert made["seconds"] > 0
    assert {"kafka", "router", "simulated-people"} <= {each["name"] for each in made["demo"]["processes"]}
    assert f"reconciled: {total} records of requests, 0 missing, 0 double" in said
    for name, requests in REQUESTS.items():
        part = made["workflows"][name]["automatic"]
        sentence = f"{name}: {part:,} of {requests:,} ({part / requests:.1%}) decisions were automatic."
        assert sentence in " ".join(said.split())
    assert "automation rate" in said
    assert "sign-in/link" not in said + told
    assert left(tmp_path) == []
    assert not any((tmp_path / "demo-headless" / name).exists() for name in ("kafka", "models", "secrets", "logs"))


def test_with_a_principal_for_each_service_the_demo_is_right_and_leaves_the_desk_open(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    try:
        with demo(tmp_path, "--secure", *SMALL, "--rate", "300", "--report", str(report), headless=False) as running:
            said, told = running.communicate()
        assert running.returncode == 0, told
        (link,) = re.findall(r"^  (http://127\.0\.0\.1:\d+/sign-in/link\?token=\S+)$", told, re.MULTILINE)
        check_desk(link)
        assert "token=" not in said + report.read_text(), "a link is a secret"
        again = json.loads(hitl(tmp_path, "desk", "link", "--role", "lead", "--json"))
        assert again["roles"] == ["lead"]
        assert again["link"] != link
    finally:
        hitl(tmp_path, "down", "--purge", "--yes")
    made, total = msgspec.json.decode(report.read_bytes()), sum(REQUESTS.values())
    for name, requests in REQUESTS.items():
        check_workflow(made["workflows"][name], requests)
    reconciliation = made["reconciliation"]
    assert (reconciliation["requests"], reconciliation["missing"], reconciliation["double"]) == (total, 0, 0)
    assert f"reconciled: {total} records of requests, 0 missing, 0 double" in said
    assert left(tmp_path, "demo") == []


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        wait_for("services", running)
        pids = left(tmp_path)
        assert pids
        running.send_signal(signal.SIGINT)
        _, told = running.communicate()
    assert running.returncode == 130, told
    assert "interrupted" in told
    assert not any(processes.identify(pid) for pid in pids)


def test_a_report_that_could_not_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with demo(tmp_path, "--report", str(tmp_path / "none" / "report.json")) as refused:
        _, told = refused.communicate()
    assert refused.returncode == 1
    assert "report.json cannot be written" in told
    assert not (tmp_path / "demo-headless").exists()
