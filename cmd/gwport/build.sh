#!/bin/sh
# Builds priv/gwport, the port program with the bundled apps. rebar3 runs this before
# every compile (rebar.config); when nothing has changed it takes a fraction of a second.
#
# In this repository only: under another project it builds nothing, and that project needs
# no Go for gwport, and has in its release no program but its own. GWPORT_BUNDLED=1 builds
# it there too, for who wants the bundled apps.
#
# GWPORT_SKIP_BUILD=1 leaves priv/gwport as it is.
set -eu

[ "${GWPORT_SKIP_BUILD:-}" = 1 ] && exit 0

root=$(cd "$(dirname "$0")/../.." && pwd -P)
cd "$root"

# rebar3 names the project it was started in; without rebar3 it is this one. Paths are
# compared without symbolic links, since _checkouts is often full of them. Mix starts
# rebar3 in the dependency itself, and is known by where it wants the result.
project=$(cd "${REBAR_ROOT_DIR:-$root}" && pwd -P)
[ -z "${REBAR_BARE_COMPILER_OUTPUT_DIR:-}" ] || project=
[ "$project" = "$root" ] || [ "${GWPORT_BUNDLED:-}" = 1 ] || exit 0

fail() {
    echo "gwport: $1" >&2
    echo "gwport: GWPORT_SKIP_BUILD=1 compiles the Erlang part alone." >&2
    exit 1
}

[ -e go.mod ] ||
    fail "this is hex's package, which has no Go sources; the bundled apps are in the repository."
command -v go >/dev/null 2>&1 ||
    fail "no \`go\` on PATH, so priv/gwport cannot be built; install Go (https://go.dev/dl)."

# Without -buildvcs=false every commit relinks the program, and a checkout that belongs
# to another user (CI containers) does not build at all.
go build -trimpath -buildvcs=false -o priv/gwport ./cmd/gwport ||
    fail "\`go build ./cmd/gwport\` failed; see above."
