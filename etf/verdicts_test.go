package etf_test

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// unusual is a line of testdata/verdicts.txt: bytes that no Erlang writes, or seldom.
type unusual struct {
	name string
	data []byte
	beam string // what binary_to_term/1 says: ok, badarg, or one of them before a release that says the other
	etf  string // what this package says: ok, or an error's sentence
	why  string // the reason, where the two differ
}

// In hex, 6a*3 is 6a6a6a.
func unusualData(t *testing.T) []unusual {
	t.Helper()
	file, err := os.ReadFile("testdata/verdicts.txt")
	require.NoError(t, err)
	var all []unusual
	for line := range strings.Lines(string(file)) {
		if strings.HasPrefix(line, "%") {
			continue
		}
		parts := append(strings.Split(strings.TrimSuffix(line, "\n"), "\t"), "")
		u := unusual{name: parts[0], beam: parts[2], etf: parts[3], why: parts[4]}
		for _, word := range strings.Fields(parts[1]) {
			digits, count, repeated := strings.Cut(word, "*")
			n := 1
			if repeated {
				n, err = strconv.Atoi(count)
				require.NoError(t, err)
			}
			u.data = append(u.data, bytes.Repeat(unhex(t, digits), n)...)
		}
		all = append(all, u)
	}
	require.Greater(t, len(all), 190)
	return all
}

// The BEAM's half of the table is held by test/gwport_etf_tests.erl.
func TestUnusualDataGetsItsVerdict(t *testing.T) {
	for _, u := range unusualData(t) {
		t.Run(u.name, func(t *testing.T) {
			require.Equal(t, u.why != "", strings.HasPrefix(u.beam, "ok") != (u.etf == "ok"), "what differs has a reason, and nothing else")
			_, err := etf.Decode(u.data, etf.Limits{})
			require.Equal(t, err, etf.Valid(string(u.data), etf.Limits{}))
			if u.etf == "ok" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "etf: "+u.etf)
		})
	}
}
