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
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

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

var protocols = map[string][2]int{"HTTP1": {1, 1}, "HTTP2": {2, 0}}

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
