package apps

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// CheckName is the name that `gwport check` asks for, and SPEC.md, section 13, describes.
const CheckName = "gwport.check"

// maxCheckBytes bounds /bytes/N.
const maxCheckBytes = 1 << 34

// newCheck makes the check app. It is no app for people and not in the registry.
func newCheck() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/bytes/{n}", checkBytes)
	mux.HandleFunc("/sleep/{ms}", checkSleep)
	mux.HandleFunc("/status/{code}", checkStatus)
	mux.HandleFunc("/ignore", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ignored") })
	mux.HandleFunc("/takeover", checkTakeover)
	mux.HandleFunc("/fail", func(http.ResponseWriter, *http.Request) { panic("gwport.check: /fail") })
	return mux
}

func checkBytes(w http.ResponseWriter, r *http.Request) {
	n, ok := pathNumber(w, r, "n", 0, maxCheckBytes)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	// Whole periods of 251 bytes, so that each Write begins where the one before ended.
	block := make([]byte, 251*128)
	for i := range block {
		block[i] = byte(i % 251)
	}
	for ; n > 0; n -= int64(len(block)) {
		if _, err := w.Write(block[:min(n, int64(len(block)))]); err != nil {
			return
		}
	}
}

func checkSleep(w http.ResponseWriter, r *http.Request) {
	ms, ok := pathNumber(w, r, "ms", 0, int64(time.Hour/time.Millisecond))
	if !ok {
		return
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		_, _ = io.WriteString(w, "slept")
	case <-r.Context().Done():
	}
}

// checkTakeover sends back what comes, until that ends. A stream of HTTP/2 has its head first.
func checkTakeover(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return
	}
	defer conn.Close()
	if r.ProtoMajor == 2 {
		if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n"); err != nil {
			return
		}
	}
	if _, err := io.Copy(conn, conn); err != nil {
		return
	}
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

func checkStatus(w http.ResponseWriter, r *http.Request) {
	if code, ok := pathNumber(w, r, "code", 200, 999); ok {
		w.WriteHeader(int(code))
	}
}

// pathNumber reads a number from the path, or answers 400.
func pathNumber(w http.ResponseWriter, r *http.Request, name string, least, most int64) (int64, bool) {
	n, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil || n < least || n > most {
		http.Error(w, name+" must be a number from "+strconv.FormatInt(least, 10)+" to "+strconv.FormatInt(most, 10), http.StatusBadRequest)
		return 0, false
	}
	return n, true
}
