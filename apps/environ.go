package apps

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gwport/gwport/bridge"
)

type field struct{ Name, Value string }

var environPage = newPage("environ", `
<h2>The environ</h2>
<p>What a <code>bridge.App</code> is given, and <code>bridge.EnvironOf(r)</code> tells an <code>http.Handler</code>.</p>
<table>{{range .Environ}}<tr><th>{{.Name}}</th><td>{{.Value}}</td></tr>
{{end}}</table>
<h2>The http.Request</h2>
<table>{{range .Request}}<tr><th>{{.Name}}</th><td>{{.Value}}</td></tr>
{{end}}</table>
`)

// environ shows both forms of the request it is asked with: as a page to browsers, as lines of text to others.
func environ(w http.ResponseWriter, r *http.Request) {
	env, req := environFields(bridge.EnvironOf(r)), requestFields(r)
	if wantsHTML(r) {
		environPage.serve(w, map[string][]field{"Environ": env, "Request": req})
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	for _, f := range append(env, req...) {
		_, _ = fmt.Fprintf(w, "%s: %s\n", f.Name, f.Value)
	}
}

func environFields(env bridge.Environ) []field {
	fields := make([]field, 0, len(env))
	for k, v := range env {
		fields = append(fields, field{k, show(v)})
	}
	slices.SortFunc(fields, func(a, b field) int { return cmp.Compare(a.Name, b.Name) })
	return fields
}

// show gives readers and writers by their type: their fields are nobody's business, and printing them would race with
// whoever reads the body.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case io.Reader, io.Writer:
		return fmt.Sprintf("%T", v)
	}
	return fmt.Sprint(v)
}

func requestFields(r *http.Request) []field {
	deadline := "none"
	if d, ok := r.Context().Deadline(); ok {
		deadline = d.Format("15:04:05.000 MST")
	}
	tls := "no"
	if r.TLS != nil {
		tls = fmt.Sprintf("yes, %d client certificates", len(r.TLS.PeerCertificates))
	}
	return []field{
		{"Method", r.Method},
		{"URL", r.URL.String()},
		{"URL.Path", r.URL.Path},
		{"URL.RawPath", r.URL.RawPath},
		{"RequestURI", r.RequestURI},
		{"Proto", r.Proto},
		{"Host", r.Host},
		{"RemoteAddr", r.RemoteAddr},
		{"Header", strings.Join(slices.Sorted(maps.Keys(r.Header)), ", ")},
		{"ContentLength", fmt.Sprint(r.ContentLength)},
		{"TransferEncoding", strings.Join(r.TransferEncoding, ", ")},
		{"TLS", tls},
		{"Context deadline", deadline},
	}
}
