package bridge

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/test/corpus"
)

// What the corpus says of an open, the port says of it.
func TestOpensOfTheCorpus(t *testing.T) {
	cases, err := corpus.Frames()
	require.NoError(t, err)
	set, err := (&Server{Handler: http.NotFoundHandler()}).settings()
	require.NoError(t, err)
	p := newPort(set, nil, nil, nil)
	verdicts := map[string]int{}
	for _, c := range cases {
		if len(c.Frames) != 1 || c.Frames[0].Kind != "open" || strings.HasPrefix(c.Verdict, "wire-fault") {
			continue
		}
		got := "ok"
		o, wrong := p.Accept(c.Frames[0].Payload)
		switch {
		case wrong == nil:
			o.Task.Cancel(nil)
		case wrong.Code.String() == "bad_payload":
			got = "bad-payload"
		default:
			got = "abort " + wrong.Code.String()
		}
		require.Equal(t, c.Verdict, got, c.Name)
		verdicts[got]++
	}
	require.GreaterOrEqual(t, verdicts["ok"], 5)
	require.GreaterOrEqual(t, verdicts["bad-payload"], 5)
}
