#!/usr/bin/env bash
# Measures etf beside other codecs and Erlang's own, and writes RESULTS.md: bench.sh [ROUNDS [BENCHTIME]].
# Every round runs all of them, so that a machine that is slow for a while is slow to all.
set -euo pipefail
cd "$(dirname "$0")"
rounds=${1:-6}
benchtime=${2:-50ms}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

go test -c -o "$dir/etfbench.test" .
mkdir "$dir/terms"
ETFBENCH_TERMS=$dir/terms "$dir/etfbench.test" -test.run '^TestWriteTerms$' >/dev/null
for _ in $(seq "$rounds"); do
    "$dir/etfbench.test" -test.run '^$' -test.bench . -test.benchtime "$benchtime" >>"$dir/bench.txt"
    escript beam.escript "$dir/terms" 1 >>"$dir/bench.txt"
done

table() {
    go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da \
        -filter ".name:$1" -row '/term /codec' -col .name "$dir/bench.txt" 2>"$dir/warnings" || { cat "$dir/warnings" >&2; exit 1; }
}
{
    echo '# etf beside other codecs'
    echo
    echo "Made by \`test/etfbench/bench.sh $rounds $benchtime\`, $rounds rounds of $benchtime a row, with $(go env GOVERSION) and Erlang/OTP $(
        erl -noshell -eval 'io:put_chars(erlang:system_info(otp_release)), halt().'). [README.md](README.md) says what the rows are."
    for what in Decode Encode; do
        printf '\n## %s\n\n```\n' "$what"
        table "$what"
        echo '```'
    done
} >"$dir/RESULTS.md"
mv "$dir/RESULTS.md" RESULTS.md
