package bridge

import (
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge/internal/mux"
	"github.com/gwport/gwport/bridge/internal/wire"
	"github.com/gwport/gwport/etf"
)

// head is a response's head. The pairs are encoded when WriteHeader is called:
// that is the moment whose header counts, and bytes are a cheaper copy of it
// than a map.
type head struct {
	status int
	reason string // of a bridge.Response; empty: the usual one
	pairs  *mux.Buffer
	count  int

	isHTTP2  bool     // whose rules for fields differ from HTTP/1's
	trailers []string // names that the Trailer header announces

	// What WriteHeader saw, for what can only be said when the body begins.
	noLength bool // no Content-Length is to be added
	noType   bool // no Content-Type is to be added
	chunked  bool // a body that is not whole would come in chunks on HTTP/1.1
}

// fix encodes the header as it stands.
func (h *head) fix(status int, w *response) {
	h.status, h.isHTTP2 = status, w.isHTTP2()
	h.pairs = mux.NewBuffer(firstBuffer)
	h.fixBody(w)
	h.fixReason()
	var space [32]string
	for _, name := range h.names(space[:0], w.header) {
		switch {
		case name == "Content-Length":
			if w.contentLength >= 0 && h.mayHaveLength() {
				h.setLength(w.contentLength)
			}
		case name == "Content-Type" && status == http.StatusNotModified && !h.isHTTP2:
		default:
			h.addAll(name, w.header[name])
		}
	}
}

// fixReason gives HTTP/1 net/http's phrase where the host has none, or another one.
func (h *head) fixReason() {
	if h.reason != "" || h.isHTTP2 {
		return
	}
	switch h.status {
	case http.StatusRequestURITooLong, http.StatusUnprocessableEntity:
		h.reason = http.StatusText(h.status)
	default:
		if http.StatusText(h.status) == "" {
			h.reason = "status code " + strconv.Itoa(h.status)
		}
	}
}

// fixBody settles what the header says of the body. On HTTP/2 net/http has no ear
// for Transfer-Encoding. A length that is there and has no value is none, and none
// is to be added.
func (h *head) fixBody(w *response) {
	te := ""
	if !h.isHTTP2 {
		te = w.header.Get("Transfer-Encoding")
	}
	if w.contentLength >= 0 && te != "" && te != "identity" {
		w.out.log(wire.LevelWarning, "bridge: both Transfer-Encoding and Content-Length; the length is ignored")
		w.contentLength = -1
	}
	lengths, hasLength := w.header["Content-Length"]
	_, hasType := w.header["Content-Type"]
	body := bodyAllowed(h.status)
	h.noLength = !body || w.contentLength >= 0 || hasLength && len(lengths) == 0 || te != ""
	h.noType = !body || hasType || te != "" || w.header.Get("Content-Encoding") != ""
	h.chunked = body && w.contentLength < 0 && te != "identity"
	if te == "identity" && body && w.contentLength < 0 && w.minor > 0 && w.header["Connection"] == nil {
		h.add("Connection", "close") // as net/http ends such a body with its connection
	}
}

// mayHaveLength tells whether a Content-Length that the handler has set is sent:
// never with 204 (RFC 9110, section 8.6), and with 304 by net/http on HTTP/2 only.
func (h *head) mayHaveLength() bool {
	return bodyAllowed(h.status) || h.status == http.StatusNotModified && h.isHTTP2
}

// declining is the status of an answer that is no upgrade. To a CONNECT any 2xx is one.
func declining(status int) int {
	if status >= 200 && status < 300 {
		return http.StatusNotImplemented
	}
	return status
}

// bodyAllowed tells which statuses may have a body.
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// fixInform encodes the header for an informational response.
func (h *head) fixInform(status int, header http.Header) {
	h.status = status
	h.pairs = mux.NewBuffer(firstBuffer)
	h.fixReason()
	var space [32]string
	for _, name := range h.names(space[:0], header) {
		if name != "Content-Length" {
			h.addAll(name, header[name])
		}
	}
}

