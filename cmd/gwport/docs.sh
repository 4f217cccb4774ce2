#!/bin/sh
# Makes the documentation that `h(gwport)` shows in Erlang's shell and `h :gwport` in Elixir's: files that they look
# for in doc/chunks of the application, made of the comments of its public modules by OTP's edoc. rebar3 runs this
# after every compile (rebar.config), under another project too; where nothing has changed it takes a hundredth of a
# second, and otherwise a second or two.
#
# A project that uses gwport is built without it where there is no edoc (Debian has it in a package of its own), or
# where edoc fails: the shells then say that there is no documentation.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd -P)
cd "$root"

# Where the application was compiled to. Mix says so, and rebar3 where it has dependencies, checkouts and its own.
if [ -n "${REBAR_BARE_COMPILER_OUTPUT_DIR:-}" ]; then
    app=$REBAR_BARE_COMPILER_OUTPUT_DIR
elif [ "$(cd "${REBAR_ROOT_DIR:-$root}" && pwd -P)" = "$root" ]; then
    app=${REBAR_BUILD_DIR:-_build/default}/lib/gwport
elif [ "$(cd "$REBAR_DEPS_DIR/gwport" 2>/dev/null && pwd -P)" = "$root" ]; then
    app=$REBAR_DEPS_DIR/gwport
else
    app=$REBAR_BUILD_DIR/checkouts/gwport
fi
[ -e "$app/ebin/gwport.beam" ] || exit 0
chunks=$app/doc/chunks

if [ -e "$chunks/gwport.chunk" ] &&
    [ -z "$(find erlang cmd/gwport/docs.escript -newer "$chunks/gwport.chunk" \( -name '*.[eh]rl' -o -name '*.escript' \) | head -n 1)" ]; then
    exit 0
fi
escript cmd/gwport/docs.escript "$app" && exit 0
# Ours are the sources, so what is wrong with them is ours to know.
[ "$(cd "${REBAR_ROOT_DIR:-/}" && pwd -P)" != "$root" ]
