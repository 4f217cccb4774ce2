// The program that is soaked. What it answers follows from a request's number, and each request that must not be
// repeated leaves a line in the ledger, before anything else is done with it.
//
//	app -ledger FILE -file FILE
package main

import (
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/test/soak/pattern"
)

const piece = 16 << 10

func main() {
	ledger := flag.String("ledger", "", "the file that has a line for each POST")
	file := flag.String("file", "", "the file that /file answers")
	flag.Parse()
	lines, err := os.OpenFile(*ledger, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /whole", numbered(whole))
	mux.HandleFunc("GET /pieces", numbered(pieces))
	mux.HandleFunc("GET /events", numbered(events))
	mux.HandleFunc("GET /file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, *file) })
	mux.HandleFunc("POST /count", counted(lines, count))
	mux.HandleFunc("POST /echo", counted(lines, echo))
	server := bridge.Server{Name: "soak", Handler: mux}
	if err := server.Serve(); err != nil {
		log.Fatal(err)
	}
}

// A request's number, and how much is asked for.
type request struct {
	*http.Request
	id, size uint64
}

func numbered(do func(http.ResponseWriter, request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseUint(r.URL.Query().Get("id"), 10, 64)
		if err != nil {
			http.Error(w, "soak: a request without a number", http.StatusBadRequest)
			return
		}
		size, err := strconv.ParseUint(r.URL.Query().Get("size"), 10, 40)
		if err != nil {
			http.Error(w, "soak: a request without a size", http.StatusBadRequest)
			return
		}
		do(w, request{r, id, size})
	}
}

// counted writes a whole line with one write, so that programs do not mix theirs, and one that is killed leaves no half.
func counted(ledger io.Writer, do func(http.ResponseWriter, request)) http.HandlerFunc {
	return numbered(func(w http.ResponseWriter, r request) {
		if _, err := ledger.Write(append(strconv.AppendUint(nil, r.id, 10), '\n')); err != nil {
			http.Error(w, "soak: the ledger: "+err.Error(), http.StatusInternalServerError)
			return
		}
		do(w, r)
	})
}

// whole says its length, and leaves the rest to the bridge.
func whole(w http.ResponseWriter, r request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatUint(r.size, 10))
	_, _ = io.Copy(w, pattern.New(r.id, int64(r.size)))
}

// pieces says nothing of it, and sends each piece at once.
func pieces(w http.ResponseWriter, r request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	_ = flushed(w, pattern.New(r.id, int64(r.size)))
}

// echo sends back what comes while it comes.
func echo(w http.ResponseWriter, r request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	// A body that breaks off makes no answer that looks whole.
	if err := flushed(w, r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func flushed(w http.ResponseWriter, from io.Reader) error {
	control, buf := http.NewResponseController(w), make([]byte, piece)
	for {
		n, err := from.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := control.Flush(); err != nil {
			return err
		}
	}
}

// events sends one each 100 ms.
func events(w http.ResponseWriter, r request) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := range int(r.size) {
		_, _ = io.WriteString(w, pattern.Event(r.id, i))
		if control.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// count reads the body and says what it was.
func count(w http.ResponseWriter, r request) {
	receipt, err := pattern.Receipt(r.id, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, receipt)
}
