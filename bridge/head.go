package bridge

import (
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/gwport/gwport/etf"
)

// head is a response's head. The pairs are encoded when WriteHeader is called:
// that is the moment whose header counts, and bytes are a cheaper copy of it
// than a map.
type head struct {
	status int
	reason string // of a bridge.Response; empty: the usual one
	pairs  *buffer
	count  int

	trailers []string // names that the Trailer header announces

	// What WriteHeader saw, for what can only be said when the body begins.
	noLength bool // no Content-Length is to be added
	noType   bool // no Content-Type is to be added
}

// fix encodes the header as it stands.
func (h *head) fix(status int, w *response) {
	h.status = status
	h.pairs = newBuffer(firstBuffer)
	body := bodyAllowed(status)
	_, hasLength := w.header["Content-Length"]
	_, hasType := w.header["Content-Type"]
	te := w.header.Get("Transfer-Encoding")
	h.noLength = !body || hasLength || te != ""
	h.noType = !body || hasType || te != "" || w.header.Get("Content-Encoding") != ""
	dropLength := !body
	if w.contentLength >= 0 && te != "" && te != "identity" {
		w.s.log(levelWarning, "bridge: both Transfer-Encoding and Content-Length; the length is ignored")
		dropLength, w.contentLength = true, -1
	}
	var space [32]string
	for _, name := range h.names(space[:0], w.header) {
		switch {
		case name == "Content-Length" && dropLength,
			name == "Content-Type" && status == http.StatusNotModified,
			name == "Transfer-Encoding" && (!body || te == "chunked" || te == "identity"):
			continue
		}
		h.addAll(name, w.header[name])
	}
}

// fixInform encodes the header for an informational response.
func (h *head) fixInform(status int, header http.Header) {
	h.status = status
	h.pairs = newBuffer(firstBuffer)
	var space [32]string
	for _, name := range h.names(space[:0], header) {
		if name != "Content-Length" && name != "Transfer-Encoding" {
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
			h.noLength = true
			continue
		case name == "Trailer":
			h.noLength = true
			h.declare(values)
		case !isToken(name):
			continue // as net/http: there is nobody to tell
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// declare notes the trailing fields that a Trailer header announces.
func (h *head) declare(values []string) {
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if name != "" && trailerAllowed(name) {
				h.trailers = append(h.trailers, name)
			}
		}
	}
}

// addAll adds one field's values. A Date that is there and has no value means
// that none is to be added; the wire says so with an empty one.
func (h *head) addAll(name string, values []string) {
	if len(values) == 0 && name == "Date" && h.status >= 200 {
		h.add(name, "")
	}
	if name == "Content-Length" && len(values) > 1 {
		values = values[:1]
	}
	for _, v := range values {
		h.add(name, cleanValue(v))
	}
}

func (h *head) add(name, value string) {
	h.pairs.b = appendPair(h.pairs.b, name, value)
	h.count++
}

func appendPair(dst []byte, name, value string) []byte {
	return etf.AppendBinary(etf.AppendBinary(etf.AppendTuple(dst, 2), name), value)
}

// sniff adds the Content-Type that the beginning of the body suggests.
func (h *head) sniff(body []byte) {
	if !h.noType && len(body) > 0 {
		h.add("Content-Type", http.DetectContentType(body[:min(len(body), sniffLen)]))
	}
}

// setLength adds the length of a body that is whole.
func (h *head) setLength(n int) {
	var digits [20]byte
	h.add("Content-Length", string(strconv.AppendInt(digits[:0], int64(n), 10)))
}

// size is how much of a payload the head takes, within a few bytes.
func (h *head) size() int {
	const rest = 32 // version, tuple, status, and the headers of list and body
	return rest + len(h.reason) + len(h.pairs.b)
}

// frame makes the frame of a head, inform or reply, the last of which has a
// body.
func (h *head) frame(k kind, body []byte, maxHead int) (*buffer, *AbortError) {
	size := h.size()
	if size > maxHead {
		return nil, abort(CodeTooLarge, "head of %d bytes, expected at most %d", size, maxHead)
	}
	f := newFrame(k, size+len(body))
	arity := 2
	if k == kindReply {
		arity = 3
	}
	f.b = etf.AppendTuple(etf.AppendVersion(f.b), arity)
	f.b = h.appendStatus(f.b)
	f.b = etf.AppendList(f.b, h.count)
	if h.count > 0 {
		f.b = etf.AppendNil(append(f.b, h.pairs.b...))
	}
	if k == kindReply {
		f.b = etf.AppendBinary(f.b, body)
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
		h.pairs.free()
		h.pairs = nil
	}
}

var newlineToSpace = strings.NewReplacer("\n", " ", "\r", " ")

// cleanValue is what net/http makes of a value before it sends it.
func cleanValue(v string) string {
	if hasLineBreak(v) {
		v = newlineToSpace.Replace(v)
	}
	return strings.Trim(v, " \t")
}

// caller names the line of code outside of this package that called into it.
func caller() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "github.com/gwport/gwport/bridge.") {
			return " from " + f.Function + " (" + filepath.Base(f.File) + ":" + strconv.Itoa(f.Line) + ")"
		}
		if !more {
			return ""
		}
	}
}

// trailerAllowed tells which fields may not trail: those of framing, routing
// and authentication (RFC 9110, section 6.5.1).
func trailerAllowed(name string) bool {
	switch name {
	case "Authorization", "Cache-Control", "Connection", "Content-Encoding", "Content-Length",
		"Content-Range", "Content-Type", "Expect", "Host", "Keep-Alive", "Max-Forwards", "Pragma",
		"Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Range", "Realm", "Te",
		"Trailer", "Transfer-Encoding", "Www-Authenticate":
		return false
	}
	return !strings.HasPrefix(name, "If-")
}
