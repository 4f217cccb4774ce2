package bridge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

// Handlers whose responses must be those that they have under net/http.
var handlers = map[string]http.HandlerFunc{
	"nothing": func(http.ResponseWriter, *http.Request) {},
	"text":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") },
	"html":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html><body>") },
	"png":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\x89PNG\x0d\x0a\x1a\x0a")) },
	"empty write": func(w http.ResponseWriter, _ *http.Request) {
		n, err := w.Write(nil)
		_, _ = fmt.Fprint(w, n, err)
	},
	"own type": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	},
	"no type": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		_, _ = io.WriteString(w, "<html>")
	},
	"encoded": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "x-mine")
		_, _ = io.WriteString(w, "<html>")
	},
	"not found":     http.NotFound,
	"redirect":      func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x?y", http.StatusFound) },
	"no content":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	"status 999":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(999) },
	"status 200 ok": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) },
	"not modified": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "5")
		w.Header().Set("Etag", `"x"`)
		w.WriteHeader(http.StatusNotModified)
		_, err := io.WriteString(w, "x")
		requireIs(err, http.ErrBodyNotAllowed)
	},
	"no content with a length": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		w.WriteHeader(http.StatusNoContent)
	},
	"header after WriteHeader": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", "1")
		w.WriteHeader(http.StatusCreated)
		w.Header().Set("X-A", "2")
		w.Header().Set("X-B", "3")
		_, _ = io.WriteString(w, "x")
	},
	"header after the first Write": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "x")
		w.Header().Set("X-A", "2")
	},
	"superfluous WriteHeader": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusTeapot)
	},
	"several values": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header()["x-raw"] = []string{"value", ""}
	},
	"line breaks in values": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", "a\r\nSet-Cookie: b\nc") },
	"names that are none": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["a b"] = []string{"x"}
		w.Header()[""] = []string{"y"}
	},
	"declared length": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		_, _ = io.WriteString(w, "hello")
		_, err := io.WriteString(w, "more")
		requireIs(err, http.ErrContentLength)
	},
	"length nil": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Length"] = nil
		_, _ = io.WriteString(w, "x")
	},
	"identity": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Transfer-Encoding", "identity")
		_, _ = io.WriteString(w, "<html>")
	},
	"chunked": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Transfer-Encoding", "chunked")
		_, _ = io.WriteString(w, "<html>")
	},
	"flushed": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "b")
	},
	"flushed at once": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
	"large":           func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 300_000)) },
	"many small": func(w http.ResponseWriter, _ *http.Request) {
		for i := range 20_000 {
			_, _ = fmt.Fprintf(w, "%d,", i)
		}
	},
	"read from": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, onlyReader{strings.NewReader(strings.Repeat("y", 200_000))})
	},
	"read from little": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, onlyReader{strings.NewReader("little")})
	},
	"error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) },
	"file": func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "a.css", time.Unix(1700000000, 0), strings.NewReader("body { }"))
	},
	"announced trailer": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "x")
		w.Header().Set("X-Sum", "1")
		w.Header().Set("X-Other", "2")
	},
	"announced trailer twice": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		w.Header().Add("Trailer", "x-sum, Content-Length, X-None, a b")
		w.Header().Set("X-Sum", "1")
		w.Header().Set("Content-Length", "1")
		_, _ = io.WriteString(w, "x")
	},
	"late prefixed trailer": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "x")
		w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
	},
	"early prefixed trailer": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
		w.Header().Add(http.TrailerPrefix+"X-Sum", "2\n3")
		w.Header().Set(http.TrailerPrefix+"X Sum", "2")
		_, _ = io.WriteString(w, "x")
	},
	"trailers without a body": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Sum", "1")
	},
	"prefixed trailer": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
	},
	"continue, processing, early hints": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", "a")
		w.Header().Set("Content-Length", "1")
		w.Header()["a b"] = []string{"x"}
		w.WriteHeader(http.StatusContinue)
		w.WriteHeader(http.StatusProcessing)
		w.Header().Set("X-A", "line\nbreak")
		w.WriteHeader(199)
		_, _ = io.WriteString(w, "x")
	},
	"empty write without a body": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		_, err := w.Write(nil)
		w.Header().Set(http.TrailerPrefix+"X-Err", fmt.Sprint(err))
	},
	"status 299": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(299) },
	"early hints": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("X-A", "b")
		_, _ = io.WriteString(w, "x")
	},
	"read body echo": func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) },
}

