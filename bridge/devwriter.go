package bridge

import (
	"bufio"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
)

// devWriter keeps the beginning of a response back, as the bridge's own does, so that a page can
// take its place; and counts. It is used by a handler as any writer of net/http's is.
type devWriter struct {
	w      http.ResponseWriter
	status int         // 0: none yet
	head   http.Header // as WriteHeader saw it
	buf    []byte      // of the body, while it is kept back
	sent   bool        // nothing is kept back any more
	bytes  int64       // of the body
}

// asSeen is the writer with the abilities that net/http's has on the request's protocol.
func (d *devWriter) asSeen(r *http.Request) http.ResponseWriter {
	if r.ProtoMajor >= 2 {
		return d
	}
	return &devWriter1{d}
}

// devWriter1 is that of HTTP/1.
type devWriter1 struct{ *devWriter }

// Hijack implements http.Hijacker.
func (d *devWriter1) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if d.status != 0 {
		d.send()
	}
	conn, rw, err := http.NewResponseController(d.w).Hijack()
	if err == nil {
		d.sent, d.status = true, http.StatusSwitchingProtocols
	}
	return conn, rw, err
}

// ReadFrom implements io.ReaderFrom, by which net/http sends files.
func (d *devWriter1) ReadFrom(r io.Reader) (int64, error) {
	if !d.sent {
		n, err := io.CopyN(plainWriter{d.devWriter}, r, int64(lastBuffer-len(d.buf)))
		if err != nil {
			return n, noEOF(err)
		}
		d.send()
		more, err := io.Copy(d.w, r)
		d.bytes += more
		return n + more, err
	}
	n, err := io.Copy(d.w, r)
	d.bytes += n
	return n, err
}

// plainWriter has no other method.
type plainWriter struct{ io.Writer }

// Unwrap is for http.ResponseController.
func (d *devWriter) Unwrap() http.ResponseWriter { return d.w }

// Header implements http.ResponseWriter.
func (d *devWriter) Header() http.Header { return d.w.Header() }

// WriteHeader implements http.ResponseWriter.
func (d *devWriter) WriteHeader(status int) {
	switch {
	case d.status != 0 && !d.sent:
		log.Print("bridge: superfluous response.WriteHeader call" + caller())
		return
	case d.sent, status < 200 && status != http.StatusSwitchingProtocols, status > 999:
		d.w.WriteHeader(status)
		return
	}
	d.status, d.head = status, d.w.Header().Clone()
	if !bodyAllowed(status) {
		d.send()
	}
}

// Write implements io.Writer.
func (d *devWriter) Write(p []byte) (int, error) {
	if d.status == 0 {
		d.WriteHeader(http.StatusOK)
	}
	if !d.sent && len(d.buf)+len(p) <= lastBuffer {
		d.buf = append(d.buf, p...)
		d.bytes += int64(len(p))
		return len(p), nil
	}
	d.send()
	n, err := d.w.Write(p)
	d.bytes += int64(n)
	return n, err
}

// WriteString implements io.StringWriter.
func (d *devWriter) WriteString(s string) (int, error) { return d.Write([]byte(s)) }

// Flush implements http.Flusher.
func (d *devWriter) Flush() { _ = d.FlushError() }

// FlushError is Flush for http.ResponseController.
func (d *devWriter) FlushError() error {
	if d.status == 0 {
		d.WriteHeader(http.StatusOK)
	}
	d.send()
	return http.NewResponseController(d.w).Flush()
}

// CloseNotify implements http.CloseNotifier.
func (d *devWriter) CloseNotify() <-chan bool {
	return d.w.(interface{ CloseNotify() <-chan bool }).CloseNotify()
}

// send sends what is kept back: the head as WriteHeader saw it, whatever the handler has done to its
// header since, which may be trailers.
func (d *devWriter) send() {
	if d.sent {
		return
	}
	d.sent = true
	header := d.w.Header()
	now := maps.Clone(header)
	clear(header)
	maps.Copy(header, d.head)
	d.w.WriteHeader(d.status)
	clear(header)
	maps.Copy(header, now)
	if len(d.buf) > 0 {
		_, _ = d.w.Write(d.buf)
	}
	d.buf = nil
}

// finish ends a response behind a handler that has returned.
func (d *devWriter) finish(r *http.Request, page pager) {
	switch {
	case d.status == 0:
		d.status, d.head = http.StatusOK, d.w.Header() // as net/http has it
		d.sent = true
	case d.sent:
	case !isPlainFailure(d.status, d.head, d.buf) || len(d.head["Trailer"]) > 0 ||
		!d.instead(r, failure{req: r, status: d.status, text: string(d.buf)}, page):
		d.send()
	}
}

// instead answers with a failure's page, or its plain text, unless the head is on its way. The text of
// an answer is the handler's own affair.
func (d *devWriter) instead(r *http.Request, f failure, page pager) bool {
	if d.sent {
		return false
	}
	text, fields, ok := page(f)
	switch {
	case !ok && !f.panicked:
		return false
	case !ok:
		text, fields = http.StatusText(f.status)+"\n", plainFields()
	}
	header := d.head
	if f.panicked {
		header = nil
	}
	d.status, d.head, d.bytes = f.status, pageHeader(header, fields), int64(len(text))
	d.buf = []byte(text)
	if r.Method == http.MethodHead {
		d.bytes = 0
	}
	d.send()
	return true
}
