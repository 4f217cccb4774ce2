package bridge

import (
	"fmt"
	"maps"
	"mime"
	"net/http"
	"runtime"
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge/internal/devpage"
	"github.com/gwport/gwport/bridge/internal/mux"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// failure is what an app has failed with before the head of its response was sent.
type failure struct {
	req      *http.Request
	status   int
	panicked bool
	value    any       // what it has panicked with
	stack    []uintptr // where
	text     string    // what it has answered, if it has not
}

// metaStack is the key of a panic's stack in a line of the log.
const metaStack = "stack"

// handlerPanic is what a handler that runs as an App has panicked with.
type handlerPanic struct {
	value  any
	stack  []byte
	frames []uintptr
}

func (p *handlerPanic) Error() string { return fmt.Sprintf("%v\n%s", p.value, p.stack) }

// A pager makes the page of a failure that a browser is sent in the place of the plain text, and
// its fields. There is none for any other client. It is nil but in development.
type pager func(f failure) (page string, fields []Header, ok bool)

// panicFailure is the failure of a panic. It is called by the function that was deferred.
func panicFailure(r *http.Request, v any) failure {
	f := failure{req: r, status: http.StatusInternalServerError, panicked: true, value: v}
	if p, ok := v.(*handlerPanic); ok {
		f.value, f.stack = p.value, p.frames
		return f
	}
	f.stack = callers()
	return f
}

// callers are the frames of whoever calls.
func callers() []uintptr {
	pcs := make([]uintptr, devpage.MaxStack)
	return pcs[:runtime.Callers(2, pcs)]
}

// failed answers for a handler that has panicked, unless the head is on its way.
func (w *response) failed(v any) bool {
	if w.page != nil {
		if page, fields, ok := w.page(panicFailure(w.req, v)); ok {
			return w.instead(http.StatusInternalServerError, page, fields)
		}
	}
	return w.plain(http.StatusInternalServerError)
}

// showFailure puts a page in the place of a whole response that is a failure in plain text.
func (w *response) showFailure() {
	text := w.buffered()
	if w.connects || len(w.finalTrailers()) > 0 || !isPlainFailure(w.head.status, w.header, text) {
		return
	}
	page, fields, ok := w.page(failure{req: w.req, status: w.head.status, text: string(text)})
	if !ok {
		return
	}
	status, reason := w.head.status, w.head.reason
	w.release()
	w.header, w.contentLength = pageHeader(w.header, fields), -1
	w.head = head{reason: reason}
	w.head.fix(status, w)
	w.buf = mux.NewFrame(wire.KindChunk, len(page))
	w.buf.B = append(w.buf.B, page...)
}

// isPlainFailure tells a response that a page may stand for: 5xx with a text for people, or with
// nothing. What an app has made as HTML, JSON or a file is its own.
func isPlainFailure(status int, header http.Header, body []byte) bool {
	if status < 500 || status > 599 || header.Get("Content-Encoding") != "" || header.Get("Content-Disposition") != "" {
		return false
	}
	if len(body) == 0 {
		return header.Get("Content-Type") == "" || isText(header.Get("Content-Type"))
	}
	kind := header.Get("Content-Type")
	if kind == "" {
		kind = http.DetectContentType(body)
	}
	return isText(kind)
}

func isText(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind == "text/plain"
}

// pageHeader is the header of a response without what it says of its body, and with the page's.
func pageHeader(header http.Header, fields []Header) http.Header {
	header = maps.Clone(header)
	if header == nil {
		header = make(http.Header)
	}
	for _, name := range []string{
		"Content-Length", "Transfer-Encoding", "Trailer", "Etag", "Last-Modified", "Expires",
		"Content-Security-Policy-Report-Only", "Content-Language", "Accept-Ranges",
	} {
		delete(header, name)
	}
	for _, f := range fields {
		header[f.Name] = []string{f.Value}
	}
	return header
}

// wantsHTML tells a browser that shows a page from any other client: it takes text/html, by name,
// before all others.
func wantsHTML(accept []string) bool {
	best, isHTML := 0.0, false
	for piece := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		kind, params, err := mime.ParseMediaType(strings.TrimSpace(piece))
		if err != nil {
			continue
		}
		q := 1.0
		if s, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(s, 64); err != nil {
				continue
			}
		}
		if q > best {
			best, isHTML = q, kind == "text/html"
		}
	}
	return isHTML
}
