package apps

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"github.com/gwport/gwport/bridge"
)

func (f *faults) goroutines(w http.ResponseWriter, _ *http.Request) {
	plain(w, "%d\n", runtime.NumGoroutine())
}

// rss is what the kernel says; it exists on Linux only.
func (f *faults) rss(w http.ResponseWriter, _ *http.Request) {
	n, err := residentBytes()
	if err != nil {
		http.Error(w, "faults: "+err.Error(), http.StatusNotImplemented)
		return
	}
	plain(w, "%d\n", n)
}

func residentBytes() (int, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, after, _ := bytes.Cut(status, []byte("\nVmRSS:"))
	kib, _, _ := bytes.Cut(after, []byte("kB"))
	n, err := strconv.Atoi(string(bytes.TrimSpace(kib)))
	return n << 10, err
}

func (f *faults) env(w http.ResponseWriter, r *http.Request) {
	v, ok := os.LookupEnv(r.URL.Query().Get("name"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	plain(w, "%s", v)
}

func (f *faults) dev(w http.ResponseWriter, r *http.Request) {
	plain(w, "%t\n", bridge.Dev(r.Context()))
}

// children leaves its child behind on purpose: a test looks whether it outlives the program.
func (f *faults) children(w http.ResponseWriter, _ *http.Request) {
	cmd := exec.Command("sleep", "3600")
	if err := cmd.Start(); err != nil {
		http.Error(w, "faults: "+err.Error(), http.StatusInternalServerError)
		return
	}
	go func() { _ = cmd.Wait() }() // or it would be a zombie when it is killed
	plain(w, "%d\n", cmd.Process.Pid)
}

// print is the mistake that must not reach the frames, once through os.Stdout and once past it, as C code would.
func (f *faults) print(w http.ResponseWriter, _ *http.Request) {
	fmt.Println("Hello, stdout")
	_, _ = syscall.Write(1, []byte("Hello, descriptor 1\n"))
	plain(w, "printed\n")
}

func (f *faults) stderr(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	size := p.int("bytes", 1000)
	if p.bad(w) {
		return
	}
	written := 0
	for left := size; left > 0; {
		line := fmt.Appendf(nil, "stderr %072d\n", written)
		n, err := os.Stderr.Write(line[len(line)-min(left, len(line)):])
		written += n
		left -= len(line)
		if err != nil {
			break
		}
	}
	plain(w, "%d\n", written)
}

func (f *faults) slog(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	count := p.int("count", 1)
	if p.bad(w) {
		return
	}
	var level slog.Level
	if s := p.Get("level"); s != "" {
		if err := level.UnmarshalText([]byte(s)); err != nil {
			http.Error(w, "faults: "+err.Error(), http.StatusBadRequest)
			return
		}
	}
	text := p.Get("text")
	if text == "" {
		text = "hello"
	}
	for i := range count {
		slog.LogAttrs(r.Context(), level, text, slog.Int("n", i), slog.String("app", "faults"))
	}
	plain(w, "logged\n")
}
