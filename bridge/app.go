package bridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge/internal/mux"
)

// An App is the gateway's shape of an application: the request's variables in,
// status, headers and body out. It is PEP 444's, in the form that Erlang's own
// discussion of such a gateway arrived at. SPEC.md, part two, describes it.
//
// An App is an http.Handler, and [AppOf] makes an App of one, so that either
// kind can stand wherever the other is wanted.
//
// The context is the request's. What the App returns is sent when it returns;
// what its Body reads is sent block by block.
type App func(ctx context.Context, env Environ) Result

// A Result is what an App returns: a [Response], or a [Deferred] where that is still to come.
type Result interface{ result() }

// A Response is a status, headers and a body.
type Response struct {
	// Status is from 200 to 999. A Reason is for HTTP/1.1 only; the usual
	// one is sent if it is empty.
	Status int
	Reason string

	// Headers keep the order of the values of one name. The names may be in
	// any case. A Content-Type, Content-Length or Date with an empty value says
	// that there is none, and that none is to be added.
	Headers []Header

	// Body is read to its end and may be nil. Each block it returns is sent
	// before the next is asked for. If it is an io.Closer it is closed
	// exactly once, whatever happens: at its end, when it fails, and when the
	// client has left. A Body around another one may have Unwrap() io.Reader:
	// then what is known of a handler's body, which AppOf makes, is known of it too.
	Body io.Reader

	// Trailers returns the fields that follow the body, and may be nil. It is
	// called once the body has been read to its end. HTTP/1 has a place for
	// them only where the body's length is not told, so it is not if there are
	// Trailers.
	Trailers func() []Header
}

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
	call := &appCall{w: w, r: r}
	defer call.end()
	res := call.run(a.validated(r.Context()))
	if later, ok := res.(Deferred); ok {
		if res, ok = call.await(later); !ok {
			call.giveUp()
			return
		}
	}
	call.answer(res)
}

// send writes the response. Failures of the client's are not the App's concern:
// the context has told it, and Close will.
func (res Response) send(w http.ResponseWriter, r *http.Request) {
	if c, ok := res.Body.(io.Closer); ok {
		defer c.Close() //nolint:errcheck // nobody is left to be told
	}
	if res.Status < 200 || res.Status > 999 {
		panic("bridge: App returned status " + strconv.Itoa(res.Status))
	}
	header := w.Header()
	res.setHeader(header)
	if own, ok := w.(*response); ok {
		own.head.reason = controlToSpace(res.Reason)
	}
	_, isSaid := header["Content-Length"]
	if n, ok := knownLength(res.Body); ok && !isSaid && res.Trailers == nil && bodyAllowed(res.Status) {
		header.Set("Content-Length", strconv.Itoa(n))
	}
	w.WriteHeader(res.Status)
	hasBody := bodyAllowed(res.Status) && r.Method != http.MethodHead
	// A handler runs to its end, whether or not it has a body to write.
	if res.Body != nil && (hasBody || isHandlers(res.Body)) && !res.sendBody(w) {
		return
	}
	if res.Trailers != nil && r.Method != http.MethodHead {
		res.sendTrailers(w)
	}
}

func (res Response) setHeader(header http.Header) {
	for _, h := range res.Headers {
		name := http.CanonicalHeaderKey(h.Name)
		switch {
		case h.Value == "" && (name == "Content-Type" || name == "Content-Length" || name == "Date"):
			header[name] = nil
		default:
			header[name] = append(header[name], h.Value)
		}
	}
}

// sendTrailers sets the trailing fields. The head must be on its way, or net/http
// would tell the length instead.
func (res Response) sendTrailers(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush()
	header := w.Header()
	for _, t := range res.Trailers() {
		name := http.CanonicalHeaderKey(t.Name)
		delete(header, name) // one of the head's, which would trail too if it was announced
		header[http.TrailerPrefix+name] = append(header[http.TrailerPrefix+name], t.Value)
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
// has ended too early, and the client must see that. It tells whether all of the
// body was written.
func (res Response) sendBody(w http.ResponseWriter) bool {
	if _, ok := knownLength(res.Body); ok {
		_, err := io.Copy(w, res.Body)
		return err == nil
	}
	flusher := http.NewResponseController(w)
	if isHandlers(res.Body) { // the handler has flushed the head
		if err := flusher.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			res.stopBody(err)
			return false
		}
	}
	block := mux.NewBuffer(lastBuffer)
	defer block.Free()
	for {
		n, err := res.Body.Read(block.B[:lastBuffer])
		if n > 0 {
			if _, werr := w.Write(block.B[:n]); werr != nil {
				res.stopBody(werr)
				return false
			}
			_ = flusher.Flush()
		}
		switch {
		case err == io.EOF:
			return true
		case err != nil:
			breakOff(w, err)
			return false
		}
	}
}

// stopBody tells a body that can hear it why no more of it is read.
func (res Response) stopBody(err error) {
	for body := res.Body; body != nil; body = unwrap(body) {
		if c, ok := body.(interface{ CloseWithError(error) error }); ok {
			_ = c.CloseWithError(err)
			return
		}
	}
}

// isHandlers tells what AppOf has made, whatever middleware has put around it.
func isHandlers(body io.Reader) bool {
	for ; body != nil; body = unwrap(body) {
		if _, ok := body.(*appBody); ok {
			return true
		}
	}
	return false
}

// unwrap is the body that another one is around, or nil.
func unwrap(body io.Reader) io.Reader {
	if u, ok := body.(interface{ Unwrap() io.Reader }); ok {
		return u.Unwrap()
	}
	return nil
}

// breakOff ends a response whose body has failed.
func breakOff(w http.ResponseWriter, err error) {
	own, isOwn := w.(*response)
	cause := (*AbortError)(nil)
	if isOwn && errors.As(err, &cause) {
		own.breakOff(cause)
		return
	}
	panic(bodyError(err))
}

// bodyError is what a handler panics with to break a response off: quietly if it
// is the stream that has ended.
func bodyError(err error) error {
	if isAbort(err) || errors.Is(err, http.ErrAbortHandler) {
		return http.ErrAbortHandler
	}
	return fmt.Errorf("bridge: body of the response: %w", err)
}
