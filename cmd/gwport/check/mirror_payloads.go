package check

import (
	"fmt"

	"github.com/gwport/gwport/etf"
)

// Scripts of payloads: F4 to F6.

func payloadScripts() []hostScript {
	odd := "\x83P\xff\xff\xff\xff\x83j\x00\xff"
	scripts := []hostScript{{
		path: "raw-chunk", rule: "F4", name: "chunks are raw bytes", ask: ask{status: fine, answer: odd},
		run: func(s *mstream) { s.head(200); s.send(kindChunk, []byte(odd)); s.fin() },
	}}
	for _, c := range [][2]string{{"compressed", "\x83P\x00\x00\x00\x02\x78\x9c\x4b\x64\x07\x00\x00\xc9\x00\x69"}, {"pid", "\x83X" + pid}} {
		scripts = append(scripts, badPayload("opaque/"+c[0], "F5", "a payload with what F5 forbids costs its stream: "+c[0], kindHead, []byte(c[1])))
	}
	for _, c := range []struct {
		name    string
		kind    kind
		payload []byte
	}{
		{"no-term", kindHead, []byte("no term")},
		{"trailing", kindHead, append(payload(etf.Tuple{200, etf.List{}}), 106)},
		{"head-arity", kindHead, payload(etf.Tuple{200})},
		{"head-status", kindHead, payload(etf.Tuple{"200", etf.List{}})},
		{"head-headers", kindHead, payload(etf.Tuple{200, 1})},
		{"head-improper", kindHead, payload(etf.Tuple{200, etf.Improper{Elems: etf.List{field("a", "b")}, Tail: 1}})},
		{"inform", kindInform, payload(1)},
		{"entered", kindEntered, payload(1)},
		{"credit", kindCredit, payload("much")},
		{"abort", kindAbort, payload("sorry")},
		{"fin", kindFin, payload(1)},
		{"reply", kindReply, payload(etf.Tuple{200, etf.List{}})},
		{"reply-body", kindReply, payload(etf.Tuple{200, etf.List{}, 1})},
	} {
		scripts = append(scripts, badPayload("payload/"+c.name, "F6", "a payload of another shape costs its stream: "+c.name, c.kind, c.payload))
	}
	for _, c := range []struct {
		name string
		kind kind
		size int
		b    []byte
	}{
		{"trailers", kindTrailers, -1, payload(1)}, {"chunk-0", kindChunk, 0, nil}, {"chunk-65537", kindChunk, maxChunk + 1, nil},
	} {
		scripts = append(scripts, badPayloadLate("payload/"+c.name, c.name, c.kind, append(c.b, make([]byte, max(c.size, 0))...)))
	}
	for _, c := range []struct {
		name string
		kind kind
		term any
	}{
		{"ping-text", kindPing, "x"},
		{"ping-negative", kindPing, -1},
		{"ping-large", kindPing, 1 << 31},
		{"pong-text", kindPong, "x"},
		{"drain-254", kindDrain, 254},
		{"drain-large", kindDrain, 1 << 31},
		{"drain-list", kindDrain, etf.List{}},
	} {
		scripts = append(scripts, wireFault("port-payload/"+c.name, "F6", "a bad payload without a stream is a wire fault: "+c.name, faultBadFrame,
			func(*mstream) []byte { return frame{c.kind, 0, payload(c.term)}.bytes() }))
	}
	return scripts
}

// badPayload is a script whose payload costs its stream before the head.
func badPayload(path, rule, name string, k kind, b []byte) hostScript {
	return hostScript{path: path, rule: rule, name: name, ask: waiting(badGateway...), run: func(s *mstream) {
		s.send(k, b)
		s.expectBadPayload(k)
	}}
}

// expectBadPayload waits for the host's abort. What ends the response half ends
// it also when it cannot be read, and the host may say no more than that [F6].
func (s *mstream) expectBadPayload(k kind) {
	if k == kindReply || k == kindFin || k == kindTrailers {
		s.m.awaitOr("abort bad_payload or no_error", func() bool { return s.abort != nil })
		if code, _ := s.abort.reason(); code == codeNoError {
			return
		}
	}
	s.expectAbort(codeBadPayload)
}

func badPayloadLate(path, what string, k kind, b []byte) hostScript {
	return hostScript{
		path: path, rule: "F6", name: fmt.Sprintf("a payload of another shape costs its stream: %s", what), ask: waiting().cut(),
		run: func(s *mstream) {
			s.head(200)
			s.send(k, b)
			s.expectBadPayload(k)
		},
	}
}
