package apps

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/stretchr/testify/require"
)

func TestMessage_reaches_all_who_wait_and_nobody_else(t *testing.T) {
	h := bridgetest.New(t, &bridge.Server{Handler: newMessage()})
	post := func(box, text string) bridgetest.Response {
		return h.Do(bridgetest.Request{Method: "POST", Path: "/message/" + box, Body: []byte(text)})
	}
	require.Equal(t, 404, post("tea", "lost").Status)
	first := h.Open(bridgetest.Request{Path: "/message/tea"})
	second := h.Open(bridgetest.Request{Path: "/message/tea"})
	other := h.Open(bridgetest.Request{Path: "/message/coffee"})
	untilWaiting(t, h, 3)
	require.Equal(t, "2\n", string(post("tea", "ready").Body))
	for _, s := range []*bridgetest.Stream{first, second} {
		require.Contains(t, string(s.Expect(bridgetest.Reply).Payload), "ready")
	}
	require.Zero(t, other.Pending())
	other.Abort(bridge.CodeCancelled, "")
	other.Expect(bridgetest.Abort)
}

func TestMessage_forgets_who_has_left(t *testing.T) {
	b := &boxes{waiting: map[string]map[*receiver]bool{}}
	h := bridgetest.New(t, &bridge.Server{Handler: b.app()})
	s := h.Open(bridgetest.Request{Path: "/message/tea"})
	untilWaiting(t, h, 1)
	s.Abort(bridge.CodeCancelled, "")
	untilWaiting(t, h, 0)
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(t, b.waiting, "the box is forgotten, too")
}

func untilWaiting(t *testing.T, h *bridgetest.Host, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		return string(h.Do(bridgetest.Request{Path: "/message"}).Body) == strconv.Itoa(n)+"\n"
	}, 10*time.Second, time.Millisecond)
}

func TestMessage_refuses_what_it_does_not_take(t *testing.T) {
	app := newMessage()
	send := func(method, path, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w
	}
	require.Equal(t, 413, send("POST", "/message/x", strings.Repeat("x", maxMessage+1)).Code)
	require.Equal(t, 404, send("POST", "/message/x", strings.Repeat("x", maxMessage)).Code)
	require.Equal(t, 404, send("GET", "/message/"+strings.Repeat("x", maxBox+1), "").Code)
	require.Equal(t, 404, send("POST", "/message/a/b", "").Code)
	require.Equal(t, "GET, POST", send("PUT", "/message/x", "").Header().Get("Allow"))
	require.Equal(t, "GET, HEAD", send("POST", "/message", "").Header().Get("Allow"))
	require.Contains(t, ask(app, "GET", "/message", "Accept", "text/html").Body.String(), "http://example.com/message/breakfast")
}
