package apps

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// captureLog sends slog's lines to a buffer for the rest of the test.
func captureLog(t *testing.T) *bytes.Buffer {
	t.Helper()
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &log
}

// watched is a response that a test looks at while the handler still writes it.
type watched struct {
	mu  sync.Mutex
	rec *httptest.ResponseRecorder
}

func (w *watched) Header() http.Header { return w.rec.Header() }
func (w *watched) WriteHeader(int)     {}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rec.Write(b)
}

func (w *watched) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rec.Flush()
}

func (w *watched) text() (body string, flushed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rec.Body.String(), w.rec.Flushed
}

func TestEvents_ticks_each_second_until_the_client_leaves(t *testing.T) {
	log := captureLog(t)
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("client gone")
		ctx, leave := context.WithCancelCause(context.Background())
		r := httptest.NewRequest("GET", "/events", nil).WithContext(ctx)
		r.Header.Set("Last-Event-Id", "41")
		w := &watched{rec: httptest.NewRecorder()}
		go events(w, r)
		synctest.Wait()
		body, flushed := w.text()
		require.True(t, flushed)
		require.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
		start := time.Now()
		want := "retry: 2000\n\nid: 42\ndata: " + start.Format(time.RFC3339) + "\n\n"
		require.Equal(t, want, body, "the first event does not wait")

		time.Sleep(2 * time.Second) // the bubble's time, which costs none
		synctest.Wait()
		want += "id: 43\ndata: " + start.Add(time.Second).Format(time.RFC3339) + "\n\n"
		want += "id: 44\ndata: " + start.Add(2*time.Second).Format(time.RFC3339) + "\n\n"
		body, _ = w.text()
		require.Equal(t, want, body)

		leave(gone)
		synctest.Wait()
		require.Contains(t, log.String(), `sent=3 cause="client gone" error=<nil>`)
	})
}

// deafWriter fails like a client that has left.
type deafWriter struct{ header http.Header }

func (deafWriter) Write([]byte) (int, error) { return 0, errors.New("nobody listens") }
func (w deafWriter) Header() http.Header     { return w.header }
func (deafWriter) WriteHeader(int)           {}

func TestEvents_ends_when_a_write_fails(t *testing.T) {
	log := captureLog(t)
	events(deafWriter{http.Header{}}, httptest.NewRequest("GET", "/events/stream", nil))
	require.Contains(t, log.String(), `sent=0 cause=<nil> error="nobody listens"`)
}

func TestEvents_page_listens_where_the_app_is_mounted(t *testing.T) {
	w := ask(http.HandlerFunc(events), "GET", "/events", "Accept", "text/html")
	require.Contains(t, w.Body.String(), `new EventSource("/events" + "/stream")`)
	require.False(t, strings.Contains(w.Body.String(), "data: "))
	require.Equal(t, 404, ask(http.HandlerFunc(events), "GET", "/events/none").Code)
	require.Equal(t, 405, ask(http.HandlerFunc(events), "POST", "/events/stream").Code)
	require.Equal(t, 200, ask(http.HandlerFunc(events), "HEAD", "/events/stream").Code)
}
