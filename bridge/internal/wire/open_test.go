package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// requestTerm is a request with all of its keys.
func requestTerm() etf.Map {
	return etf.Map{
		{Key: "method", Value: "POST"},
		{Key: "path", Value: "/a%2Fb"},
		{Key: "query", Value: "q=1"},
		{Key: "version", Value: etf.Tuple{1, 1}},
		{Key: "scheme", Value: "https"},
		{Key: "host", Value: "example.org"},
		{Key: "port", Value: 8443},
		{Key: "peer", Value: etf.Tuple{"192.0.2.7", 51234}},
		{Key: "local", Value: etf.Tuple{"192.0.2.1", 443}},
		{Key: "headers", Value: etf.List{etf.Tuple{"host", "example.org"}, etf.Tuple{"x", "\xff"}}},
		{Key: "path_info", Value: 1},
		{Key: "length", Value: 3},
		{Key: "continue", Value: true},
		{Key: "app", Value: "shop"},
		{Key: "timeout", Value: 1500},
		{Key: "cert", Value: "DER"},
		{Key: "tls", Value: true},
		{Key: "proxied", Value: true},
	}
}

func openPayload(t testing.TB, kind, window int, request any) string {
	t.Helper()
	b, err := etf.Append(etf.AppendVersion(nil), etf.Tuple{kind, window, request})
	require.NoError(t, err)
	return string(b)
}

// without and with change one key.
func without(m etf.Map, key string) etf.Map {
	var out etf.Map
	for _, p := range m {
		if p.Key != key {
			out = append(out, p)
		}
	}
	return out
}

func with(m etf.Map, key string, value any) etf.Map {
	return append(without(m, key), etf.Pair{Key: key, Value: value})
}

func TestOpenIsDecoded(t *testing.T) {
	o, err := DecodeOpen(openPayload(t, 0, 4096, requestTerm()))
	require.NoError(t, err)
	require.Equal(t, Open{Type: 0, Window: 4096, Request: Request{
		Method: "POST", Path: "/a%2Fb", Query: "q=1", Major: 1, Minor: 1, Scheme: "https",
		Host: "example.org", Port: 8443, Peer: Address{"192.0.2.7", 51234}, Local: Address{"192.0.2.1", 443},
		Headers: []Pair{{"host", "example.org"}, {"x", "\xff"}}, PathInfo: 1,
		Length: 3, Expects: true, App: "shop", Timeout: 1500 * time.Millisecond, Timed: true, Cert: "DER", Secure: true, Proxied: true,
	}}, o)
}

func TestOptionalKeysMayBeMissingAndUnknownOnesAreIgnored(t *testing.T) {
	m := requestTerm()
	for _, key := range []string{"length", "continue", "app", "timeout", "cert", "tls", "proxied"} {
		m = without(m, key)
	}
	m = with(m, "later", etf.Map{{Key: "a", Value: etf.List{1, 2.5, etf.Atom("x"), etf.Tuple{}, "b"}}})
	m = with(m, "improper", etf.Improper{Elems: etf.List{1}, Tail: 2})
	m = with(m, "string", etf.List{1, 2, 3})
	o, err := DecodeOpen(openPayload(t, 0, 0, m))
	require.NoError(t, err)
	require.EqualValues(t, -1, o.Request.Length)
	require.False(t, o.Request.Expects || o.Request.Timed || o.Request.Secure || o.Request.Proxied)
}

