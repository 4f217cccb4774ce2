package apps

import (
	"net/http/httptest"
	"testing"

	"github.com/gwport/gwport/bridge"
	"github.com/stretchr/testify/require"
)

func TestPlace(t *testing.T) {
	for _, c := range []struct{ script, info, mount, rest string }{
		{"", "/files", "/files", ""},
		{"", "/files/", "/files", "/"},
		{"", "/files/a/b", "/files", "/a/b"},
		{"/files", "", "/files", ""},
		{"/files", "/a", "/files", "/a"},
		{"/files/a", "", "/files", "/a"}, // a route without [...]
		{"/go/files", "/a", "/go/files", "/a"},
		{"/static", "/files/a", "/static", "/files/a"},
		{"", "/filesystem", "", "/filesystem"},
		{"", "/", "", "/"},
		{"", "*", "", "*"},
	} {
		mount, rest := place(bridge.Environ{"SCRIPT_NAME": c.script, "PATH_INFO": c.info}, "files")
		require.Equal(t, []string{c.mount, c.rest}, []string{mount, rest}, c)
	}
}

func TestAllow_names_the_methods(t *testing.T) {
	w := httptest.NewRecorder()
	require.False(t, allow(w, httptest.NewRequest("PATCH", "/", nil), "GET", "HEAD"))
	require.Equal(t, 405, w.Code)
	require.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
}
