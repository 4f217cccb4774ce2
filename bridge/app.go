package bridge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// An App is the gateway's shape of an application: the request's variables in,
// status, headers and body out. It is PEP 444's, in the form that Erlang's own
// discussion of such a gateway arrived at.
//
// An App is an http.Handler, and [AppOf] makes an App of one, so that either
// kind can stand wherever the other is wanted.
//
// The context is the request's. What the App returns is sent when it returns;
// what its Body reads is sent block by block.
type App func(ctx context.Context, env Environ) Result

// A Result is what an App returns. [Response] is the only one today.
type Result interface{ result() }

// A Response is a status, headers and a body.
type Response struct {
	// Status is from 200 to 599. A Reason is for HTTP/1.1 only; the usual
	// one is sent if it is empty.
	Status int
	Reason string

	// Headers keep the order of the values of one name. The names may be in
	// any case.
	Headers []Header

	// Body is read to its end and may be nil. Each block it returns is sent
	// before the next is asked for. If it is an io.Closer it is closed
	// exactly once, whatever happens: at its end, when it fails, and when the
	// client has left.
	Body io.Reader
}

// A Header is one header field.
type Header struct{ Name, Value string }

func (Response) result() {}

// Text is a response of plain text in UTF-8.
func Text(status int, s string) Response {
	return Response{
		Status:  status,
		Headers: []Header{{"Content-Type", "text/plain; charset=utf-8"}},
		Body:    strings.NewReader(s),
	}
}

// Bytes is a response of any type.
func Bytes(status int, contentType string, b []byte) Response {
	return Response{
		Status:  status,
		Headers: []Header{{"Content-Type", contentType}},
		Body:    bytes.NewReader(b),
	}
}

// A Middleware makes an App of an App.
type Middleware func(App) App

// Chain puts middleware around an App. The first that is named is the outermost:
// it sees the request first and the result last.
func Chain(app App, m ...Middleware) App {
	for i := len(m) - 1; i >= 0; i-- {
		app = m[i](app)
	}
	return app
}

// ServeHTTP runs the App for a request of the bridge's, or of any other server.
func (a App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := context.WithValue(r.Context(), requestKey{}, r)
	switch res := a(ctx, EnvironOf(r)).(type) {
	case Response:
		res.send(w, r)
	case nil:
		panic("bridge: App returned no Result")
	default:
		panic(fmt.Sprintf("bridge: App returned a %T", res))
	}
}

// requestKey is the context's key for the request an App is run for.
type requestKey struct{}

// send writes the response. Failures of the client's are not the App's concern:
// the context has told it, and Close will.
func (res Response) send(w http.ResponseWriter, r *http.Request) {
	if c, ok := res.Body.(io.Closer); ok {
		defer c.Close() //nolint:errcheck // nobody is left to be told
	}
	if res.Status < 200 || res.Status > 599 {
		panic("bridge: App returned status " + strconv.Itoa(res.Status))
	}
	header := w.Header()
	for _, h := range res.Headers {
		header.Add(h.Name, h.Value)
	}
	if own, ok := w.(*response); ok {
		own.head.reason = res.Reason
	}
	if n, ok := knownLength(res.Body); ok && header.Get("Content-Length") == "" && bodyAllowed(res.Status) {
		header.Set("Content-Length", strconv.Itoa(n))
	}
	w.WriteHeader(res.Status)
	if res.Body != nil && bodyAllowed(res.Status) && r.Method != http.MethodHead {
		res.sendBody(w)
	}
}

// knownLength is the length of a body that is in memory.
func knownLength(body io.Reader) (int, bool) {
	switch b := body.(type) {
	case nil:
		return 0, true
	case interface{ Len() int }: // bytes and strings readers, buffers
		return b.Len(), true
	}
	return 0, false
}

// sendBody passes on block by block; what is in memory is one. A body that fails
// has ended too early, and the client must see that.
func (res Response) sendBody(w http.ResponseWriter) {
	if _, ok := knownLength(res.Body); ok {
		_, _ = io.Copy(w, res.Body)
		return
	}
	flusher := http.NewResponseController(w)
	block := newBuffer(lastBuffer)
	defer block.free()
	for {
		n, err := res.Body.Read(block.b[:lastBuffer])
		if n > 0 {
			if _, werr := w.Write(block.b[:n]); werr != nil {
				return
			}
			_ = flusher.Flush()
		}
		switch {
		case err == io.EOF:
			return
		case err != nil:
			panic(bodyError(err))
		}
	}
}

// bodyError is what a handler panics with to break a response off: quietly if it
// is the stream that has ended.
func bodyError(err error) error {
	if isAbort(err) {
		return http.ErrAbortHandler
	}
	return fmt.Errorf("bridge: body of the response: %w", err)
}
