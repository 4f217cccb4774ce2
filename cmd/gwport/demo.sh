#!/usr/bin/env bash
# Serves the bundled apps under Cowboy in the foreground: cmd/gwport/demo.sh [PORT]
# (8080; 0 picks a free one). Ctrl-C or SIGTERM ends it, and every port program with it.
# `make demo` builds first and then runs this.
set -euo pipefail
cd "$(dirname "$0")/../.."

port=${1:-8080}
if ! [[ $port =~ ^[0-9]{1,5}$ ]] || ((10#$port > 65535)); then
    echo "gwport: PORT must be a number from 0 to 65535, not '$port'" >&2
    exit 2
fi

libs=$PWD/_build/default/lib
[[ -d _checkouts ]] && libs=$PWD/_build/default/checkouts:$libs
export ERL_LIBS=$libs${ERL_LIBS:+:$ERL_LIBS}
# The demo is no part of the application, which is other people's too.
mkdir -p _build/demo/rooms
erlc -Werror +debug_info -o _build/demo cmd/gwport/demo/gwport_demo.erl
# Nor is the chat, which is a Go module of its own. Its rooms are there the next time.
(cd apps/chat && go build -trimpath -buildvcs=false -o ../../_build/demo/chat .)
# The app in Python is there where Python is. Where python3 is a script that looks for one, here it is found.
python=$(python3 -c 'import sys; sys.version_info >= (3, 9) and print(sys.executable)' 2>/dev/null || true)
# A failed start is a message, not a dump in the repository.
export ERL_CRASH_DUMP_BYTES=0

# With +Bi the BEAM leaves Ctrl-C to this script, which makes it what the BEAM takes for an
# orderly stop: SIGTERM. A second one does not wait for what is still running.
# shellcheck disable=SC2317 # called by trap
stop() {
    trap 'kill -KILL "$beam" 2>/dev/null' INT TERM HUP
    kill -TERM "$beam" 2>/dev/null || true
}
erl +Bi -noinput -boot no_dot_erlang -pa _build/demo -eval "gwport_demo:main([\"$port\", \"_build/demo\", \"$python\"])." &
beam=$!
trap stop INT TERM HUP

# A signal interrupts wait; the status is the BEAM's only when the BEAM is gone.
status=0
while wait "$beam" && status=0 || status=$?; kill -0 "$beam" 2>/dev/null; do :; done
exit "$status"
