package main

import (
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Handlers that do too much of something, for as long as they are told, while their client is there.

func during(w http.ResponseWriter, r *http.Request, do func(*http.ResponseController)) {
	c := http.NewResponseController(w)
	for end := time.Now().Add(milliseconds(r)); time.Now().Before(end) && r.Context().Err() == nil; {
		do(c)
	}
}

// drip sends a byte at a time.
func drip(w http.ResponseWriter, r *http.Request) {
	during(w, r, func(c *http.ResponseController) {
		_, _ = io.WriteString(w, "x")
		_ = c.Flush()
	})
}

// chatter logs.
func chatter(w http.ResponseWriter, r *http.Request) {
	during(w, r, func(*http.ResponseController) { slog.Info("bench: a line in the log", "path", r.URL.Path) })
	text(w, "said\n")
}
