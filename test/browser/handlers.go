package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

// largest is the size of the largest message.
const largest = 16 << 20

// page is where a browser's scripts run, so that they are of the same origin as what they ask for.
const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>browser</title><link rel="icon" href="data:,">`

func newHandler() http.Handler {
	mux := http.NewServeMux()
	w := &watch{told: make(map[string]chan string)}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) })
	mux.HandleFunc("GET /told", tell)
	mux.HandleFunc("GET /gorilla", overGorilla)
	mux.HandleFunc("GET /coder", overCoder)
	mux.HandleFunc("GET /pings", ping)
	mux.HandleFunc("GET /endless/{name}", w.endless)
	mux.HandleFunc("POST /endless/{name}", w.swallow)
	mux.HandleFunc("POST /idle/{name}", w.idle)
	mux.HandleFunc("GET /late/{name}", w.late)
	mux.HandleFunc("GET /watch/{name}/{what}", w.tellOf)
	mux.HandleFunc("POST /watch/{name}/{what}", w.hear)
	mux.HandleFunc("POST /counted", count)
	mux.HandleFunc("GET /log", say)
	return mux
}

// A told is what a handler knows of its request's connection.
type told struct {
	Proto  string `json:"proto"`
	Client string `json:"client"`
	TLS    bool   `json:"tls"`
}

func tellOf(r *http.Request) []byte {
	data, err := json.Marshal(told{r.Proto, r.RemoteAddr, r.TLS != nil})
	if err != nil {
		panic(err) // there is nothing in it that could not be written
	}
	return data
}

func tell(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(tellOf(r)) }

// say writes the query, as it was before it was encoded, to the log.
func say(w http.ResponseWriter, r *http.Request) {
	text, err := url.QueryUnescape(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	slog.Warn(text)
}

// overGorilla sends what comes back. "told?" is answered by what the handler knows, and "close" by a close.
func overGorilla(w http.ResponseWriter, r *http.Request) {
	upgrader := gorilla.Upgrader{Subprotocols: []string{"echo"}, EnableCompression: r.URL.Query().Has("compress")}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer conn.Close()
	conn.SetReadLimit(largest)
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			return
		}
		switch string(data) {
		case "close":
			closeGorilla(conn)
			return
		case "told?":
			data = tellOf(r)
		}
		if conn.WriteMessage(kind, data) != nil {
			return
		}
	}
}

// closeGorilla waits for the client's answer: the connection ends next.
func closeGorilla(conn *gorilla.Conn) {
	bye := gorilla.FormatCloseMessage(closeCode, closeReason)
	if conn.WriteControl(gorilla.CloseMessage, bye, time.Now().Add(closeLimit)) == nil {
		_, _, _ = conn.ReadMessage() // the error is the answer
	}
}

// By these handlers close where they are told to.
const (
	closeCode   = 4321
	closeReason = "enough, für heute"
	closeLimit  = 5 * time.Second
)

// overCoder does the same with the other library.
func overCoder(w http.ResponseWriter, r *http.Request) {
	options := &coder.AcceptOptions{Subprotocols: []string{"echo"}}
	if r.URL.Query().Has("compress") {
		options.CompressionMode = coder.CompressionContextTakeover
	}
	conn, err := coder.Accept(w, r, options)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(largest)
	for {
		kind, data, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		switch string(data) {
		case "close":
			_ = conn.Close(closeCode, closeReason) // what fails shows at the client
			return
		case "told?":
			data = tellOf(r)
		}
		if conn.Write(r.Context(), kind, data) != nil {
			return
		}
	}
}

// ping pings its client, and says when that has answered.
func ping(w http.ResponseWriter, r *http.Request) {
	conn, err := coder.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	ctx := conn.CloseRead(r.Context())
	if err := conn.Ping(ctx); err != nil {
		return
	}
	_ = conn.Write(ctx, coder.MessageText, []byte("pong"))
	<-ctx.Done()
}

// A watch keeps what handlers tell of themselves, by names that tests give. A handler tells something under a name once.
type watch struct {
	mu   sync.Mutex
	told map[string]chan string
}

func (s *watch) of(name string) chan string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told[name] == nil {
		s.told[name] = make(chan string, 1)
	}
	return s.told[name]
}

func (s *watch) begun(r *http.Request) { s.of(r.PathValue("name") + "/begun") <- "begun" }
func (s *watch) ended(r *http.Request, how error) {
	s.of(r.PathValue("name") + "/ended") <- fmt.Sprint(how)
}

// endless writes until its client has left.
func (s *watch) endless(w http.ResponseWriter, r *http.Request) {
	flusher := http.NewResponseController(w)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for r.Context().Err() == nil {
		_, _ = fmt.Fprintln(w, "more")
		_ = flusher.Flush() // the context tells when nobody is there
		select {
		case <-ticker.C:
		case <-r.Context().Done():
		}
	}
	s.ended(r, context.Cause(r.Context()))
}

// swallow reads until its client has sent all, or has left. It has begun with the first byte.
func (s *watch) swallow(_ http.ResponseWriter, r *http.Request) {
	_, err := io.CopyN(io.Discard, r.Body, 1)
	if err == nil {
		s.begun(r)
		_, err = io.Copy(io.Discard, r.Body)
	}
	s.ended(r, err)
}

// idle reads nothing until its client has left.
func (s *watch) idle(_ http.ResponseWriter, r *http.Request) {
	s.begun(r)
	<-r.Context().Done()
	s.ended(r, context.Cause(r.Context()))
}

// late reads nothing of a WebSocket until it is told to, and then says how many bytes there were, for each message.
func (s *watch) late(w http.ResponseWriter, r *http.Request) {
	conn, err := coder.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(largest)
	select {
	case <-s.of(r.PathValue("name") + "/go"):
	case <-r.Context().Done():
		return
	}
	for {
		_, data, err := conn.Read(r.Context())
		if err != nil || conn.Write(r.Context(), coder.MessageText, strconv.AppendInt(nil, int64(len(data)), 10)) != nil {
			return
		}
	}
}

// hear tells a handler something.
func (s *watch) hear(_ http.ResponseWriter, r *http.Request) {
	s.of(r.PathValue("name") + "/" + r.PathValue("what")) <- ""
}

// tellOf waits for what a handler tells.
func (s *watch) tellOf(w http.ResponseWriter, r *http.Request) {
	select {
	case what := <-s.of(r.PathValue("name") + "/" + r.PathValue("what")):
		_, _ = io.WriteString(w, what)
	case <-r.Context().Done():
	}
}

// count tells, line by line, how much of the body has come.
func count(w http.ResponseWriter, r *http.Request) {
	flusher := http.NewResponseController(w)
	buf := make([]byte, 64<<10)
	for total := 0; ; {
		n, err := r.Body.Read(buf)
		total += n
		if err != nil {
			fmt.Fprintf(w, "%d %v\n", total, err)
			return
		}
		fmt.Fprintln(w, total)
		_ = flusher.Flush() // a client that is gone shows in Read
	}
}
