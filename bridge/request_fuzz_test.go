package bridge

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
	"github.com/gwport/gwport/test/corpus"
)

// Whatever a host forwards, it is a request with an environ, or an error.
func FuzzRequest(f *testing.F) {
	cases, err := corpus.Frames()
	require.NoError(f, err)
	for _, c := range cases {
		for _, frame := range c.Frames {
			if frame.Kind == "open" {
				f.Add(frame.Payload)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := wire.DecodeOpen(string(b))
		if err != nil || o.Type != wire.TypeHTTP {
			return
		}
		x := newExchange(nil, &wire.Hello{}, &o, nil)
		defer x.cancel(nil)
		if r, err := x.newRequest(); err == nil {
			_ = EnvironOf(r)
		}
		_ = x.request.environ()
	})
}

// What the parser is spared must come out as it would have from it.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"/", "*", "//a", "/a%2Fb", "/a b", "/%zz", "", "x", "/\x7f", "/a;b,c", "/[x]", "/a:b@c"} {
		f.Add(s, "q=1")
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		if strings.ContainsAny(path, "?") {
			return // the host has cut it there
		}
		q := request{wire.Request{Path: path, Query: query}}
		var got url.URL
		err := q.url(&got)
		want, wantErr := parseURI(q.uri())
		require.Equal(t, fmt.Sprint(wantErr), fmt.Sprint(err))
		if err == nil {
			require.Equal(t, *want, got)
		}
	})
}

func parseURI(uri string) (*url.URL, error) { return url.ParseRequestURI(uri) }