type onlyReader struct{ io.Reader }

func requireIs(err, target error) {
	if !errors.Is(err, target) {
		panic(fmt.Sprintf("%v, expected %v", err, target))
	}
}

// seen is a response as a client sees it.
type seen struct {
	status  int
	informs []inform
	header  http.Header
	body    string
	trailer http.Header
}

type inform struct {
	status int
	header http.Header
}

// protocols are the two whose rules for fields differ.
var protocols = map[string][2]int{"HTTP1": {1, 1}, "HTTP2": {2, 0}}

// netHTTP is net/http's own server for the handler, and how to ask it by the protocol.
func netHTTP(t *testing.T, handler http.Handler, version [2]int) (*httptest.Server, *http.Transport) {
	t.Helper()
	srv := httptest.NewUnstartedServer(handler)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	if version[0] == 1 {
		srv.Start()
	} else {
		srv.EnableHTTP2 = true
		srv.StartTLS()
		transport = srv.Client().Transport.(*http.Transport)
		transport.DisableCompression = true
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
	})
	return srv, transport
}

// Answers of net/http's own on HTTP/2 that its own client does not take, because
// the length that they declare is not that of the body.
var brokenOnHTTP2 = []string{"no content with a length", "not modified", "declared length"}

func TestResponsesAreThoseOfNetHTTP(t *testing.T) {
	for protocol, version := range protocols {
		for name, handler := range handlers {
			if version[0] == 2 && slices.Contains(brokenOnHTTP2, name) {
				continue
			}
			t.Run(protocol+"/"+name, func(t *testing.T) {
				srv, transport := netHTTP(t, handler, version)
				for _, method := range []string{"GET", "HEAD", "POST"} {
					if name == "length nil" && method != "HEAD" && version[0] == 1 {
						continue // net/http sends it in chunks; that is the host's to do
					}
					var body []byte
					if method == "POST" {
						body = []byte("the request's body")
					}
					require.Equal(t, overHTTP(t, srv, transport, method, body), overBridge(t, handler, version, method, body), method)
				}
			})
		}
	}
}

func overHTTP(t *testing.T, srv *httptest.Server, transport *http.Transport, method string, body []byte) seen {
	t.Helper()
	var s seen
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			s.informs = append(s.informs, inform{code, http.Header(header)})
			return nil
		},
	})
	req, err := http.NewRequestWithContext(ctx, method, srv.URL, bytes.NewReader(body))
	require.NoError(t, err)
	res, err := transport.RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	s.status, s.header, s.body, s.trailer = res.StatusCode, res.Header, string(b), res.Trailer
	// What the other side of the wire adds, or takes away.
	for _, name := range []string{"Date", "Connection", "Trailer"} {
		delete(s.header, name)
	}
	for name, v := range s.trailer {
		if v == nil {
			delete(s.trailer, name)
		}
	}
	if len(s.trailer) == 0 {
		s.trailer = nil
	}
	return s
}

func overBridge(t *testing.T, handler http.Handler, version [2]int, method string, body []byte) seen {
	t.Helper()
	res := newHostOf(t, &bridge.Server{Handler: handler}).Do(bridgetest.Request{
		Method: method, Version: version, Body: body, Path: "/",
		Headers: []bridge.Header{{Name: "content-length", Value: fmt.Sprint(len(body))}},
	})
	require.Nil(t, res.Abort)
	s := seen{res.Status, nil, headerOf(res.Headers), string(res.Body), nil}
	for _, i := range res.Informs {
		s.informs = append(s.informs, inform{i.Status, headerOf(i.Headers)})
	}
	delete(s.header, "Trailer")
	delete(s.header, "Connection")
	if len(res.Trailers) > 0 {
		s.trailer = headerOf(res.Trailers)
	}
	return s
}

