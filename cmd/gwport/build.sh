#!/bin/sh
# Builds priv/gwport, the port program with the bundled apps. rebar3 runs this before
# every compile (rebar.config); when nothing has changed it takes a fraction of a second.
#
# In this repository a build that fails is an error. Under another project it is a
# warning: that project needs Go only if it runs the bundled apps, and must compile on
# a machine that has no Go or cannot reach a module proxy.
#
# GWPORT_SKIP_BUILD=1 leaves priv/gwport as it is.
set -eu

[ "${GWPORT_SKIP_BUILD:-}" = 1 ] && exit 0

root=$(cd "$(dirname "$0")/../.." && pwd -P)
cd "$root"

# rebar3 names the project it was started in; without rebar3 it is this one. Paths are
# compared without symbolic links, since _checkouts is often full of them.
project=$(cd "${REBAR_ROOT_DIR:-$root}" && pwd -P)

fail() {
    if [ "$project" = "$root" ]; then
        echo "gwport: $1" >&2
        echo "gwport: GWPORT_SKIP_BUILD=1 compiles the Erlang part alone." >&2
        exit 1
    fi
    echo "gwport: WARNING: $1" >&2
    echo "gwport: WARNING: compiling without the bundled Go apps (priv/gwport); your own" \
        "port programs do not need them. GWPORT_SKIP_BUILD=1 silences this." >&2
    exit 0
}

command -v go >/dev/null 2>&1 ||
    fail "no \`go\` on PATH, so priv/gwport cannot be built; install Go (https://go.dev/dl)."

# Without -buildvcs=false every commit relinks the program, and a checkout that belongs
# to another user (CI containers) does not build at all.
go build -trimpath -buildvcs=false -o priv/gwport ./cmd/gwport ||
    fail "\`go build ./cmd/gwport\` failed; see above."