func TestBadRequestsAreRefused(t *testing.T) {
	for _, p := range requestTerm()[:11] {
		t.Run("without "+p.Key.(string), func(t *testing.T) {
			_, err := DecodeOpen(openPayload(t, 0, 0, without(requestTerm(), p.Key.(string))))
			require.Error(t, err)
		})
	}
	for _, p := range requestTerm() {
		t.Run("wrong "+p.Key.(string), func(t *testing.T) {
			_, err := DecodeOpen(openPayload(t, 0, 0, with(requestTerm(), p.Key.(string), etf.Atom("false"))))
			require.Error(t, err)
		})
	}
	for name, m := range map[string]etf.Map{
		"method no token":   with(requestTerm(), "method", "GE T"),
		"method empty":      with(requestTerm(), "method", ""),
		"header name empty": with(requestTerm(), "headers", etf.List{etf.Tuple{"", "x"}}),
		"header with CR":    with(requestTerm(), "headers", etf.List{etf.Tuple{"a", "x\ry"}}),
		"header with LF":    with(requestTerm(), "headers", etf.List{etf.Tuple{"a", "x\ny"}}),
		"header with NUL":   with(requestTerm(), "headers", etf.List{etf.Tuple{"a\x00", "x"}}),
		"header of three":   with(requestTerm(), "headers", etf.List{etf.Tuple{"a", "x", "y"}}),
		"headers improper":  with(requestTerm(), "headers", etf.Improper{Elems: etf.List{etf.Tuple{"a", "x"}}, Tail: 1}),
		"length negative":   with(requestTerm(), "length", -1),
		"port 65536":        with(requestTerm(), "port", 65536),
		"key no binary":     append(requestTerm(), etf.Pair{Key: 1, Value: 1}),
		"pid in unknown":    with(requestTerm(), "x", etf.List{etf.Raw("\x67\x64\x00\x01a\x00\x00\x00\x01\x00\x00\x00\x00\x00")}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeOpen(openPayload(t, 0, 0, m))
			require.Error(t, err)
		})
	}
	t.Run("bytes behind it", func(t *testing.T) {
		_, err := DecodeOpen(openPayload(t, 0, 0, requestTerm()) + "j")
		require.Error(t, err)
	})
	t.Run("compressed", func(t *testing.T) {
		_, err := DecodeOpen("\x83P\x00\x00\x00\x0a\x78\x9c")
		require.Error(t, err)
	})
}

func TestWindowOfOpenHasItsLimit(t *testing.T) {
	_, err := DecodeOpen(openPayload(t, 0, MaxWindow, requestTerm()))
	require.NoError(t, err)
	_, err = DecodeOpen(openPayload(t, 0, MaxWindow+1, requestTerm()))
	require.Error(t, err)
}

// Nesting is counted from the payload's own tuple: the tuple, the map, and 30
// lists in a value are 32 levels.
func TestNestingHasItsLimit(t *testing.T) {
	nested := func(levels int) any {
		var v any = 1
		for range levels {
			v = etf.List{v}
		}
		return v
	}
	_, err := DecodeOpen(openPayload(t, 0, 0, with(requestTerm(), "x", nested(MaxNesting-2))))
	require.NoError(t, err)
	_, err = DecodeOpen(openPayload(t, 0, 0, with(requestTerm(), "x", nested(MaxNesting-1))))
	require.ErrorContains(t, err, "nesting")
}

func TestOtherTypesOfStreamsAreNotRead(t *testing.T) {
	o, err := DecodeOpen(openPayload(t, 1, 0, etf.List{"whatever a call is"}))
	require.NoError(t, err)
	require.EqualValues(t, 1, o.Type)
}

// A count that no bytes stand behind must not be allocated.
func TestCountsAreNotBelieved(t *testing.T) {
	var lie strings.Builder
	lie.WriteString("\x83h\x03a\x00a\x00t\x00\x00\x00\x01m\x00\x00\x00\x07headersl\x7f\xff\xff\xff")
	allocated := testing.AllocsPerRun(10, func() { _, _ = DecodeOpen(lie.String()) })
	require.Less(t, allocated, 20.0)
	_, err := DecodeOpen(lie.String())
	require.Error(t, err)
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(openPayload(f, 0, 65536, requestTerm())))
	f.Add([]byte(openPayload(f, 1, 0, etf.List{})))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := DecodeOpen(string(b))
		if err != nil || o.Type != TypeHTTP {
			return
		}
		require.NotEmpty(t, o.Request.Method)
		require.LessOrEqual(t, o.Window, MaxWindow)
		for _, p := range o.Request.Headers {
			require.NotEmpty(t, p.Name)
		}
	})
}
