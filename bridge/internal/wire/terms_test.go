package wire

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
	"github.com/gwport/gwport/test/corpus"
)

// Payloads that no kind has a use for are passed over as values of unknown keys
// are; that is where F5 is looked after.
func TestTermsOfTheCorpus(t *testing.T) {
	cases, err := corpus.Terms()
	require.NoError(t, err)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			err := skipPayload(string(c.Bytes))
			switch c.Verdict {
			case "ok":
				require.NoError(t, err)
			case "bad-payload":
				require.Error(t, err)
			}
		})
	}
}

func skipPayload(payload string) error {
	r, err := etf.NewReader(payload)
	if err != nil {
		return err
	}
	if err := skipValue(&r, 0); err != nil {
		return err
	}
	return r.End()
}
