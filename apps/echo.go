package apps

import (
	"errors"
	"io"
	"net/http"
	"strconv"
)

var echoPage = newPage("echo", `
<p>What is sent comes back while it is still being sent, in 32 KiB of memory:</p>
<pre>curl -T big.iso {{.}} | sha256sum</pre>
<form method="post" enctype="text/plain">
<p><input name="text" value="Hello" aria-label="text"> <button>Send</button></p>
</form>
`)

// echo keeps no more of the body than one read gives, so the client's reading sets the pace of its sending.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && wantsHTML(r) {
		echoPage.serve(w, origin(r)+r.URL.Path)
		return
	}
	rc := http.NewResponseController(w)
	// Over HTTP/1, net/http itself reads what is left of the body before the first byte of the response; the bridge
	// never does.
	_ = rc.EnableFullDuplex()
	echoHead(w.Header(), r)
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return
			}
			_ = rc.Flush()
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			// To return would end the response as if it were whole.
			panic(http.ErrAbortHandler)
		}
	}
}

func echoHead(h http.Header, r *http.Request) {
	ct := r.Header.Get("Content-Type")
	if ct == "" {
		ct = "application/octet-stream"
	}
	h.Set("Content-Type", ct)
	// Another site's form could have the reader's browser run what it posts here: let it run as no one.
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.ContentLength >= 0 {
		h.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
}
