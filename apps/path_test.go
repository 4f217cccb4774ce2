package apps

import (
	"net/http/httptest"
	"strings"
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

// A command line that is copied from a page asks the server that the page came from.
func TestPages_name_the_scheme_that_they_were_asked_by(t *testing.T) {
	for _, origin := range []string{"http://example.test:8080", "https://example.test"} {
		for _, name := range []string{"echo", "events", "files", "upload"} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", origin+"/"+name, nil)
			r.Header.Set("Accept", "text/html")
			Handlers()[name].ServeHTTP(w, r)
			_, command, _ := strings.Cut(w.Body.String(), "<pre>curl ")
			command, _, _ = strings.Cut(command, "</pre>")
			require.Contains(t, command, origin+"/"+name)
			require.Equal(t, 1, strings.Count(command, "://"), command)
		}
	}
}
