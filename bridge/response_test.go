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
		w.Header()["x-raw"] = []string{"  trimmed\t", ""}
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
	"prefixed trailer": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
	},
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
	header  http.Header
	body    string
	trailer http.Header
}

func TestResponsesAreThoseOfNetHTTP(t *testing.T) {
	for name, handler := range handlers {
		srv := httptest.NewServer(handler)
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		for _, method := range []string{"GET", "HEAD", "POST"} {
			t.Run(name+"/"+method, func(t *testing.T) {
				if name == "length nil" && method != "HEAD" {
					t.Skip("net/http sends no framing for it")
				}
				var body []byte
				if method == "POST" {
					body = []byte("the request's body")
				}
				require.Equal(t, overHTTP(t, srv, method, body), overBridge(t, handler, method, body))
			})
		}
		srv.Close()
	}
}

func overHTTP(t *testing.T, srv *httptest.Server, method string, body []byte) seen {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, srv.URL, bytes.NewReader(body))
	require.NoError(t, err)
	res, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	s := seen{res.StatusCode, res.Header, string(b), res.Trailer}
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

func overBridge(t *testing.T, handler http.HandlerFunc, method string, body []byte) seen {
	t.Helper()
	h := newHost(t, handler)
	res := h.Do(bridgetest.Request{Method: method, Body: body, Headers: []bridge.Header{
		{Name: "content-length", Value: fmt.Sprint(len(body))},
	}})
	require.Nil(t, res.Abort)
	s := seen{res.Status, headerOf(res.Headers), string(res.Body), nil}
	delete(s.header, "Trailer")
	if len(res.Trailers) > 0 && method != "HEAD" {
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

// net/http sends the invalid header on if WriteHeader was not called.
func TestInvalidLengthIsDropped(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "many")
		_, _ = io.WriteString(w, "hello")
	})
	res := h.Do(bridgetest.Request{})
	require.Equal(t, "5", res.Header("Content-Length"))
	_, text, _ := logLine(t, h)
	require.Contains(t, text, `invalid Content-Length of "many"`)
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

func TestResponseShorterThanDeclaredIsBrokenOff(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "hello")
		if r.URL.Path == "/flushed" {
			w.(http.Flusher).Flush()
		}
	})
	require.Equal(t, bridge.CodeBadLength, h.Do(bridgetest.Request{}).Abort.Code)
	res := h.Do(bridgetest.Request{Path: "/flushed"})
	require.Equal(t, bridge.CodeBadLength, res.Abort.Code)
	_, text, meta := logLine(t, h)
	require.Contains(t, text, "body of 5 bytes, declared were 10")
	require.EqualValues(t, 256, metaOf(meta, "stream"))
	require.Nil(t, h.Do(bridgetest.Request{Method: "HEAD"}).Abort)
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
