package thirdparty

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// echoBody answers with the request's body, or 413 where a limit stops it.
func echoBody(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	_, _ = w.Write(body) // the client's end is the test's to see
}

// backendHandler is what proxies stand in front of. It dies in every way that a backend can.
func backendHandler() http.Handler {
	mux := http.NewServeMux()
	waiting := newWaiter()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", strings.Join([]string{r.Method, r.RequestURI, r.Host, r.Header.Get("X-Forwarded-For")}, " "))
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		echoBody(w, r)
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		fmt.Fprintln(w, "hinted")
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprintln(w, "body")
		w.Header().Set("X-Sum", "1")
		w.Header().Set(http.TrailerPrefix+"X-Late", "2")
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush() // the client's end is the test's to see
		}
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { waiting.wait(r.Context()) })
	mux.Handle("/begun", waiting)
	mux.Handle("/ended", waiting)
	mux.HandleFunc("/upgrade", func(w http.ResponseWriter, _ *http.Request) {
		die(w, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	})
	for name, answer := range deaths {
		mux.HandleFunc("/dies/"+name, func(w http.ResponseWriter, _ *http.Request) { die(w, answer) })
	}
	return mux
}

const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

// deaths are what a backend has sent when its connection ends. (With a type: ReverseProxy may flush a head before there
// is a byte to guess it from.)
var deaths = map[string]string{
	"before":      "",
	"in-the-head": "HTTP/1.1 200 OK\r\nContent-Ty",
	"odd-status":  "HTTP/1.1 hello\r\n\r\n",
	"in-a-length": head + "Content-Length: 10\r\n\r\nfour",
	"no-body":     head + "Content-Length: 10\r\n\r\n",
	"in-a-chunk":  head + "Transfer-Encoding: chunked\r\n\r\n5\r\nfo",
	"chunks":      head + "Transfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n",
	"bad-chunk":   head + "Transfer-Encoding: chunked\r\n\r\n4\r\nfour\r\nxyz\r\n",
	"at-its-end":  head + "Connection: close\r\n\r\nall of it",
}

// die takes the connection, writes what is given, and ends it.
func die(w http.ResponseWriter, answer string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, answer); err != nil && !errors.Is(err, net.ErrClosed) {
		panic(err)
	}
}
