package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gwport/gwport/etf"
)

// Checks of section 3: payloads.

// checkBadPortPayloads has what is wrong in a frame without a stream.
func checkBadPortPayloads(t *trial) {
	var cases []string
	for _, c := range []struct {
		kind    kind
		payload []byte
	}{
		{kindPing, nil}, // of 10 bytes, the least there is
		{kindPing, payload("x")},
		{kindPing, payload(-1)},
		{kindPing, payload(1 << 31)},
		{kindPing, append(payload(1), 106)},
		{kindPing, payload(7)[:1]},
		{kindPing, payload(7)[1:]},
		{kindPing, []byte("\x83P\x00\x00\x00\x02\x78\x9c\x4b\x64\x07\x00\x00\xc9\x00\x69")},
		{kindPing, []byte("\x83X" + pid)},
		{kindPong, payload("x")},
		{kindDrain, payload(254)},
		{kindDrain, payload(etf.List{})},
		{kindFault, payload(1)},
	} {
		cases = append(cases, string(frame{c.kind, 0, c.payload}.bytes()))
	}
	t.expectFaults(faultBadFrame, cases...)
}

// pid is what follows the tag of NEW_PID_EXT.
const pid = "w\x01n\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"

// deep is a term of so many levels. Its innermost is no level by any counting.
func deep(levels int) any {
	term := any(0)
	for range levels {
		term = etf.Tuple{term}
	}
	return term
}

// sleeper opens a stream whose app reads nothing and answers late, with both
// halves open.
func (h *host) sleeper() *stream {
	return h.open(request{path: "/sleep/60000", method: "PUT", upload: true, window: plenty})
}

func checkBadStreamPayloads(t *trial) {
	h := t.app(hello{})
	other := h.sleeper()
	for _, c := range []struct {
		kind    kind
		payload []byte
	}{
		{kindChunk, nil},
		{kindChunk, make([]byte, maxChunk+1)},
		{kindFin, payload("")},
		{kindFin, append(slices.Clone(empty), 106)},
		{kindFin, nil},
		{kindTrailers, payload(1)},
		{kindTrailers, payload(etf.List{etf.Tuple{"a", 1}})},
		{kindTrailers, payload(etf.List{etf.Tuple{"a"}})},
		{kindTrailers, payload(etf.Improper{Elems: etf.List{etf.Tuple{"a", "b"}}, Tail: 1})},
		{kindCredit, payload("1")},
		{kindCredit, payload(1.5)},
		{kindCredit, append(payload(1), 0)},
		{kindCredit, []byte("\x83P\x00\x00\x00\x02\x78\x9c\x4b\x64\x07\x00\x00\xc9\x00\x69")},
		{kindAbort, payload(2)},
		{kindAbort, payload(etf.Tuple{2, "", ""})},
		{kindAbort, payload(etf.Tuple{"2", ""})},
		{kindAbort, payload(etf.Tuple{2, 1})},
		{kindAbort, payload(etf.Tuple{-1, ""})},
		{kindAbort, payload(etf.Tuple{1 << 31, ""})},
	} {
		s := h.sleeper()
		h.send(frame{c.kind, s.id, c.payload})
		t.with(fmt.Sprintf("%v with %s", c.kind, shown(c.payload)), func() { s.expectAbort(codeBadPayload) })
		s.abort(codeBadPayload)
	}
	h.ping()
	other.abort(codeCancelled)
	other.expectAbort(codeCancelled)
	h.settle()
}

// openWith sends an open whose request is changed, and waits for its stream to
// be aborted, or answered.
func (h *host) openWith(change func(etf.Map) any) *stream {
	r := request{path: "/status/204", window: plenty}
	s := h.reserve(r)
	h.sendTerm(kindOpen, s.id, etf.Tuple{0, r.window, change(r.term())})
	return s
}

func checkBadOpens(t *trial) {
	h := t.app(hello{})
	for _, c := range []any{1, etf.List{}, etf.Map{}} {
		h.openWith(func(etf.Map) any { return c }).expectAbort(codeBadPayload)
	}
	for _, key := range []string{"method", "path", "query", "version", "scheme", "host", "port", "peer", "local", "headers", "path_info"} {
		r := request{path: "/status/204", lacks: key}
		t.with("an open without "+key, func() { h.open(r).expectAbort(codeBadPayload) })
		s := h.openWith(func(m etf.Map) any {
			for i := range m {
				if m[i].Key == key {
					m[i].Value = etf.Tuple{}
				}
			}
			return m
		})
		t.with("an open with {} as "+key, func() { s.expectAbort(codeBadPayload) })
	}
	s := h.reserve(request{})
	h.send(frame{kindOpen, s.id, payload(etf.Tuple{0, 0})})
	s.expectAbort(codeBadPayload)
	h.ping()
	h.settle()
}