func headerOf(pairs []bridge.Header) http.Header {
	h := http.Header{}
	for _, p := range pairs {
		h.Add(p.Name, p.Value)
	}
	return h
}

func TestSmallResponsesAreOneFrame(t *testing.T) {
	const most = 16 << 10
	for _, n := range []int{0, 1, 255, 4 << 10, most} {
		h := newHost(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, n)) })
		res := h.Do(bridgetest.Request{})
		require.True(t, res.Whole, "%d bytes", n)
		require.Equal(t, fmt.Sprint(n), res.Header("Content-Length"))
		require.Len(t, res.Body, n)
	}
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, most+1)) })
	res := h.Do(bridgetest.Request{})
	require.False(t, res.Whole)
	require.Empty(t, res.Header("Content-Length"))
	require.Len(t, res.Body, most+1)
}

func TestReplyLargerThanCreditComesInParts(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	require.True(t, h.Do(bridgetest.Request{Window: 5}).Whole)
	s := h.Open(bridgetest.Request{Window: 4})
	s.Expect(bridgetest.Head)
	require.Equal(t, "hell", string(s.Expect(bridgetest.Chunk).Payload))
	s.Grant(1)
	require.Equal(t, "o", string(s.Expect(bridgetest.Chunk).Payload))
	s.Expect(bridgetest.Fin)
}

func TestBodylessResponsesNeedNoCredit(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 100_000)) })
	s := h.Open(bridgetest.Request{Method: "HEAD", Window: -1})
	s.Expect(bridgetest.Head)
	s.Expect(bridgetest.Fin)
}

func TestHeadsBeyondTheHostsLimitBreakTheResponse(t *testing.T) {
	// The rest of a head's payload is counted as 32 bytes, and a pair as 12 with its name and value.
	for over, frame := range map[int]bridgetest.Kind{0: bridgetest.Reply, 1: bridgetest.Abort} {
		leavesNothing(t)
		h := bridgetest.NewWith(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("y", 1000-32-13+over))
			w.Header()["Content-Length"] = nil
		})}, bridgetest.Config{MaxHead: 1000})
		s := h.Open(bridgetest.Request{})
		f := s.Expect(frame)
		if over > 0 {
			code, _ := reason(t, f)
			require.Equal(t, int(bridge.CodeTooLarge), code)
			_, text, _ := logLine(t, h)
			require.Contains(t, text, "head of 1001 bytes, expected at most 1000")
		}
	}
}

func TestTrailersBeyondTheHostsLimitBreakTheResponse(t *testing.T) {
	for over, frame := range map[int]bridgetest.Kind{0: bridgetest.Trailers, 1: bridgetest.Abort} {
		leavesNothing(t)
		h := bridgetest.NewWith(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			w.Header().Set(http.TrailerPrefix+"X", strings.Repeat("y", 1000-16-13+over))
		})}, bridgetest.Config{MaxHead: 1000})
		s := h.Open(bridgetest.Request{})
		f := s.Next()
		if f.Kind == bridgetest.Head { // an abort replaces it if it is not written yet
			f = s.Next()
		}
		require.Equal(t, frame, f.Kind)
	}
}

// What a handler gets wrong in a field costs the field and not the answer. The
// status and the body are compared with net/http's where its own client takes the answer.
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

// A body that is to be delimited by the end of its connection.
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

func TestInformationalResponses(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.Header().Set("Content-Length", "1")
		for range 17 {
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.WriteHeader(http.StatusContinue) // is the host's to send
		_, _ = io.WriteString(w, "x")
	})
	res := h.Do(bridgetest.Request{})
	require.Len(t, res.Informs, 16, "and no more than the host takes")
	require.Equal(t, bridgetest.Informational{Status: 103, Headers: []bridge.Header{{Name: "Link", Value: "</a.css>"}}}, res.Informs[0])
	require.Equal(t, "</a.css>", res.Header("Link"))
	require.Equal(t, "x", string(res.Body))
}

