#!/usr/bin/env bash
# Make everything there that the end-to-end tests need beside .venv; a second run does nothing and needs no network.
# What is missing on PATH is installed by apt-get where this runs as root on Debian; elsewhere install it yourself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf 'e2e setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

packages=()
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
command -v go >/dev/null || packages+=(golang-go)
command -v kcat >/dev/null || packages+=(kcat)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
    || packages+=(chromium fonts-dejavu-core) # for the desk's pages
command -v promtool >/dev/null || packages+=(prometheus) # for the tests of alerts, in all folders
if ((${#packages[@]})); then
    [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || fail "install ${packages[*]} (on Debian: apt-get install ${packages[*]})"
    say "1/3 installing ${packages[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
else
    say "1/3 node, npm, go, kcat, a browser and promtool are there"
fi

# npm's own scripts are left out: nothing of these packages needs to run when it is installed.
stamp="$(cat node/package.json node/package-lock.json | sha256sum | cut -c1-32)"
if [[ "$(cat node/node_modules/.stamp 2>/dev/null)" == "$stamp" ]]; then
    say "2/3 npm packages are there"
else
    say "2/3 installing the npm packages that node/package-lock.json pins (57 MB)"
    (cd node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null)
    printf '%s' "$stamp" >node/node_modules/.stamp
fi

if [[ "${REQUIRE_KEYCLOAK:-}" == 1 ]]; then
    say "fetching Keycloak, where it is not in the cache (177 MB)"
    (cd ../.. && .venv/bin/python -m tests.support.keycloak)
fi

say "3/3 building the Go programs (from Go's cache where it has them; about a minute the first time)"
(cd go && export GOFLAGS=-mod=readonly && for each in examples publisher reviewer; do go build -o /dev/null "./$each"; done)
say "ready"
