package etf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
	"github.com/gwport/gwport/test/corpus"
)

// The wire's corpus (test/corpus), as far as it is about terms: what is good is
// read, and written as the same bytes; what is not is refused.
func TestTermsOfTheCorpus(t *testing.T) {
	cases, err := corpus.Terms()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(cases), 70)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			term, err := etf.Decode(c.Bytes, etf.Limits{MaxDepth: 32})
			if c.Verdict == "either" {
				return // to have come back is all
			}
			if c.Verdict == "bad-payload" && !isOpaque(term) {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			again, err := etf.Append(etf.AppendVersion(nil), term)
			require.NoError(t, err)
			if c.Encoder == "any" || c.Encoder == "otp26" {
				require.Equal(t, c.Bytes, again)
			}
		})
	}
}

// isOpaque tells what etf reads and the wire forbids: pids and their like, and bit strings.
func isOpaque(term any) bool {
	if t, ok := term.(etf.Tuple); ok && len(t) > 0 {
		term = t[len(t)-1]
	}
	switch term.(type) {
	case etf.Bits, etf.Pid, etf.Port, etf.Ref, etf.Export, etf.Fun:
		return true
	}
	return false
}
