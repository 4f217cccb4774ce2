// The program that is built from either tree: it uses nothing of the bridge that both do not have.
// Its argument tells which it is.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gwport/gwport/bridge"
)

// giveUp is when a handler no longer waits for what it is to be told.
const giveUp = 20 * time.Second

// A program keeps what one request tells another.
type program struct {
	goOn    chan struct{} // says /go
	left    chan string   // what became of a handler's context
	written atomic.Int64  // by /endless
}

func main() {
	p := &program{goOn: make(chan struct{}), left: make(chan string, 16)}
	mux := http.NewServeMux()
	for path, handler := range map[string]http.HandlerFunc{
		"/who":        func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Args[1]) },
		"/request":    request,
		"/sum":        sum,
		"/echo":       echo,
		"/unread":     func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "not read") },
		"/hints":      hints,
		"/trailers":   trailers,
		"/panic":      func(http.ResponseWriter, *http.Request) { panic("on purpose") },
		"/log":        logs,
		"/events":     p.events,
		"/go":         p.sayGo,
		"/endless":    p.endless,
		"/written":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, p.written.Load()) },
		"/left":       p.sayLeft,
		"/wait":       p.wait,
		"/late-panic": p.latePanic,
	} {
		mux.HandleFunc(path, handler)
	}
	if err := bridge.Serve(mux); err != nil {
		log.Fatal(err)
	}
}

func request(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Set-Cookie", "a=1")
	w.Header().Add("Set-Cookie", "b=2")
	w.WriteHeader(http.StatusTeapot)
	fmt.Fprintln(w, r.Method, r.RequestURI, r.Host, r.Proto, r.ContentLength, r.Header.Get("X-Sent"),
		strings.HasPrefix(r.RemoteAddr, "127.0.0.1:"))
}

func sum(w http.ResponseWriter, r *http.Request) {
	h := sha256.New()
	n, err := io.Copy(h, r.Body)
	fmt.Fprint(w, n, " ", hex.EncodeToString(h.Sum(nil)), " ", err)
}

// echo answers each piece before it reads the next.
func echo(w http.ResponseWriter, r *http.Request) {
	c := http.NewResponseController(w)
	if r.ProtoMajor == 1 {
		if err := c.EnableFullDuplex(); err != nil {
			panic(err)
		}
	}
	buf := make([]byte, 4096)
	for {
		n, err := r.Body.Read(buf)
		_, _ = w.Write(buf[:n]) // a client that has left ends the body too
		_ = c.Flush()
		if err != nil {
			return
		}
	}
}

func hints(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Link", "</style.css>; rel=preload")
	w.WriteHeader(http.StatusEarlyHints)
	fmt.Fprint(w, "hinted")
}

func trailers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Trailer", "X-Declared")
	fmt.Fprint(w, "body")
	w.Header().Set("X-Declared", "1")
	w.Header().Set(http.TrailerPrefix+"X-Late", "2")
}

func logs(_ http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("text")
	slog.Warn("by slog "+text, "key", "value "+text)
	fmt.Println("on stdout " + text)
	fmt.Fprintln(os.Stderr, "on stderr "+text)
	log.Print("by log " + text)
}

// events are three, each behind a /go of its own.
func (p *program) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range 3 {
		fmt.Fprintf(w, "data: %d\n\n", i)
		_ = http.NewResponseController(w).Flush() // a client that has left ends the context
		select {
		case <-p.goOn:
		case <-r.Context().Done():
			p.left <- "events"
			return
		}
	}
}

func (p *program) sayGo(w http.ResponseWriter, _ *http.Request) {
	select {
	case p.goOn <- struct{}{}:
		fmt.Fprint(w, "gone on")
	case <-time.After(giveUp):
		http.Error(w, "nobody waits", http.StatusConflict)
	}
}

func (p *program) endless(w http.ResponseWriter, r *http.Request) {
	p.written.Store(0)
	piece := make([]byte, 8192)
	for r.Context().Err() == nil {
		n, err := w.Write(piece)
		p.written.Add(int64(n))
		if err != nil {
			break
		}
	}
	<-r.Context().Done()
	p.left <- "endless"
}

func (p *program) sayLeft(w http.ResponseWriter, _ *http.Request) {
	select {
	case what := <-p.left:
		fmt.Fprint(w, what)
	case <-time.After(giveUp):
		http.Error(w, "nobody left", http.StatusConflict)
	}
}

// wait has begun when its head is there.
func (p *program) wait(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, "waiting, ")
	_ = http.NewResponseController(w).Flush() // the client is there
	select {
	case <-p.goOn:
		fmt.Fprint(w, "done")
	case <-r.Context().Done():
		p.left <- "wait"
	}
}

// latePanic comes when its client has the head: an abort before it is written may replace it.
func (p *program) latePanic(w http.ResponseWriter, r *http.Request) {
	p.wait(w, r)
	panic("on purpose, late")
}