func TestSwitchingProtocolsIsRefused(t *testing.T) {
	errs := make(chan error, 1)
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusSwitchingProtocols)
		_, err := io.WriteString(w, "x")
		errs <- err
	})
	require.Equal(t, bridge.CodeBadResponse, h.Do(bridgetest.Request{}).Abort.Code)
	require.ErrorIs(t, within(t, errs), bridge.ErrAborted)
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

// net/http sends what there is, and cuts the connection.
func TestResponseShorterThanDeclaredIsSentAndBrokenOff(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		if r.URL.Path != "/nothing" {
			_, _ = io.WriteString(w, "hello")
		}
		if r.URL.Path == "/flushed" {
			w.(http.Flusher).Flush()
		}
	})
	for path, body := range map[string]string{"/": "hello", "/flushed": "hello", "/nothing": ""} {
		res := h.Do(bridgetest.Request{Path: path})
		require.Equal(t, 200, res.Status, path)
		require.Equal(t, "10", res.Header("Content-Length"))
		require.Equal(t, body, string(res.Body))
		require.Equal(t, bridge.CodeBadLength, res.Abort.Code)
		_, text, _ := logLine(t, h)
		require.Contains(t, text, fmt.Sprintf("body of %d bytes, declared were 10", len(body)))
	}
	require.Nil(t, h.Do(bridgetest.Request{Method: "HEAD"}).Abort)
}

// An abort replaces what its sender has not written [A4]; the bridge sends its own behind what the
// handler has flushed, however busy the writer is.
func TestHandlersThatFailDoNotTakeBackWhatTheyFlushed(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "partial")
		w.(http.Flusher).Flush()
		switch r.URL.Path {
		case "/panic":
			panic("boom")
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/goexit":
			runtime.Goexit()
		case "/trailers":
			w.Header().Set(http.TrailerPrefix+"X", strings.Repeat("y", 100_000))
		case "/deadline":
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(-time.Second))
			_, err := w.Write(make([]byte, 100_000))
			requireIs(err, os.ErrDeadlineExceeded)
		}
	})
	for path, code := range map[string]bridge.Code{
		"/panic": bridge.CodeInternalError, "/goexit": bridge.CodeInternalError, "/abort": bridge.CodeCancelled,
		"/trailers": bridge.CodeTooLarge, "/deadline": bridge.CodeCancelled,
	} {
		var streams []*bridgetest.Stream
		for range 100 { // or the writer would be done before the handler fails
			streams = append(streams, h.Open(bridgetest.Request{Path: path}))
		}
		for _, s := range streams {
			s.Expect(bridgetest.Head)
			require.Equal(t, "partial", string(s.Expect(bridgetest.Chunk).Payload))
			requireAbort(t, s, code)
		}
	}
}

// The failure waits for the writer, and the host may be first to end the stream.
func TestHostMayAbortWhatIsAboutToFail(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	for range 200 {
		s := h.Open(bridgetest.Request{})
		s.Abort(bridge.CodeNoError, "")
		f := s.Next()
		for f.Kind != bridgetest.Abort {
			f = s.Next()
		}
	}
	h.Ping(1)
	require.Equal(t, bridge.CodeCancelled, h.Do(bridgetest.Request{}).Abort.Code)
}

