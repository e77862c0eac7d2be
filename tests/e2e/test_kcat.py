"""The recipes for kcat and `hitl topics read` on the page for readers, as they stand there, on a log with records."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.kafka.publisher import publish
from schemas.catalogue import README
from schemas.publishing import HERE
from schemas.topics import REQUESTS
from tests.support.foreign import PEOPLE, missing
from tests.support.stand import Stand, wait_until
from tests.support.traffic import CODEC, request

pytestmark = pytest.mark.integration
ROOT = HERE.parent


def recipes(program: str) -> list[str]:
    """The commands of the page that begin with a program, those over several lines in one piece."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith(program)]


def run(command: str, stand: Stand) -> str:
    settings = stand.settings
    there = {
        **os.environ, "BROKER": settings.bootstrap_servers, "HITL_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "HITL_TOPIC_PREFIX": settings.topic_prefix, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT, env=there, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def logged(stand: Stand) -> Stand:
    """The request that the recipes ask about, its case open."""
    publish(stand.log, CODEC, [REQUESTS.message(request("post-1", "See you tonight?", workflow=PEOPLE))])
    wait_until(lambda: "CaseOpened" in run("hitl topics read assignments --key post-1", stand), what="the case")
    return stand


def test_kcat_shows_what_the_page_promises(logged: Stand) -> None:
    if shutil.which("kcat") is None:
        missing("kcat is not on PATH")
    newest, about, since, decoded = recipes("kcat")
    shown = run(newest.replace("outcomes", "requests"), logged)
    assert re.search(r"^hitl.requests\[1\]@\d+ \d+ \S+ \d+ bytes, headers: $", shown, re.MULTILINE)
    assert re.search(r"^post-1 1@\d+ schema 0 \d+$", run(about, logged), re.MULTILINE)
    place = re.search(r"^1@(\d+) post-1$", run(since, logged), re.MULTILINE)
    assert place is not None
    assert "DecisionRequested(request_id='post-1'" in run(decoded.replace("-o 0", f"-o {place[1]}"), logged)


def test_our_own_command_shows_the_same_decoded(logged: Stand) -> None:
    newest, about, since, follow = recipes("hitl topics read")
    assert "requests[1]@" in run(newest.replace("outcomes", "requests"), logged)
    assert '"post-1"  CaseOpened' in run(about, logged)
    assert f'"workflow":"{PEOPLE}"' in run(since.partition("|")[0], logged)
    assert "post-1" in run(follow.replace("--from end", "--from beginning") + " --key post-1 --count 1", logged)
