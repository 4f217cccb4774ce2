package check

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gwport/gwport/etf"
)

// watchHead is for inform, head and reply.
func (h *host) watchHead(s *stream, f frame, t etf.Tuple) {
	if s.headed {
		h.t.violated("S1", "one head or reply, and informs before it", "%v%s", f, s.where())
	}
	most := int64(h.hello.maxHead())
	if f.kind == kindReply {
		most += s.first
	}
	if int64(len(f.payload)) > most {
		h.t.violated("G4", fmt.Sprintf("a payload of at most %d: max_head, and for a reply the first window", most),
			"%v of %d bytes", f, len(f.payload))
	}
	status := f.status()
	h.watchFields(s, f, t[1].(etf.List), status)
	if f.kind == kindInform {
		if s.informs++; s.informs > maxInforms {
			h.t.violated("S1", "at most 16 informs a stream", "%d", s.informs)
		}
		return
	}
	s.headed = true
	if f.kind == kindReply {
		body, _ := appendIodata(nil, t[2])
		h.watchBytes(s, body)
		h.watchLength(s)
		s.ended = true
	}
}

// watchFields is S6, as far as the program can keep to it.
func (h *host) watchFields(s *stream, f frame, fields etf.List, status int64) {
	if f.kind == kindInform && (status < 100 || status > 199 || status == 101) ||
		f.kind != kindInform && (status < 200 || status > 999) {
		h.t.violated("S6", "a status of 200 to 999, in inform 100 to 199 but 101", "%v", f)
	}
	s.length = -1
	for _, e := range fields {
		name, value := string(e.(etf.Tuple)[0].(etf.Binary)), string(e.(etf.Tuple)[1].(etf.Binary))
		if !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			h.t.violated("S6", "a token as name, no CR, LF or NUL in a value", "%q: %q", name, value)
		}
		if strings.EqualFold(name, "content-length") {
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < 0 {
				h.t.violated("S6", "a content-length that is a number", "%q", value)
			}
			s.length = n
		}
	}
	if s.method == "HEAD" || status == 204 || status == 304 {
		s.length = -1 // it is not about the chunks
	}
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// watchLength is S5: what the head has announced has come.
func (h *host) watchLength(s *stream) {
	if s.headed && s.length >= 0 && s.length != s.bytes {
		h.t.violated("S5", fmt.Sprintf("%d bytes, as content-length says", s.length), "%d%s", s.bytes, s.where())
	}
}