func TestPanicsCostOneStream(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X", "y")
		_, _ = io.WriteString(w, "partial")
		switch r.URL.Path {
		case "/after":
			w.(http.Flusher).Flush()
			panic("boom")
		case "/before":
			panic("boom")
		case "/goexit":
			runtime.Goexit()
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/abort-after":
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/status":
			w.WriteHeader(0)
		}
	})
	for _, path := range []string{"/before", "/goexit"} {
		res := h.Do(bridgetest.Request{Path: path})
		require.Equal(t, 500, res.Status, path)
		require.Equal(t, "Internal Server Error\n", string(res.Body))
		require.Empty(t, res.Header("X"), "of the handler's header nothing is left")
		level, text, meta := logLine(t, h)
		require.EqualValues(t, 3, level)
		require.NotEmpty(t, text)
		require.Contains(t, metaOf(meta, "stack"), "ServeHTTP")
		require.NotNil(t, metaOf(meta, "stream"))
	}
	require.Equal(t, bridge.CodeInternalError, h.Do(bridgetest.Request{Path: "/after"}).Abort.Code)
	_, text, _ := logLine(t, h)
	require.Equal(t, "bridge: panic serving GET /after: boom", text)
	require.Equal(t, bridge.CodeCancelled, h.Do(bridgetest.Request{Path: "/abort"}).Abort.Code)
	require.Equal(t, bridge.CodeCancelled, h.Do(bridgetest.Request{Path: "/abort-after"}).Abort.Code)
	res := h.Do(bridgetest.Request{Path: "/before", Method: "HEAD"})
	require.Equal(t, 500, res.Status)
	require.Empty(t, res.Body)
	_, text, _ = logLine(t, h)
	require.Contains(t, text, "HEAD /before", "ErrAbortHandler is not logged")
}

func TestSuperfluousWriteHeaderIsLoggedWithItsCaller(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusTeapot)
	})
	require.Equal(t, 202, h.Do(bridgetest.Request{}).Status)
	_, text, _ := logLine(t, h)
	require.Contains(t, text, "superfluous response.WriteHeader call from")
	require.Contains(t, text, "response_test.go:")
}

func TestWritesAfterTheHandlerHasReturnedFail(t *testing.T) {
	writers := make(chan http.ResponseWriter, 1)
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) { writers <- w })
	h.Do(bridgetest.Request{})
	w := <-writers
	_, err := w.Write([]byte("x"))
	require.Error(t, err)
	require.Error(t, http.NewResponseController(w).Flush())
	w.WriteHeader(200) // is logged
	_, text, _ := logLine(t, h)
	require.Contains(t, text, "after the handler has returned")
}

func TestWritesAfterAnAbortReturnTheCause(t *testing.T) {
	errs := make(chan error, 3)
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := w.Write(make([]byte, 100_000)) // waits for credit
		errs <- err
		_, err = io.WriteString(w, "x")
		errs <- err
		errs <- http.NewResponseController(w).Flush()
	})
	s := h.Open(bridgetest.Request{Window: 10})
	s.Expect(bridgetest.Head)
	s.Expect(bridgetest.Chunk)
	s.Abort(bridge.CodeCancelled, "")
	for range 3 {
		require.ErrorIs(t, within(t, errs), bridge.ErrClientGone)
	}
	requireAbort(t, s, bridge.CodeCancelled)
}

func TestWriteDeadlineEndsTheWaitingForCredit(t *testing.T) {
	errs := make(chan error, 2)
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		errs <- rc.SetWriteDeadline(time.Now().Add(time.Millisecond))
		_, err := w.Write(make([]byte, 100_000))
		errs <- err
	})
	s := h.Open(bridgetest.Request{Window: 10})
	require.NoError(t, within(t, errs))
	require.ErrorIs(t, within(t, errs), os.ErrDeadlineExceeded)
	// The body has a hole, so there is no clean end. The abort replaces what was not written yet.
	f := s.Next()
	for f.Kind == bridgetest.Head || f.Kind == bridgetest.Chunk {
		f = s.Next()
	}
	require.Equal(t, bridgetest.Abort, f.Kind)
}

func TestReadDeadlineEndsTheWaitingForTheBody(t *testing.T) {
	errs := make(chan error, 1)
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := r.Body.Read(make([]byte, 1))
		errs <- err
	})
	s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
	require.ErrorIs(t, within(t, errs), os.ErrDeadlineExceeded)
	s.Expect(bridgetest.Reply)
	s.Abort(bridge.CodeNoError, "")
}

func TestResponseControllerKnowsWhatThereIs(t *testing.T) {
	errs := make(chan error, 2)
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		errs <- rc.EnableFullDuplex()
		_, _, err := rc.Hijack()
		errs <- err
	})
	h.Do(bridgetest.Request{})
	require.NoError(t, within(t, errs))
	require.ErrorIs(t, within(t, errs), http.ErrNotSupported)
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
