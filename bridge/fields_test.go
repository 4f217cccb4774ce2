package bridge_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

func TestFieldsThatAreWrongCostNoMoreThanTheField(t *testing.T) {
	for name, c := range map[string]struct {
		field        string
		values       []string
		http1, http2 []string // what is sent
		netHTTP      bool     // net/http's answer is one that its client takes
	}{
		"NUL":                   {"X", []string{"a\x00b"}, []string{"a b"}, nil, false},
		"control character":     {"X", []string{"a\x01b", "c", "d\te\x7f"}, []string{"a b", "c", "d\te"}, []string{"c"}, false},
		"line break":            {"X", []string{"a\r\nY: b"}, []string{"a  Y: b"}, nil, true},
		"spaces around":         {"X", []string{"  a\t"}, []string{"a"}, []string{"a"}, true},
		"beyond ASCII":          {"X", []string{"\xff\u00e9"}, []string{"\xff\u00e9"}, []string{"\xff\u00e9"}, true},
		"name with a space":     {"X Y", []string{"a"}, nil, nil, true},
		"name with a NUL":       {"X\x00", []string{"a"}, nil, nil, true},
		"name beyond ASCII":     {"X\u00e9", []string{"a"}, nil, nil, true},
		"no name":               {"", []string{"a"}, nil, nil, true},
		"name with a colon":     {"X:", []string{"a"}, nil, nil, true},
		"empty length":          {"Content-Length", []string{""}, []string{"5"}, []string{"5"}, false},
		"length with a sign":    {"Content-Length", []string{"+5"}, []string{"5"}, []string{"5"}, false},
		"length that is none":   {"Content-Length", []string{"many"}, []string{"5"}, []string{"5"}, false},
		"length below 0":        {"Content-Length", []string{"-5"}, []string{"5"}, []string{"5"}, false},
		"length beyond 64 bits": {"Content-Length", []string{"99999999999999999999"}, []string{"5"}, []string{"5"}, false},
		"length with zeros":     {"Content-Length", []string{"0005"}, []string{"5"}, []string{"5"}, true},
		"two lengths":           {"Content-Length", []string{"5", "6"}, []string{"5"}, []string{"5"}, false},
	} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()[c.field] = c.values
			_, _ = io.WriteString(w, "hello")
		})
		for protocol, version := range protocols {
			t.Run(protocol+"/"+name, func(t *testing.T) {
				want := c.http1
				if version[0] == 2 {
					want = c.http2
				}
				got := overBridge(t, handler, version, "GET", nil)
				require.Equal(t, 200, got.status)
				require.Equal(t, "hello", got.body)
				require.Equal(t, want, got.header[c.field])
				if c.netHTTP {
					srv, transport := netHTTP(t, handler, version)
					theirs := overHTTP(t, srv, transport, "GET", nil)
					require.Equal(t, theirs.status, got.status)
					require.Equal(t, theirs.body, got.body)
				}
			})
		}
	}
}

func TestWrongFieldsOfInformsAndTrailersAreMendedAsThoseOfHeads(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X"] = []string{"a\x00b"}
		w.Header()["x y"] = []string{"z"}
		w.Header()["content-length"] = []string{"1"}
		w.WriteHeader(http.StatusEarlyHints)
		delete(w.Header(), "X")
		_ = http.NewResponseController(w).Flush()
		w.Header()[http.TrailerPrefix+"Y"] = []string{"a\x00b", "c"}
		w.Header()[http.TrailerPrefix+"Y Y"] = []string{"a"}
	})
	got := overBridge(t, handler, [2]int{1, 1}, "GET", nil)
	require.Equal(t, []inform{{103, http.Header{"X": {"a b"}}}}, got.informs)
	require.Equal(t, http.Header{"Y": {"a b", "c"}}, got.trailer)
	got = overBridge(t, handler, [2]int{2, 0}, "GET", nil)
	require.Equal(t, []inform{{103, http.Header{}}}, got.informs)
	require.Equal(t, http.Header{"Y": {"c"}}, got.trailer)
}

func TestIdentityCodingClosesTheConnection(t *testing.T) {
	h := newHost(t, handlers["identity"])
	require.Equal(t, "close", h.Do(bridgetest.Request{}).Header("Connection"))
	require.Empty(t, h.Do(bridgetest.Request{Version: [2]int{2, 0}}).Header("Connection"))
}

func TestInvalidLengthIsLogged(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "many")
		_, _ = io.WriteString(w, "hello")
	})
	res := h.Do(bridgetest.Request{})
	require.Equal(t, "5", res.Header("Content-Length"))
	_, text, _ := logLine(t, h)
	require.Contains(t, text, `invalid Content-Length of "many"`)
}

func TestStatusesWithoutAPhraseHaveNetHTTPs(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, err := fmt.Sscanf(r.URL.Path, "/%d", &status)
		requireIs(err, nil)
		w.WriteHeader(status)
	})
	for status, phrase := range map[int]string{
		299: "status code 299", 999: "status code 999", 414: "Request URI Too Long", 422: "Unprocessable Entity", 200: "", 404: "",
	} {
		r := bridgetest.Request{Path: fmt.Sprintf("/%d", status)}
		require.Equal(t, phrase, h.Do(r).Reason, "empty: the host's, which is the same")
		r.Version = [2]int{2, 0}
		require.Empty(t, h.Do(r).Reason, "HTTP/2 has none")
	}
}

func TestDateThatIsNilIsSentEmpty(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/nil" {
			w.Header()["Date"] = nil
		}
	})
	require.Contains(t, h.Do(bridgetest.Request{Path: "/nil"}).Headers, bridge.Header{Name: "Date"})
	require.NotContains(t, headerOf(h.Do(bridgetest.Request{}).Headers), "Date")
}

func TestHeadersAreSentInOrder(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"C", "A", "B"} {
			w.Header().Set(name, "x")
		}
	})
	var names []string
	for _, p := range h.Do(bridgetest.Request{}).Headers {
		names = append(names, p.Name)
	}
	require.True(t, slices.IsSorted(names[:3]), "%v", names)
}
