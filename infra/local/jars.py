"""Pinned files, as Kafka's jars: fetched in parallel into a per-user cache, each checked by sha256 at every start."""

import hashlib
import os
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import msgspec

from infra.local.errors import FetchFailed, JarRefused

KAFKA_VERSION = "4.3.1"
DOWNLOADS = 8  # at once
ATTEMPTS = 4
FETCH_TIMEOUT = 60.0  # seconds without a byte


class Jar(NamedTuple):
    """One pinned file: its path below the repository's base URL, its size in bytes and its sha256."""

    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[1]


Progress = Callable[[int, int], None]  # bytes there, bytes in all


def pinned_jars() -> list[Jar]:
    """The files that make up Kafka, in the order of the pin list."""
    text = files("infra.local").joinpath(f"kafka-{KAFKA_VERSION}.json").read_bytes()
    return msgspec.json.decode(text, type=list[Jar])


def base_url() -> str:
    """Where jars are fetched: HITL_MAVEN_URL, else Maven Central."""
    if url := os.environ.get("HITL_MAVEN_URL"):
        return url.rstrip("/") + "/"
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL).rstrip("/") + "/"


def ensure_jars(
    cache_dir: Path, *, pins: Sequence[Jar] | None = None, folder: str = f"kafka-{KAFKA_VERSION}",
    progress: Progress = lambda _there, _all: None,
) -> list[Path]:  # fmt: skip
    """Paths of all jars in a folder of `cache_dir`, sorted, after fetching what is missing or was tampered with.

    Raises FetchFailed (no network), JarRefused (not the pinned content).
    """
    pins = pinned_jars() if pins is None else pins
    place = cache_dir / folder
    place.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in pins if not _is_genuine(place / jar.name, jar)]
    total, there = sum(jar.size for jar in pins), sum(jar.size for jar in pins if jar not in missing)
    if missing:
        progress(there, total)
        context = ssl.create_default_context()
        url = base_url()
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            fetched = {pool.submit(_fetch, url, jar, place, context): jar for jar in missing}
            try:
                for done in as_completed(fetched):
                    done.result()
                    there += fetched[done].size
                    progress(there, total)
            finally:
                pool.shutdown(cancel_futures=True)
    return sorted(place / jar.name for jar in pins)


def _is_genuine(path: Path, jar: Jar) -> bool:
    return path.is_file() and path.stat().st_size == jar.size and _sha256(path.read_bytes()) == jar.sha256


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _fetch(base: str, jar: Jar, folder: Path, context: ssl.SSLContext) -> None:
    """Download one jar; nothing but the pinned content ever gets its final name."""
    content = _download(base + jar.path, context)
    if _sha256(content) != jar.sha256:
        raise JarRefused(
            f"{base}{jar.path} gave {len(content)} bytes that are not the pinned {jar.name} "
            f"(sha256 {_sha256(content)[:16]}…, pinned {jar.sha256[:16]}…); nothing was kept. "
            "Check HITL_MAVEN_URL and any proxy between, then try again."
        )
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".fetching-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(folder / jar.name)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _download(url: str, context: ssl.SSLContext) -> bytes:
    failure: Exception | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(0.25 * 2**attempt)
        try:
            with urllib.request.urlopen(url, timeout=FETCH_TIMEOUT, context=context) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            failure = error
            error.close()
            if error.code < 500 and error.code != 429:
                break
        except (OSError, ValueError) as error:  # URLError, timeouts, a connection cut short; a malformed URL
            failure = error
    raise FetchFailed(
        f"{url} could not be downloaded ({failure}); check the network, or name a mirror in HITL_MAVEN_URL."
    )
