package apps

import (
	"net/http"
	"strings"

	"github.com/gwport/gwport/bridge"
)

// place cuts a request's path into the place where the app is mounted and what is behind it, which is empty or starts
// with a slash. That is what SCRIPT_NAME and PATH_INFO are for; but behind a catch-all route SCRIPT_NAME is empty, as it
// is under net/http, and there the app's own name as the first segment is its place.
func place(env bridge.Environ, name string) (mount, rest string) {
	script, info := env.String("SCRIPT_NAME"), env.String("PATH_INFO")
	if rest, ok := strings.CutPrefix(script+info, "/"+name); ok && (rest == "" || rest[0] == '/') {
		return "/" + name, rest
	}
	return script, info
}

// origin is what the command lines on a page begin with: the scheme and the host that the page was asked by.
func origin(r *http.Request) string { return originOf(bridge.EnvironOf(r)) }

func originOf(env bridge.Environ) string {
	return env.String("gwport.url_scheme") + "://" + env.Header("Host")
}

// allow answers 405 unless the request has one of the methods.
func allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, m := range methods {
		if r.Method == m {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	return false
}

// wantsHTML tells a browser from curl and other clients that take anything.
func wantsHTML(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// wantsPage is wantsHTML for an App.
func wantsPage(env bridge.Environ) bool {
	return strings.Contains(env.Header("Accept"), "text/html")
}
