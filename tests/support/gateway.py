"""The gateway of a stand, as upstream systems call it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx2

from infra.settings import GATEWAY_FILE, Settings
from tests.support.stand import Stand, wait_until
from tests.support.traffic import WORKFLOW

ADDRESS = "127.0.0.1:0"  # any free port; a restart keeps it


class Answer(NamedTuple):
    """What came back, or why nothing did."""

    request_id: str
    status: int | None
    retry_after: str | None = None
    body: Any = None


def url_of(stand: Stand, told_in: Path = GATEWAY_FILE) -> str:
    """Where the gateway listens, or whatever tells its address in another file, once it is ready."""
    file = stand.settings.data_dir / told_in
    wait_until(file.exists, what=f"an address in {told_in}")
    url = f"http://{file.read_text()}"
    wait_until(lambda: is_ready(url), what=f"an answer at {url} that it is ready")
    return url


def served(settings: Settings) -> Iterator[str]:
    """A gateway in a process of its own, as a container runs it; it ends by itself when it is told to."""
    command = [sys.executable, "-m", "infra.cli.main", "run", "gateway"]
    process = subprocess.Popen(command, env=os.environ | settings.environment(), stderr=subprocess.PIPE, text=True)
    file = settings.data_dir / GATEWAY_FILE
    try:
        wait_until(file.exists, what="the gateway's address")
        address = f"http://{file.read_text()}"
        wait_until(lambda: is_ready(address), what="a ready gateway")
        yield address
    finally:
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said


def is_ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/ready", timeout=15).status_code == 200
    except httpx2.TransportError:
        return False


def body(request_id: str, text: str = "a garden") -> dict[str, Any]:
    """A request as it is posted."""
    return {"request_id": request_id, "workflow": WORKFLOW, "payload": {"text": text}}


def post_all(
    url: str, request_ids: Sequence[str], *, wait_seconds: float = 0, together: int = 50, timeout: float = 60
) -> list[Answer]:
    """Post these all, so many at once; a connection that breaks is an answer without status."""

    async def posting() -> list[Answer]:
        limit = asyncio.Semaphore(together)
        limits = httpx2.Limits(max_connections=together, max_keepalive_connections=together)
        async with httpx2.AsyncClient(base_url=url, timeout=timeout, limits=limits) as client:

            async def one(request_id: str) -> Answer:
                async with limit:
                    try:
                        got = await client.post("/v1/requests", json=body(request_id), params={"wait": wait_seconds})
                    except httpx2.TransportError:
                        return Answer(request_id, None)
                return Answer(request_id, got.status_code, got.headers.get("retry-after"), got.json())

            return list(await asyncio.gather(*map(one, request_ids)))

    return asyncio.run(posting())
