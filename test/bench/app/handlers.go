package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// newHandler has what test/bench/erlang/bench_work.erl has, and the WebSocket of bench_handler.erl: the loads' paths.
func newHandler(files string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { text(w, "Hello, world!\n") })
	mux.HandleFunc("/headers", headers)
	mux.HandleFunc("/fields", fields)
	mux.HandleFunc("/gen", generate)
	mux.HandleFunc("/file/{name}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(files, r.PathValue("name")))
	})
	mux.HandleFunc("/upload", upload)
	mux.HandleFunc("/json", recode)
	mux.HandleFunc("/burn", newBurn())
	mux.HandleFunc("/burnfor", burnFor)
	mux.HandleFunc("/drip", drip)
	mux.HandleFunc("/log", chatter)
	mux.HandleFunc("/sleep", sleep)
	mux.HandleFunc("/sse", sse)
	mux.HandleFunc("/ws", echo)
	return mux
}

func text(w http.ResponseWriter, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, s)
}

func headers(w http.ResponseWriter, r *http.Request) {
	value := r.Header.Get("X-Bench-20")
	for i := 1; i <= 8; i++ {
		w.Header().Set("X-Reply-"+strconv.Itoa(i), value)
	}
	text(w, "ok\n")
}

func fields(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for i := range n {
		w.Header().Set("X-Reply-"+strconv.Itoa(i+1), "value-of-a-usual-length")
	}
	text(w, "ok\n")
}

// Bodies are generated out of block; it is read only.
var block = []byte(strings.Repeat("0123456789abcde\n", 32<<10/16))

func generate(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Query().Get("bytes"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(n))
	for n > 0 {
		piece := block[:min(n, len(block))]
		if _, err := w.Write(piece); err != nil {
			return
		}
		n -= len(piece)
	}
}

func upload(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	if _, err := io.Copy(sum, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	text(w, fmt.Sprintf("%x\n", sum.Sum(nil)))
}

func recode(w http.ResponseWriter, r *http.Request) {
	var v any
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v)
}

func sleep(w http.ResponseWriter, r *http.Request) {
	select {
	case <-time.After(milliseconds(r)):
		text(w, "slept\n")
	case <-r.Context().Done():
	}
}

func sse(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // or nginx keeps the first event back
	_, _ = io.WriteString(w, ": hello\n\n")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func milliseconds(r *http.Request) time.Duration {
	n, _ := strconv.Atoi(r.URL.Query().Get("ms"))
	return time.Duration(n) * time.Millisecond
}
