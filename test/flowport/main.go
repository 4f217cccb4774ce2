// Flowport is the bundled program with the Server's limits taken from the environment, for tests: FLOWPORT_WINDOW and
// the like, see bridge.Server.
package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gwport/gwport/apps"
	"github.com/gwport/gwport/bridge"
)

func main() {
	if text := os.Getenv("FLOWPORT_DEBUG"); text != "" {
		slog.Debug(text)
	}
	handlers := apps.Handlers()
	handlers["late"] = http.HandlerFunc(late)
	handlers["disk"] = http.HandlerFunc(disk)
	handlers["idle"] = http.HandlerFunc(idle)
	handlers["wrong"] = http.HandlerFunc(wrong)
	server := bridge.Server{
		Name:         "flowport",
		Apps:         handlers,
		Window:       setting("WINDOW"),
		MaxStreams:   setting("MAX_STREAMS"),
		MaxHead:      setting("MAX_HEAD"),
		MaxAbandoned: setting("MAX_ABANDONED"),
	}
	if err := server.Serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// late panics when its client has the head: right behind it, and the abort could overtake it.
func late(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "some")
	_ = http.NewResponseController(w).Flush()
	time.Sleep(200 * time.Millisecond)
	panic("flowport: a panic after the head")
}

// kept is what is not given back.
var kept [][]byte

// wrong is what a program may do to itself, by the last part of the path.
func wrong(w http.ResponseWriter, r *http.Request) {
	switch path.Base(r.URL.Path) {
	case "goexit":
		runtime.Goexit()
	case "segv":
		segv()
	case "memory":
		lockMemory()
		for {
			kept = append(kept, make([]byte, 1<<20))
		}
	default:
		http.NotFound(w, r)
	}
}

// idle has said something, and may have more to say one day.
func idle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, ": hello\n\n")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// disk answers from the folder FLOWPORT_DISK: a file as http.ServeFile does it, /copy/NAME as io.Copy does, which says
// nothing of its length, /limit/NAME a part of it, and /generated/NAME and /made/NAME its bytes, in pieces and at once.
func disk(w http.ResponseWriter, r *http.Request) {
	how, name := path.Split(strings.TrimPrefix(r.URL.Path, "/disk"))
	file := filepath.Join(os.Getenv("FLOWPORT_DISK"), name)
	if how == "/" {
		http.ServeFile(w, r, file)
		return
	}
	f, err := os.Open(file)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	defer func() { _ = f.Close() }()
	if how == "/generated/" {
		generated(w, f, 32<<10)
		return
	}
	if how == "/made/" {
		generated(w, f, 1<<20)
		return
	}
	if how == "/copy/" {
		_, _ = io.Copy(w, f)
		return
	}
	_, _ = io.WriteString(w, "before\n")
	_, _ = f.Seek(1000, io.SeekStart)
	_, _ = io.CopyN(w, f, 500_000)
	at, _ := f.Seek(0, io.SeekCurrent)
	_, _ = fmt.Fprintf(w, "behind %d\n", at)
}

// generated writes the bytes as a handler does that has made them, in pieces.
func generated(w http.ResponseWriter, f *os.File, size int) {
	b, _ := io.ReadAll(f)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	for piece := range slices.Chunk(b, size) {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

func setting(name string) int {
	n, _ := strconv.Atoi(os.Getenv("FLOWPORT_" + name))
	return n
}
