package check

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/gwport/gwport/etf"
)

// Scripts of section 3: frames.

func frameScripts() []hostScript {
	scripts := []hostScript{
		{path: "one-write", rule: "F1", name: "many frames in one write", ask: ask{status: fine, answer: pattern(3000)}, run: scriptOneWrite},
		{path: "single-bytes", rule: "F1", name: "a frame in single bytes", ask: ask{status: fine, answer: "in bytes"}, run: scriptSingleBytes},
		{path: "largest-frame", rule: "F2", name: "a frame of hello's max_frame is taken", ask: ask{status: fine}, run: func(s *mstream) {
			s.m.sendTerm(kindLog, 0, etf.Tuple{7, strings.Repeat("l", int(s.m.hello.maxFrame)-portHead-logEmpty), etf.Map{}})
			s.m.barrier()
			s.ok()
		}},
	}
	for _, length := range []string{"0", "9", "max_frame-and-1", "4294967295"} {
		scripts = append(scripts, wireFault("length/"+length, "F2", "a length of "+length+" is a wire fault, on sight", faultBadFrame, badLength(length)))
	}
	for _, c := range []struct {
		name string
		term any
	}{
		{"list", etf.List{18, 256, "x"}},
		{"four", etf.Tuple{18, 256, 1, "x"}},
		{"one", etf.Tuple{"0123456789"}},
		{"low-stream", etf.Tuple{18, 255, "x"}},
		{"no-binary", etf.Tuple{18, 100_000, etf.List{"x"}}},
		{"float", etf.Tuple{1.5, "0123456789"}},
		{"negative", etf.Tuple{-1, "0123456789"}},
		{"large-kind", etf.Tuple{256, "0123456789"}},
	} {
		scripts = append(scripts, wireFault("envelope/"+c.name, "F3", "an envelope of another layout is a wire fault: "+c.name, faultBadFrame,
			func(*mstream) []byte { return framed(payload(c.term)) }))
	}
	for _, c := range []struct {
		name string
		frame
		code int64
	}{
		{"unknown", frame{7, 0, payload(1)}, faultBadFrame},
		{"unknown-stream", frame{60, 256, payload(1)}, faultBadFrame},
		{"hello", frame{kindHello, 0, payload(etf.Map{})}, -1},  // bad_frame [F8] or bad_greeting [G1]
		{"open", frame{kindOpen, 258, request{}.payload()}, -1}, // bad_frame [F8] or bad_stream [R2]
		{"ping-with-stream", frame{kindPing, 256, payload(1)}, faultBadFrame},
		{"credit-without", frame{kindCredit, 0, payload(1)}, faultBadFrame},
	} {
		scripts = append(scripts, wireFault("kind/"+c.name, "F8", "a kind that is not a program's, or not in its place, is a wire fault: "+c.name, c.code,
			func(*mstream) []byte { return c.bytes() }))
	}
	return scripts
}

func badLength(name string) func(*mstream) []byte {
	return func(s *mstream) []byte {
		n, err := strconv.ParseUint(name, 10, 32)
		if err != nil {
			n = uint64(s.m.hello.maxFrame + 1)
		}
		return binary.BigEndian.AppendUint32(nil, uint32(n))
	}
}

// logEmpty is how large an empty line of the log is; a text of more than 255
// bytes does not change it.
var logEmpty = len(payload(etf.Tuple{7, "", etf.Map{}}))

// wireFault is a script that writes bytes no host goes on after. A code of -1 is
// any.
func wireFault(path, rule, name string, code int64, bytes func(*mstream) []byte) hostScript {
	return hostScript{path: path, rule: rule, name: name, ask: ending(badGateway...), run: func(s *mstream) {
		s.m.sendRaw(bytes(s))
		if code < 0 {
			s.m.awaitOr("a fault", func() bool { return s.m.fault != nil })
		} else {
			s.m.expectFault(code)
		}
	}}
}

func scriptOneWrite(s *mstream) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	b := frame{kindHead, s.id, payload(etf.Tuple{200, etf.List{}})}.bytes()
	body := pattern(3000)
	for i := 0; i < len(body); i += 100 {
		b = append(b, frame{kindChunk, s.id, []byte(body[i : i+100])}.bytes()...)
	}
	s.over = true
	s.m.queue(append(b, frame{kindFin, s.id, empty}.bytes()...))
}

func scriptSingleBytes(s *mstream) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.over = true
	for _, b := range (frame{kindReply, s.id, payload(etf.Tuple{200, etf.List{}, "in bytes"})}).bytes() {
		s.m.queue([]byte{b})
	}
}
