package apps

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"
	"time"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/stretchr/testify/require"
)

// These ask the apps through frames, as a host would.
func newHost(t *testing.T) *bridgetest.Host {
	t.Helper()
	t.Setenv("GWPORT_FAULTS", "1")
	return bridgetest.New(t, &bridge.Server{Handler: Index(), Apps: Handlers()})
}

func TestWire_a_small_response_is_one_frame(t *testing.T) {
	res := newHost(t).Do(bridgetest.Request{App: "hello", Path: "/hello?name=Robert"})
	require.Equal(t, 200, res.Status)
	require.Equal(t, "Hello Robert from Go\n", string(res.Body))
	require.True(t, res.Whole)
}

func TestWire_every_app_answers(t *testing.T) {
	h := newHost(t)
	for _, a := range All() {
		res := h.Do(bridgetest.Request{App: a.Name, Path: "/" + a.Name, Headers: []bridge.Header{{Name: "accept", Value: "text/html"}}})
		require.Equal(t, 200, res.Status, a.Name)
		require.NotEmpty(t, res.Body, a.Name)
		require.Nil(t, res.Abort, a.Name)
	}
	require.Contains(t, string(h.Do(bridgetest.Request{}).Body), "hello\tHello from Go")
}

func TestWire_an_app_knows_where_its_route_is(t *testing.T) {
	h := newHost(t)
	res := h.Do(bridgetest.Request{App: "files", Path: "/static/go/", PathInfo: -1})
	require.Contains(t, string(res.Body), `<a href="/static/go/hello.txt">`)
	res = h.Do(bridgetest.Request{App: "files", Path: "/static/go/hello.txt", PathInfo: 1})
	require.Equal(t, "A file from inside the program.\n", string(res.Body))
	res = h.Do(bridgetest.Request{App: "environ", Path: "/a%2Fb/c?d", PathInfo: 1})
	for _, line := range []string{"SCRIPT_NAME: /a/b\n", "gwport.script_name: /a%2Fb\n", "PATH_INFO: /c\n", "URL.Path: /a/b/c\n"} {
		require.Contains(t, string(res.Body), line)
	}
}

func TestWire_bodies_larger_than_any_window(t *testing.T) {
	h := newHost(t)
	body, err := io.ReadAll(newLines(1 << 20))
	require.NoError(t, err)
	for _, chunked := range []bool{false, true} {
		res := h.Do(bridgetest.Request{App: "echo", Method: "POST", Path: "/echo", Body: body, Chunked: chunked})
		require.True(t, bytes.Equal(body, res.Body))
		require.True(t, res.Entered)
		res = h.Do(bridgetest.Request{App: "upload", Method: "PUT", Path: "/upload", Body: body, Chunked: chunked})
		sum := sha256.Sum256(body)
		require.Contains(t, string(res.Body), hex.EncodeToString(sum[:]))
		require.False(t, res.Entered, "PUT is idempotent")
	}
	res := h.Do(bridgetest.Request{App: "files", Path: "/files/big?bytes=1048576"})
	require.True(t, bytes.Equal(body, res.Body))
}

func TestWire_the_gateway_shapes(t *testing.T) {
	h := newHost(t)
	res := h.Do(bridgetest.Request{App: "gateway", Method: "POST", Path: "/gateway"})
	require.Equal(t, 303, res.Status)
	require.Equal(t, "/gateway", res.Header("Location"))
	require.NotEmpty(t, res.Header("Server-Timing"))
	res = h.Do(bridgetest.Request{App: "triple", Path: "/triple"})
	require.Equal(t, 200, res.Status)
	require.Equal(t, "Fine", res.Reason)
	require.Contains(t, string(res.Body), "<!-- asked for with GET -->")
}

func TestWire_faults_show_as_what_they_are(t *testing.T) {
	h := newHost(t)
	fault := func(path string) bridgetest.Response {
		return h.Do(bridgetest.Request{App: "faults", Path: "/faults/" + path})
	}
	require.Equal(t, 500, fault("panic").Status)
	require.Equal(t, bridge.CodeInternalError, fault("panic-late").Abort.Code)
	require.Equal(t, bridge.CodeBadLength, fault("short").Abort.Code)
	require.Len(t, fault("informational?count=2").Informs, 2)
	require.Len(t, fault("trailers").Trailers, 2)
	require.Equal(t, 200, fault("never-read").Status)
}

func TestWire_a_client_that_leaves_is_the_cause(t *testing.T) {
	for _, path := range []string{"sleep?s=60&", "events?ms=1&", "write?bytes=1e12&", "never-read?s=60&", "read?"} {
		t.Run(path, func(t *testing.T) {
			f := newFaults()
			h := bridgetest.New(t, &bridge.Server{Handler: f})
			s := h.Open(bridgetest.Request{Method: "PUT", Path: "/faults/" + path + "tag=x", Chunked: true})
			require.Eventually(t, func() bool { return f.runs.last("x").Handler != "" }, 10*time.Second, time.Millisecond)
			s.Abort(bridge.CodeCancelled, "")
			require.Eventually(t, func() bool { return f.runs.last("").Ended }, 10*time.Second, time.Millisecond)
			require.Equal(t, (&bridge.AbortError{Code: bridge.CodeCancelled}).Error(), f.runs.last("").Cause)
		})
	}
}
