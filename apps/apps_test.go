package apps

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAll_is_sorted_and_described(t *testing.T) {
	t.Setenv("GWPORT_FAULTS", "1")
	var names []string
	for _, a := range All() {
		names = append(names, a.Name)
		require.Regexp(t, `^[A-Z].*\.$`, a.Summary)
		require.NotNil(t, a.Handler)
	}
	require.Equal(t, []string{"echo", "environ", "events", "faults", "files", "gateway", "hello", "longpoll", "message", "triple", "upload"}, names)
	require.ElementsMatch(t, append(names, CheckName), slices.Collect(maps.Keys(Handlers())))
}

func TestFaults_are_served_only_when_asked_for(t *testing.T) {
	for _, v := range []string{"", "0", "true"} {
		t.Setenv("GWPORT_FAULTS", v)
		require.NotContains(t, Handlers(), "faults")
		require.Len(t, All(), 10)
	}
}

func TestIndex_lists_what_is_served(t *testing.T) {
	t.Setenv("GWPORT_FAULTS", "")
	body := ask(Index(), "GET", "/", "Accept", "text/html").Body.String()
	plain := ask(Index(), "GET", "/").Body.String()
	for _, a := range All() {
		require.Contains(t, body, `<a href="/`+a.Name+`">`)
		require.Contains(t, plain, a.Name+"\t"+a.Summary+"\n")
	}
	require.NotContains(t, body, "faults")
	require.Equal(t, 404, ask(Index(), "GET", "/favicon.ico").Code)
}

func TestEvery_page_is_HTML_and_links_back(t *testing.T) {
	t.Setenv("GWPORT_FAULTS", "1")
	for _, a := range All() {
		if a.Name == "hello" { // which is text
			continue
		}
		for _, path := range []string{"/" + a.Name, "/" + a.Name + "/"} {
			w := ask(a.Handler, "GET", path, "Accept", "text/html,*/*;q=0.8")
			require.Equal(t, 200, w.Code, path)
			require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"), path)
			require.Contains(t, w.Body.String(), "<!doctype html>", path)
			require.Contains(t, w.Body.String(), `<a href="/">`, path)
			require.Contains(t, w.Body.String(), "<h1>"+a.Name+"</h1>", path)
			require.NotContains(t, w.Body.String(), "ZgotmplZ", path)
		}
	}
}

// ask asks a handler without a server, but for the end of the context; header has names and values in turn.
func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := httptest.NewRequest(method, path, nil).WithContext(ctx)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
