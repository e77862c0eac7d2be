"""A real Apicurio Registry on this machine, for trying and for tests: it forgets everything when it ends."""

import shutil
import tarfile
import tempfile
import time
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Final

from infra.direct import DIRECT
from infra.local.errors import RegistryFailed
from infra.local.jars import Jar, Progress, ensure_jars
from infra.local.java import find_java
from infra.local.owned import OwnedProcess
from infra.local.ports import free_ports, is_free

VERSION: Final = "3.3.3"
OLDEST_JAVA: Final = 21
FOLDER: Final = f"apicurio-{VERSION}"
PIN: Final = Jar(
    path=f"io/apicurio/apicurio-registry-app/{VERSION}/apicurio-registry-app-{VERSION}-all.tar.gz",
    size=158_577_952,
    sha256="8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63",
)
PREFERRED_PORT: Final = 8081  # where the Confluent family expects a registry
START_TIMEOUT: Final = 90.0  # seconds; 4 on an idle machine
STOP_TIMEOUT: Final = 20.0  # seconds
ATTEMPTS: Final = 3  # when another process takes the chosen port first
IMPORTS: Final = "imports"  # archives are unpacked here
JVM: Final = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class EmbeddedRegistry:
    """One registry in memory; `folder` is for its log. The port is the preferred one if that is free, else another."""

    def __init__(self, app: Path, folder: Path, *, prefer: int | None = None) -> None:
        self._app, self._folder = app, folder.absolute()
        self._process = OwnedProcess(self._folder / "apicurio.log")
        self._prefer = prefer
        self._port: int | None = None

    @property
    def log_file(self) -> Path:
        return self._process.log_file

    @property
    def pid(self) -> int | None:
        """Process id, or None when it does not run."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Its Confluent API, as HITL_SCHEMA_REGISTRY_URL wants it."""
        if self._port is None:
            raise RegistryFailed("The registry was not started yet; call start() first.")
        return f"http://127.0.0.1:{self._port}/apis/ccompat/v7"

    def start(self, *, timeout: float = START_TIMEOUT) -> None:
        """Return when it answers; a restart keeps the port. Raises RegistryFailed with its last words, JavaMissing."""
        self._launch()
        deadline, attempts = time.monotonic() + timeout, ATTEMPTS
        while not self.is_serving():
            if self.pid is None:
                said, attempts = self._process.log_tail(), attempts - 1
                if not attempts or "already in use" not in said:
                    raise RegistryFailed(f"Apicurio ended at its start; the end of {self.log_file}:\n{said}")
                self._port, self._prefer = None, None
                self._launch()
            if time.monotonic() > deadline:
                self.kill()
                raise RegistryFailed(f"Apicurio did not answer within {timeout:g} s; see {self.log_file}.")
            time.sleep(0.1)

    def is_serving(self) -> bool:
        """Whether it runs and answers."""
        if self.pid is None:
            return False
        try:
            with DIRECT.open(f"{self.url}/subjects", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, HTTPException):
            return False

    def require_running(self) -> None:
        """Raises RegistryFailed with the end of its log when it has ended."""
        if self.pid is None:
            raise RegistryFailed(f"Apicurio ended; the end of its log:\n{self._process.log_tail()}")

    def stop(self) -> None:
        """Ask it to end, and kill it when it does not; what it held is gone."""
        self._process.stop(timeout=STOP_TIMEOUT)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()

    def _launch(self) -> None:
        java = find_java(oldest=OLDEST_JAVA, needed_by="Apicurio")
        (self._folder / IMPORTS).mkdir(parents=True, exist_ok=True)
        if self._port is None:
            self._port = self._prefer if self._prefer and is_free(self._prefer) else free_ports(1)[0]
        options = [f"-D{name}={value}" for name, value in self._options().items()]
        self._process.launch([str(java), *JVM, *options, "-jar", str(self._app / "quarkus-run.jar")])

    def _options(self) -> Mapping[str, str]:
        return {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": str(self._port),
            "quarkus.management.host": "127.0.0.1",
            "quarkus.management.port": str(free_ports(1)[0]),
            "apicurio.import.work-dir": str(self._folder / IMPORTS),
            "java.io.tmpdir": str(self._folder),
        }


def ensure_apicurio(cache_dir: Path, *, progress: Progress = lambda _there, _all: None) -> Path:
    """The folder of the unpacked program, after fetching what is missing. Raises FetchFailed, JarRefused."""
    (archive,) = ensure_jars(cache_dir, pins=[PIN], folder=FOLDER, progress=progress)
    app = archive.parent / f"app-{PIN.sha256[:16]}"
    if not app.is_dir():
        unpacked = Path(tempfile.mkdtemp(dir=archive.parent, prefix=".unpacking-"))
        try:
            with tarfile.open(archive) as packed:
                packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python before 3.11.4 has none
                packed.extractall(unpacked)
            _place(unpacked, app)
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
    return app


def _place(unpacked: Path, app: Path) -> None:
    """Give it its name, unless another process was quicker."""
    try:
        unpacked.rename(app)
    except OSError:
        if not app.is_dir():
            raise
