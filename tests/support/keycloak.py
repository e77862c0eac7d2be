"""A real Keycloak on this machine, with the realm that is shipped and people of the test's own; gone at the end.

`python -m tests.support.keycloak` fetches the program. It runs where REQUIRE_KEYCLOAK=1 asks for it (`make e2e`): it is
177 MB, and costs half a minute of a processor to start.
"""

import atexit
import json
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from infra.direct import DIRECT
from infra.local.jars import Jar, ensure_jars
from infra.local.java import find_java
from infra.local.owned import OwnedProcess
from infra.local.ports import free_ports
from infra.settings import Settings
from schemas.publishing import HERE

VERSION: Final = "26.7.3"
PIN: Final = Jar(
    path=f"org/keycloak/keycloak-quarkus-dist/{VERSION}/keycloak-quarkus-dist-{VERSION}.zip",
    size=176_710_367,
    sha256="27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f",
)
REALM: Final = HERE.parent / "infra" / "deploy" / "keycloak" / "hitl-realm.json"
SECRET: Final = "a secret of the test"
PASSWORD: Final = "a password of the test"
ADMIN: Final = {"KC_BOOTSTRAP_ADMIN_USERNAME": "root", "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD}
START_TIMEOUT: Final = 600.0  # seconds; half a minute on an idle machine, many times that where others work, too
STOP_TIMEOUT: Final = 20.0  # seconds
BUILT_ANEW: Final = 10  # exit status that asks to be started again: the program was made fit for these options
OPENED: Final = ("util", "util.concurrent", "security", "lang")
JVM: Final = (
    "-Xms64m", "-Xmx512m", "-XX:MaxMetaspaceSize=256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
    *(f"--add-opens=java.base/java.{each}=ALL-UNNAMED" for each in OPENED), "--enable-native-access=ALL-UNNAMED",
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
    "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
)  # fmt: skip


def ensure_keycloak(cache_dir: Path) -> Path:
    """The folder of the unpacked program, after fetching what is missing. Raises FetchFailed, JarRefused."""
    (archive,) = ensure_jars(cache_dir, pins=[PIN], folder=f"keycloak-{VERSION}")
    app = archive.parent / f"app-{PIN.sha256[:16]}"
    if not app.is_dir():
        unpacked = Path(tempfile.mkdtemp(dir=archive.parent, prefix=".unpacking-"))
        try:
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(unpacked)
            (unpacked / f"keycloak-{VERSION}").rename(app)
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
    return app


class Keycloak:
    """One with nothing but the realm, in memory. `desk` is where people reach the desk."""

    def __init__(self, app: Path, folder: Path, *, desk: str, people: Mapping[str, Sequence[str]]) -> None:
        """`people`: the roles of each by name; the names are their passwords' owners."""
        self._home, self._desk = folder / "keycloak", desk
        self._port = free_ports(1)[0]
        for part in ("data/import", "providers", "themes"):
            (self._home / part).mkdir(parents=True)
        shutil.copytree(app / "conf", self._home / "conf")
        (self._home / "lib").symlink_to(app / "lib")  # what is made fit at the first start serves the next, too
        realm = json.loads(REALM.read_text()) | {"users": [_user(name, roles) for name, roles in people.items()]}
        (self._home / "data/import/hitl-realm.json").write_text(json.dumps(realm))
        self._process = OwnedProcess(folder / "keycloak.log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/hitl"

    def start(self) -> None:
        """Return when people can sign in. Raises AssertionError with its last words."""
        self._launch()
        deadline = time.monotonic() + START_TIMEOUT
        while not self._serves():
            if self._process.exit_status == BUILT_ANEW:
                self._launch("-Dkc.config.built=true")
            assert self._process.pid is not None, self._process.log_tail()
            assert time.monotonic() < deadline, f"Keycloak did not serve within {START_TIMEOUT:g} s"
            time.sleep(0.2)

    def stop(self) -> None:
        self._process.stop(timeout=STOP_TIMEOUT)

    def kill(self) -> None:
        self._process.kill()

    def take_role(self, person: str, role: str) -> None:
        """What whoever runs the provider does when somebody must not go on."""
        with self._as_admin() as admin:
            (user,) = admin.get("/users", params={"username": person, "exact": "true"}).json()
            found = admin.get(f"/roles/{role}").json()
            answer = admin.request("DELETE", f"/users/{user['id']}/role-mappings/realm", json=[found])
            assert answer.status_code == 204, answer.text

    @contextmanager
    def _as_admin(self) -> Iterator[httpx2.Client]:
        asked = {"grant_type": "password", "client_id": "admin-cli", "username": "root", "password": PASSWORD}
        answer = httpx2.post(f"{self.url}/realms/master/protocol/openid-connect/token", data=asked)
        headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
        with httpx2.Client(base_url=f"{self.url}/admin/realms/hitl", headers=headers) as admin:
            yield admin

    def _serves(self) -> bool:
        try:
            with DIRECT.open(f"{self.issuer}/.well-known/openid-configuration", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, HTTPException):
            return False

    def _launch(self, *options: str) -> None:
        java = find_java(needed_by="Keycloak")
        own = [f"-Dkc.home.dir={self._home}", f"-Djboss.server.config.dir={self._home / 'conf'}", *options]
        what = ["-cp", str(self._home / "lib/quarkus-run.jar"), "io.quarkus.bootstrap.runner.QuarkusEntryPoint"]
        how = ["start-dev", "--db=dev-mem", "--cache=local", "--import-realm", "--http-host=127.0.0.1"]
        wanted = ADMIN | {"HITL_DESK_URL": self._desk, "HITL_OIDC_CLIENT_SECRET": SECRET}
        environment = [f"{name}={value}" for name, value in wanted.items()]
        self._process.launch(
            ["env", *environment, str(java), *JVM, *own, *what, *how, f"--http-port={self._port}"]
        )  # fmt: skip


def _user(name: str, roles: Sequence[str]) -> dict[str, Any]:
    known = {"username": name, "email": f"{name}@example.org", "firstName": name.title(), "lastName": "Test"}
    secret = [{"type": "password", "value": f"{PASSWORD} {name}", "temporary": False}]
    return known | {"enabled": True, "emailVerified": True, "credentials": secret, "realmRoles": list(roles)}


@contextmanager
def keycloak(folder: Path, *, desk: str, people: Mapping[str, Sequence[str]]) -> Iterator[Keycloak]:
    """One that serves; a skip where nobody asked for it."""
    if os.environ.get("REQUIRE_KEYCLOAK") != "1":
        pytest.skip("Keycloak takes a minute and is fetched once (177 MB): `make e2e`, or REQUIRE_KEYCLOAK=1")
    running = Keycloak(ensure_keycloak(Settings().cache_dir), folder, desk=desk, people=people)
    atexit.register(running.kill)  # also when the session ends before its fixtures do
    try:
        running.start()
        yield running
        running.stop()
    finally:
        running.kill()
        atexit.unregister(running.kill)


if __name__ == "__main__":
    ensure_keycloak(Settings().cache_dir)
