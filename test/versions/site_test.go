package versions

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/test/cowboy"
)

// A site is a server as one mount and one protocol show it.
type site struct {
	*cowboy.Server
	t      *testing.T
	mount  cowboy.Mount
	http2  bool
	client *http.Client
}

func start(t *testing.T, options cowboy.Options) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	server, err := cowboy.Start(ctx, options)
	require.NoError(t, err)
	t.Cleanup(func() {
		server.Stop()
		if t.Failed() {
			log := server.Log()
			t.Logf("the end of the BEAM's log:\n%s", log[max(0, len(log)-4000):])
		}
	})
	return (&site{Server: server}).seen(t, cowboy.Route, false)
}

// seen is the same server by a mount and a protocol.
func (s *site) seen(t *testing.T, mount cowboy.Mount, http2 bool) *site {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetUnencryptedHTTP2(http2)
	transport := &http.Transport{Protocols: protocols, ExpectContinueTimeout: requestLimit}
	t.Cleanup(transport.CloseIdleConnections)
	return &site{s.Server, t, mount, http2, &http.Client{Transport: transport, Timeout: requestLimit}}
}

type answer struct {
	status  int
	header  http.Header
	body    string
	trailer http.Header
	err     error
}

func (s *site) url(path string) string { return "http://" + s.Addr(s.mount, false) + path }

func (s *site) send(ctx context.Context, method, path string, header http.Header, body io.Reader) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, s.url(path), body)
	require.NoError(s.t, err)
	r.Header = header
	if header == nil {
		r.Header = make(http.Header)
	}
	response, err := s.client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(text), response.Trailer, err}
}

func (s *site) get(path string) answer {
	s.t.Helper()
	a := s.send(s.t.Context(), "GET", path, nil, nil)
	require.NoError(s.t, a.err)
	return a
}

func (s *site) gets(path, body string) {
	s.t.Helper()
	a := s.get(path)
	require.Equal(s.t, http.StatusOK, a.status, a.body)
	require.Equal(s.t, body, a.body)
}

// open gives a response of which the head has come.
func (s *site) open(path string) (*http.Response, context.CancelFunc) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", s.url(path), nil)
	require.NoError(s.t, err)
	response, err := s.client.Do(r)
	require.NoError(s.t, err)
	s.t.Cleanup(func() {
		cancel()
		_ = response.Body.Close() // the case has looked at the end, if it is about that
	})
	return response, cancel
}

func (s *site) reads(from io.Reader, text string) {
	s.t.Helper()
	buf := make([]byte, len(text))
	_, err := io.ReadFull(from, buf)
	require.NoError(s.t, err)
	require.Equal(s.t, text, string(buf))
}

// pause is between two looks at a state that nothing announces.
const pause = 20 * time.Millisecond

// until looks until it is so. (The condition of require.Eventually has a goroutine of its own, where a case cannot end.)
func (s *site) until(so func() bool, pause time.Duration) {
	s.t.Helper()
	for end := time.Now().Add(requestLimit); !so(); {
		require.True(s.t, time.Now().Before(end), "it never was so")
		<-time.After(pause)
	}
}

// A talk is an exchange with /echo whose two bodies are under way.
type talk struct {
	site     *site
	writer   *io.PipeWriter
	response *http.Response
}

func (s *site) talk() *talk {
	s.t.Helper()
	reader, writer := io.Pipe()
	r, err := http.NewRequestWithContext(s.t.Context(), "POST", s.url("/echo"), reader)
	require.NoError(s.t, err)
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(writer, "first\n")
		sent <- err
	}()
	response, err := s.client.Do(r)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = response.Body.Close() }) // its end was looked at
	require.NoError(s.t, <-sent)
	s.reads(response.Body, "first\n")
	return &talk{s, writer, response}
}

// exchange sends a piece and has it back.
func (t *talk) exchange(piece string) {
	t.site.t.Helper()
	_, err := io.WriteString(t.writer, piece)
	require.NoError(t.site.t, err)
	t.site.reads(t.response.Body, piece)
}

// end wants the answer whole.
func (t *talk) end() {
	t.site.t.Helper()
	require.NoError(t.site.t, t.writer.Close())
	rest, err := io.ReadAll(t.response.Body)
	require.NoError(t.site.t, err)
	require.Empty(t.site.t, rest)
}
