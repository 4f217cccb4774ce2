package versions

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/test/cowboy"
)

// cases go by each mount and each protocol.
var cases = []struct {
	name string
	run  func(s *site)
}{
	{"a request and its answer arrive whole", requestArrives},
	{"uploads arrive, with a length and without", uploads},
	{"an upload that nobody reads is answered", unreadUpload},
	{"both ways at once", duplex},
	{"a client that waits is told to go on", expectation},
	{"early hints", earlyHints},
	{"trailers", trailersArrive},
	{"events, one by one", eventsArrive},
	{"a slow client stalls its handler, and its leaving ends it", slowClient},
	{"a panic is 500, and later a broken response", panics},
	{"log lines", logLines},
	{"without HTTP", withoutHTTP},
}

func runCases(t *testing.T, s *site) {
	for _, mount := range []cowboy.Mount{cowboy.Route, cowboy.Stream} {
		for _, http2 := range []bool{false, true} {
			name := fmt.Sprintf("%s by HTTP/%d", mount, map[bool]int{false: 1, true: 2}[http2])
			for _, c := range cases {
				t.Run(name+"/"+c.name, func(t *testing.T) { c.run(s.seen(t, mount, http2)) })
			}
		}
	}
	// These end the program, one way after the other.
	for _, mount := range []cowboy.Mount{cowboy.Route, cowboy.Stream} {
		t.Run(string(mount)+"/a killed program is replaced", func(t *testing.T) { killed(s.seen(t, mount, false)) })
		t.Run(string(mount)+"/SIGTERM drains", func(t *testing.T) { terminated(s.seen(t, mount, false)) })
	}
	t.Run("a stop drains", func(t *testing.T) { drained(s.seen(t, cowboy.Route, false)) })
}

func requestArrives(s *site) {
	a := s.send(s.t.Context(), "BREW", "/request?a=b%20c", http.Header{"X-Sent": {"é"}}, nil)
	require.NoError(s.t, a.err)
	proto := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[s.http2]
	require.Equal(s.t, "BREW /request?a=b%20c "+s.Addr(s.mount, false)+" "+proto+" 0 é true\n", a.body)
	require.Equal(s.t, http.StatusTeapot, a.status)
	require.Equal(s.t, []string{"a=1", "b=2"}, a.header["Set-Cookie"])
	require.Equal(s.t, http.StatusNotFound, s.get("/none").status)
}

func uploads(s *site) {
	for _, size := range []int{0, 1, 65_536, 8 << 20} {
		body := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
		hash := sha256.Sum256(body)
		want := fmt.Sprint(size, " ", hex.EncodeToString(hash[:]), " <nil>")
		for _, reader := range []io.Reader{bytes.NewReader(body), io.MultiReader(bytes.NewReader(body))} {
			a := s.send(s.t.Context(), "POST", "/sum", nil, reader)
			require.NoError(s.t, a.err)
			require.Equal(s.t, want, a.body)
		}
	}
}

func unreadUpload(s *site) {
	a := s.send(s.t.Context(), "POST", "/unread", nil, bytes.NewReader(make([]byte, 50_000)))
	require.NoError(s.t, a.err)
	require.Equal(s.t, "not read", a.body)
	s.gets("/unread", "not read")
}

func duplex(s *site) {
	t := s.talk()
	for i := range 10 {
		t.exchange(fmt.Sprintf("piece %d\n", i))
	}
	t.end()
}

func expectation(s *site) {
	continued := false
	ctx := httptrace.WithClientTrace(s.t.Context(), &httptrace.ClientTrace{Got100Continue: func() { continued = true }})
	a := s.send(ctx, "POST", "/sum", http.Header{"Expect": {"100-continue"}}, strings.NewReader("0123456789abcde\n"))
	require.NoError(s.t, a.err)
	require.True(s.t, continued)
	require.True(s.t, strings.HasPrefix(a.body, "16 "), a.body)
}

func earlyHints(s *site) {
	var links []string
	ctx := httptrace.WithClientTrace(s.t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			links = append(links, fmt.Sprint(code, " ", header.Get("Link")))
			return nil
		},
	})
	a := s.send(ctx, "GET", "/hints", nil, nil)
	require.NoError(s.t, a.err)
	require.Equal(s.t, "hinted", a.body)
	require.Equal(s.t, []string{"103 </style.css>; rel=preload"}, links)
}

func trailersArrive(s *site) {
	a := s.send(s.t.Context(), "GET", "/trailers", http.Header{"Te": {"trailers"}}, nil)
	require.NoError(s.t, a.err)
	require.Equal(s.t, "body", a.body)
	require.Equal(s.t, http.Header{"X-Declared": {"1"}, "X-Late": {"2"}}, a.trailer)
}

func eventsArrive(s *site) {
	response, _ := s.open("/events")
	require.Equal(s.t, "text/event-stream", response.Header.Get("Content-Type"))
	for i := range 3 {
		s.reads(response.Body, fmt.Sprintf("data: %d\n\n", i))
		s.gets("/go", "gone on")
	}
	rest, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	require.Empty(s.t, rest)
	response, leave := s.open("/events")
	s.reads(response.Body, "data: 0\n\n")
	leave()
	s.gets("/left", "events")
}

// slowClient reads a little and then nothing: what its handler can write meanwhile is bounded by the window, by Cowboy's
// buffers and by the sockets', and a second request is not kept.
func slowClient(s *site) {
	const most = 64 << 20
	response, leave := s.open("/endless")
	_, err := io.ReadFull(response.Body, make([]byte, 100_000))
	require.NoError(s.t, err)
	last := ""
	s.until(func() bool {
		now := s.get("/written").body
		stalled := now == last
		last = now
		return stalled
	}, 300*time.Millisecond)
	var written int64
	_, err = fmt.Sscan(last, &written)
	require.NoError(s.t, err)
	require.Less(s.t, written, int64(most))
	leave()
	s.gets("/left", "endless")
}

func panics(s *site) {
	require.Equal(s.t, http.StatusInternalServerError, s.get("/panic").status)
	response, _ := s.open("/late-panic")
	s.reads(response.Body, "waiting, ")
	s.gets("/go", "gone on")
	_, err := io.ReadAll(response.Body)
	require.Error(s.t, err)
	s.gets("/unread", "not read")
}

func logLines(s *site) {
	mark := fmt.Sprintf("mark-%s-%t", s.mount, s.http2)
	require.Equal(s.t, http.StatusOK, s.get("/log?text="+mark).status)
	for _, line := range []string{"by slog " + mark, "value " + mark, "on stdout " + mark, "on stderr " + mark, "by log " + mark} {
		s.until(func() bool { return strings.Contains(s.Log(), line) }, pause)
	}
}

func withoutHTTP(s *site) {
	text, err := s.Eval(s.t.Context(), `{ok, {200, _, Body}} = gwport:request(app, #{method => <<"POST">>,
		path => <<"/sum">>, body => <<"0123456789abcde\n">>}), Body`)
	require.NoError(s.t, err)
	require.True(s.t, strings.HasPrefix(string(text), "16 "), string(text))
}
