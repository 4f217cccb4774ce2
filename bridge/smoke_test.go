package bridge_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

func TestSmoke(t *testing.T) {
	h := bridgetest.New(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Path", r.URL.Path)
		io.WriteString(w, r.Method+" "+string(b))
	})})
	res := h.Do(bridgetest.Request{Path: "/a?b=c"})
	require.Equal(t, 200, res.Status)
	require.Equal(t, "GET ", string(res.Body))
	require.Equal(t, "/a", res.Header("X-Path"))
	big := strings.Repeat("x", 1<<20)
	res = h.Do(bridgetest.Request{Method: "POST", Body: []byte(big)})
	require.Equal(t, "POST "+big, string(res.Body))
	require.True(t, res.Entered)
}
