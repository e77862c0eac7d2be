"""Environments for the peers, made once from hash-locked lists and kept in the per-user cache."""

import hashlib
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

UV = Path(sys.executable).parent / "uv"


def ensure(peer: str, cache_dir: Path) -> Path:
    """The interpreter of a peer's environment, made from `<peer>.lock` when it is not there yet.

    Raises `CalledProcessError` when the installer fails; what it made is removed.
    """
    lock = Path(str(files("tests.benchmarks.peers") / f"{peer}.lock"))
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode() + lock.read_bytes()).hexdigest()[:12]
    home = cache_dir / "peers" / f"{peer}-{digest}"
    python, stamp = home / "bin" / "python", home / "complete"
    if stamp.exists():
        return python
    print(f"peers: making the environment of {peer} in {home}", file=sys.stderr)
    shutil.rmtree(home, ignore_errors=True)
    try:
        subprocess.run([str(UV), "venv", "--quiet", "--python", sys.executable, home], check=True)
        install = ["pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode", "--python"]
        subprocess.run([str(UV), *install, str(python), str(lock)], check=True)
    except subprocess.CalledProcessError:
        shutil.rmtree(home, ignore_errors=True)
        raise
    stamp.touch()
    return python