// names returns the names to be sent, sorted, so that the same response is the
// same bytes; and notes what they say of trailers.
func (h *head) names(names []string, header http.Header) []string {
	for name, values := range header {
		switch {
		case strings.HasPrefix(name, http.TrailerPrefix):
			h.noLength = h.noLength || !h.isHTTP2
			continue
		case name == "Trailer":
			h.noLength = h.noLength || !h.isHTTP2 && len(values) > 0
			h.declare(values)
		case !wire.IsToken(name), isFraming(name):
			continue // as net/http: there is nobody to tell
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// declare notes the trailing fields that a Trailer header announces. On HTTP/2
// one that is named twice counts once.
func (h *head) declare(values []string) {
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if wire.IsToken(name) && trailerAllowed(name) {
				h.trailers = append(h.trailers, name)
			}
		}
	}
	if h.isHTTP2 {
		slices.Sort(h.trailers)
		h.trailers = slices.Compact(h.trailers)
	}
}

// addAll adds one field's values. A Date that is there and has no value means
// that none is to be added; the wire says so with an empty one.
func (h *head) addAll(name string, values []string) {
	if len(values) == 0 && name == "Date" && h.status >= 200 {
		h.add(name, "")
	}
	for _, v := range values {
		if v, ok := cleanValue(v, h.isHTTP2); ok {
			h.add(name, v)
		}
	}
}

func (h *head) add(name, value string) {
	h.pairs.B = wire.AppendPair(h.pairs.B, name, value)
	h.count++
}

// sniff adds the Content-Type that the beginning of the body suggests.
func (h *head) sniff(body []byte) {
	if !h.noType && len(body) > 0 {
		h.add("Content-Type", http.DetectContentType(body[:min(len(body), sniffLen)]))
	}
}

// setLength adds the length of a body that is whole.
func (h *head) setLength(n int64) {
	var digits [20]byte
	h.add("Content-Length", string(strconv.AppendInt(digits[:0], n, 10)))
}

// size is how much of a payload the head takes, within a few bytes.
func (h *head) size() int {
	const rest = 32 // version, tuple, status, and the headers of list and body
	return rest + len(h.reason) + len(h.pairs.B)
}

// frame makes the frame of a head, inform or reply, the last of which has a
// body.
func (h *head) frame(k wire.Kind, body []byte, maxHead int) (*mux.Buffer, *AbortError) {
	size := h.size()
	if size > maxHead {
		return nil, abort(CodeTooLarge, "head of %d bytes, expected at most %d", size, maxHead)
	}
	f := mux.NewFrame(k, size+len(body))
	arity := 2
	if k == wire.KindReply {
		arity = 3
	}
	f.B = etf.AppendTuple(etf.AppendVersion(f.B), arity)
	f.B = h.appendStatus(f.B)
	f.B = etf.AppendList(f.B, h.count)
	if h.count > 0 {
		f.B = etf.AppendNil(append(f.B, h.pairs.B...))
	}
	if k == wire.KindReply {
		f.B = etf.AppendBinary(f.B, body)
	}
	return f, nil
}

// appendStatus appends an integer, or {Integer, Reason}.
func (h *head) appendStatus(dst []byte) []byte {
	if h.reason == "" {
		return etf.AppendInt(dst, int64(h.status))
	}
	return etf.AppendBinary(etf.AppendInt(etf.AppendTuple(dst, 2), int64(h.status)), h.reason)
}

// release gives the pairs' buffer back.
func (h *head) release() {
	if h.pairs != nil {
		h.pairs.Free()
		h.pairs = nil
	}
}

const bridgePath = "github.com/gwport/gwport/bridge"

// caller names the line of code outside of this package that called into it.
func caller() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, bridgePath+".") && !strings.HasPrefix(f.Function, bridgePath+"/internal/") {
			return " from " + f.Function + " (" + filepath.Base(f.File) + ":" + strconv.Itoa(f.Line) + ")"
		}
		if !more {
			return ""
		}
	}
}
