package apps

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gwport/gwport/bridge"
)

//go:embed sample
var sample embed.FS

// maxBig is the most that /files/big generates. A line's number has 15 digits, which would do for 14 PiB.
const maxBig = 16 << 30

var filesPage = newPage("files", `
<p>Files from inside the program, with ranges:</p>
<ul>{{range .Names}}<li><a href="{{$.Mount}}/{{.}}">{{.}}</a></li>
{{end}}</ul>
<p>Generated downloads, with ranges too. Each line of 16 bytes is its own number, so <code>seq</code> knows what the
SHA-256 of any of them must be, and a hole shows where it is:</p>
<ul>
<li><a href="{{.Mount}}/big?bytes=1048576">1 MiB</a></li>
<li><a href="{{.Mount}}/big?bytes=1073741824">1 GiB</a></li>
</ul>
<pre>curl -s '{{.Origin}}{{.Mount}}/big?bytes=1073741824' | sha256sum
seq -f %015.0f 0 67108863 | sha256sum</pre>
`)

// files is http.FileServerFS below a mount, with a page for its root and one path of its own.
func files(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, "GET", "HEAD") {
		return
	}
	mount, rest := place(bridge.EnvironOf(r), "files")
	switch rest {
	case "", "/":
		filesPage.serve(w, map[string]any{"Mount": mount, "Origin": origin(r), "Names": sampleNames()})
	case "/big":
		big(w, r)
	default:
		root, _ := fs.Sub(sample, "sample") // fails for an invalid name only
		r2 := r.Clone(r.Context())
		r2.URL = &url.URL{Path: rest, RawQuery: r.URL.RawQuery}
		http.FileServerFS(root).ServeHTTP(w, r2)
	}
}

func sampleNames() []string {
	entries, _ := sample.ReadDir("sample") // embedded, so it is there
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// big generates what is asked for while it is sent; http.ServeContent does ranges, HEAD and If-Range.
func big(w http.ResponseWriter, r *http.Request) {
	size := int64(1 << 20)
	if s := r.URL.Query().Get("bytes"); s != "" {
		var err error
		if size, err = strconv.ParseInt(s, 10, 64); err != nil || size < 0 || size > maxBig {
			http.Error(w, fmt.Sprintf("files: bytes is an integer from 0 to %d", maxBig), http.StatusBadRequest)
			return
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="big-%d.txt"`, size))
	h.Set("ETag", fmt.Sprintf(`"big-%d"`, size)) // the same size is the same bytes
	http.ServeContent(w, r, "", time.Time{}, newLines(size))
}
