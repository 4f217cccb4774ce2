package apps

import (
	"io"
	"net/http"
)

// hello is the smallest app there is: it would be the same under net/http.
func hello(w http.ResponseWriter, r *http.Request) {
	text := "Hello from Go\n"
	if name := r.URL.Query().Get("name"); name != "" {
		text = "Hello " + name + " from Go\n"
	}
	// Said outright, or the type would be guessed from a body that whoever made the link may have written.
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, text)
}
