#!/usr/bin/env bash
# Make .venv exactly what the lock says. A second run does nothing and needs no network.
#   HITL_PYTHON   interpreter to build with (default python3, at least 3.11)
#   HITL_TORCH=0  leave out torch, scikit-learn and scipy (services that neither infer nor train)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

python="${HITL_PYTHON:-python3}"
lock=requirements-torch.lock
[[ "${HITL_TORCH:-1}" == 0 ]] && lock=requirements.lock

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

command -v "$python" >/dev/null || fail "no $python found; install Python 3.11 or newer, or set HITL_PYTHON to one."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || fail "$("$python" --version) is too old; install Python 3.11 or newer, or set HITL_PYTHON to one."

# A stamp names everything a step was made from; an equal stamp means that the step need not be done again.
stamp_of() {
    "$python" - "$PWD" "$@" <<'PY'
import hashlib, pathlib, sys
digest = hashlib.sha256(f"{sys.version_info[:2]} {sys.argv[1:]}".encode())
for name in sys.argv[2:]:
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest()[:32])
PY
}
is_done() { [[ -x .venv/bin/python && "$(cat ".venv/$1-stamp" 2>/dev/null)" == "$2" ]]; }
packages="$(stamp_of "$lock" requirements-uv.lock)"
project="$(stamp_of "$lock" requirements-uv.lock pyproject.toml infra/local/setup.sh)"
is_done project "$project" && exit 0

if [[ ! -x .venv/bin/python ]]; then
    say "1/4 making .venv with $("$python" --version)"
    "$python" -m venv .venv || fail "python3 -m venv failed; on Debian and Ubuntu: apt-get install python3-venv"
else
    say "1/4 .venv exists"
fi

export VIRTUAL_ENV="$PWD/.venv"
if is_done packages "$packages"; then
    say "2/4 and 3/4 packages are there"
else
    # The installer alone is fetched by pip; only when the right one is not there already.
    want_uv="$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements-uv.lock)"
    if [[ "$(.venv/bin/uv --version 2>/dev/null | awk '{print $2}')" != "$want_uv" ]]; then
        say "2/4 fetching the installer (uv $want_uv)"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
            -r requirements-uv.lock
    else
        say "2/4 installer is there"
    fi

    say "3/4 installing what $lock pins, each file checked by sha256 (the first time: 0.3 GB, with PyTorch 3.6 GB)"
    .venv/bin/uv pip sync --require-hashes --compile-bytecode --python .venv/bin/python "$lock"
    printf '%s' "$packages" >.venv/packages-stamp
fi

say "4/4 linking the project itself"
.venv/bin/uv pip install --quiet --offline --no-deps --no-build-isolation --python .venv/bin/python --editable .

printf '%s' "$project" >.venv/project-stamp
say "ready: .venv/bin/hitl --help"