func checkUnknownKeys(t *trial) {
	h := t.app(hello{})
	s := h.openWith(func(m etf.Map) any { return append(m, later...) })
	s.expectResponse(204, "")
	h.settle()
}

func checkNesting(t *trial) {
	h := t.app(hello{})
	// {Type, Window, #{key => ...}} is two levels.
	for _, levels := range []int{1, 30, 31, 100, 10_000} {
		s := h.openWith(func(m etf.Map) any { return append(m, etf.Pair{Key: "later", Value: deep(levels)}) })
		if r := s.response(); levels <= 30 && r.status != 204 || r.last.kind == kindAbort && s.lastCode != codeBadPayload {
			t.fail(fmt.Sprintf("%v for %d levels", r.last, levels+2), "32 levels taken; more of them, or bad_payload")
		}
	}
	h.ping()
	h.settle()
}

func checkOpaque(t *trial) {
	h := t.app(hello{})
	for _, raw := range []etf.Raw{
		"X" + pid, // NEW_PID_EXT
		"gw\x01n\x00\x00\x00\x01\x00\x00\x00\x00\x00",     // PID_EXT
		"Yw\x01n\x00\x00\x00\x01\x00\x00\x00\x00",         // NEW_PORT_EXT
		"Z\x00\x01w\x01n\x00\x00\x00\x00\x00\x00\x00\x01", // NEWER_REFERENCE_EXT
		"qw\x06erlangw\x04selfa\x00",                      // EXPORT_EXT
		"M\x00\x00\x00\x01\x03\xe0",                       // BIT_BINARY_EXT
	} {
		s := h.openWith(func(m etf.Map) any { return append(m, etf.Pair{Key: "later", Value: etf.List{raw}}) })
		t.with(shown(raw), func() { s.expectAbort(codeBadPayload) })
	}
	h.ping()
	h.settle()
}

func checkCompressed(t *trial) {
	h := t.app(hello{})
	s := h.reserve(request{})
	// 64 MiB of zeros would come of it.
	h.send(frame{kindOpen, s.id, append([]byte{131, 80, 4, 0, 0, 0}, make([]byte, 64)...)})
	s.expectAbort(codeBadPayload)
	h.ping()
	h.settle()
}

// checkTrue sends the atom true in all four encodings: OTP 25 writes the first,
// OTP 26 the last.
func checkTrue(t *trial) {
	h := t.app(hello{})
	for _, atom := range []etf.Raw{"d\x00\x04true", "s\x04true", "v\x00\x04true", "w\x04true"} {
		s := h.open(request{
			path: "/echo", method: "PUT", upload: true, window: plenty, noCredit: true,
			extra: etf.Map{{Key: "continue", Value: atom}},
		})
		s.send([]byte("abc"))
		s.fin()
		s.expectResponse(200, "abc")
	}
	h.settle()
}

// checkAtoms has atoms that nobody knows in the value of a key that nobody knows.
func checkAtoms(t *trial) {
	h := t.app(hello{})
	for _, atom := range []etf.Raw{"d\x00\x04s\xe9nd", "s\x03new", "v\x00\x03new", "w\x02\xc3\xa9"} {
		s := h.openWith(func(m etf.Map) any {
			return append(m, etf.Pair{Key: "later", Value: etf.List{atom, etf.Tuple{atom}}})
		})
		s.expectResponse(204, "")
	}
	h.settle()
}

// checkFloats sends both encodings of a float, the old one a text of 31 bytes.
func checkFloats(t *trial) {
	h := t.app(hello{})
	old := "c1.50000000000000000000e+00" + strings.Repeat("\x00", 5)
	for _, f := range []etf.Raw{"F\x3f\xf8\x00\x00\x00\x00\x00\x00", etf.Raw(old)} {
		s := h.openWith(func(m etf.Map) any { return append(m, etf.Pair{Key: "later", Value: f}) })
		s.expectResponse(204, "")
	}
	h.settle()
}

// checkRawChunks sends bodies that look like terms and are none of the wire's
// business.
func checkRawChunks(t *trial) {
	h := t.app(hello{})
	for _, body := range []string{"\x83P\xff\xff\xff\xff", "\x83j", "\x00", strings.Repeat("\xff", 300)} {
		s := h.open(request{path: "/echo", method: "PUT", upload: true, window: plenty})
		s.send([]byte(body))
		s.fin()
		s.expectResponse(200, body)
	}
	h.settle()
}
