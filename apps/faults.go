package apps

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gwport/gwport/bridge"
)

// faults is for tests, and for looking at what happens: any client can make it end the program, fill the log or hold a
// processor. Hence GWPORT_FAULTS (apps.go).
type faults struct {
	runs  runs
	acts  []act
	paths map[string]http.HandlerFunc
}

// act is one thing that faults does, at /faults/NAME. Example has the parameters with values that show something.
type act struct {
	Name, Example, Summary string
	do                     http.HandlerFunc
}

var faultsPage = newPage("faults", `
<p>Each of these does what it says, to this program and to this request. A parameter may be left out.</p>
<table>{{range .Acts}}<tr><th><a href="{{$.Mount}}/{{.Name}}{{.Example}}">{{.Name}}</a></th><td>{{.Example}}</td><td>{{.Summary}}</td></tr>
{{end}}</table>
`)

func newFaults() *faults {
	f := &faults{paths: make(map[string]http.HandlerFunc)}
	f.acts = []act{
		{"panic", "", "panics before the head", f.panic},
		{"panic-late", "?bytes=10", "panics after the head and some of the body", f.panicLate},
		{"exit", "?code=3", "os.Exit", f.exit},
		{"fatal", "?kind=mutex", "a fatal error of the runtime; kind is mutex, map, goroutine (a panic nobody recovers) or stack", f.fatal},
		{"status", "?code=418&text=x", "a status, any integer, and a body", f.status},
		{"header", "?name=x-a&value=b", "headers as given, unchecked; name and value may be repeated; &code= is the status", f.header},
		{"short", "?declared=100&sent=10", "a body that is shorter, or longer, than content-length", f.short},
		{"informational", "?count=1", "103 Early Hints, then 200; cookie may be repeated", f.informational},
		{"trailers", "?bytes=0", "a trailer that was announced and one that was not, behind so many bytes; &announced=0 has the second one only, &panic=1 panics before the end", f.trailers},
		{"sleep", "?s=1", "sleeps until the time is over or the context is; &ignore=1 ignores the context", f.sleep},
		{"spin", "?s=1", "computes for so long, without a look at the context", f.spin},
		{"events", "?ms=100", "an event every so often until the context is over", f.events},
		{"write", "?bytes=1048576&chunk=65536", "writes and flushes chunks; &delay_ms= between them; &length=1 declares content-length", f.write},
		{"read", "?chunk=4096&delay_ms=0", "reads the body slowly", f.read},
		{"never-read", "?s=0", "answers after so long and never reads the body", f.neverRead},
		{"last", "", "how the last of sleep, spin, events, write, read and never-read ended; ?tag= asks for the one that had &tag=", f.last},
		{"goroutines", "", "their number", f.goroutines},
		{"rss", "", "the program's resident memory in bytes", f.rss},
		{"env", "?name=HOME", "an environment variable; 404 if it is not set", f.env},
		{"dev", "", "whether the host runs for development", f.dev},
		{"children", "", "starts sleep 3600 and gives its pid", f.children},
		{"print", "", "writes to os.Stdout and to descriptor 1", f.print},
		{"stderr", "?bytes=1000", "writes lines to os.Stderr", f.stderr},
		{"slog", "?level=warn&text=hello&count=1", "logs", f.slog},
	}
	for _, a := range f.acts {
		f.paths["/"+a.Name] = a.do
	}
	return f
}

func (f *faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mount, rest := place(bridge.EnvironOf(r), "faults")
	if rest == "" || rest == "/" {
		faultsPage.serve(w, map[string]any{"Mount": mount, "Acts": f.acts})
		return
	}
	do, ok := f.paths[rest]
	if !ok {
		http.NotFound(w, r)
		return
	}
	do(w, r)
}

// params reads a query's numbers; the first that is none is kept as the error.
type params struct {
	url.Values
	err error
}

func (p *params) num(name string, missing float64) float64 {
	s := p.Get(name)
	if s == "" {
		return missing
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("faults: %s is not a number", name)
	}
	return n
}

func (p *params) int(name string, missing int) int { return int(p.num(name, float64(missing))) }

func paramsOf(r *http.Request) *params { return &params{Values: r.URL.Query()} }

// bad answers 400 if a parameter was no number.
func (p *params) bad(w http.ResponseWriter) bool {
	if p.err != nil {
		http.Error(w, p.err.Error(), http.StatusBadRequest)
	}
	return p.err != nil
}

func plain(w http.ResponseWriter, format string, args ...any) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = fmt.Fprintf(w, format, args...)
}
