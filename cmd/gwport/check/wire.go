package check

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/gwport/gwport/etf"
)

// The wire is written and read here once more, and not by package bridge: a
// mistake that both sides share would pass every check.

// kind is a kind of frames (SPEC.md, section 4).
type kind byte

const (
	kindHello    kind = 0
	kindReady    kind = 1
	kindFault    kind = 2
	kindPing     kind = 3
	kindPong     kind = 4
	kindDrain    kind = 5
	kindLog      kind = 6
	kindOpen     kind = 16
	kindEntered  kind = 17
	kindChunk    kind = 18
	kindFin      kind = 19
	kindTrailers kind = 20
	kindCredit   kind = 21
	kindAbort    kind = 22
	kindInform   kind = 23
	kindHead     kind = 24
	kindReply    kind = 25
)

var kindNames = map[kind]string{
	kindHello: "hello", kindReady: "ready", kindFault: "fault", kindPing: "ping", kindPong: "pong",
	kindDrain: "drain", kindLog: "log", kindOpen: "open", kindEntered: "entered", kindChunk: "chunk",
	kindFin: "fin", kindTrailers: "trailers", kindCredit: "credit", kindAbort: "abort",
	kindInform: "inform", kindHead: "head", kindReply: "reply",
}

func (k kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return fmt.Sprintf("kind %d", byte(k))
}

// hasStream tells the kinds with a stream number.
func (k kind) hasStream() bool { return k >= kindOpen }

// The codes of aborts and faults that checks name (section 8).
const (
	codeNoError      = 0
	codeInternal     = 1
	codeCancelled    = 2
	codeRefused      = 6
	codeNoApp        = 7
	codeBadPayload   = 8
	codeBadOrder     = 9
	codeBadCredit    = 10
	codeFlowExceeded = 11
	codeTooLarge     = 12
	codeBadLength    = 13
	codeBadResponse  = 14
	codePortClosed   = 15

	faultNoCommonVersion = 1
	faultBadFrame        = 2
	faultBadStream       = 3
	faultBadGreeting     = 4
)

var codeNames = []string{
	"no_error", "internal_error", "cancelled", "deadline", "head_timeout", "idle_timeout",
	"refused", "no_app", "bad_payload", "bad_order", "bad_credit", "flow_exceeded",
	"too_large", "bad_length", "bad_response", "port_closed",
}

var faultNames = []string{"", "no_common_version", "bad_frame", "bad_stream", "bad_greeting", "failed"}

// named is a code as people read it: flow_exceeded (11).
func named(names []string, code int64) string {
	if 0 <= code && code < int64(len(names)) && names[code] != "" {
		return fmt.Sprintf("%s (%d)", names[code], code)
	}
	return fmt.Sprintf("code %d", code)
}

// The numbers of the wire that checks go to the edge of.
const (
	firstStream   = 256
	maxStream     = 1<<31 - 1
	maxCredit     = 1<<31 - 1
	maxWindow     = 16 << 20
	maxChunk      = 65_536
	firstMaxFrame = 1 << 20
	portHead      = 10
	streamHead    = 15
	maxNesting    = 32
	maxInforms    = 16
	maxLog        = 65_536
	maxText       = 1_024
	noStream      = 255 // in drain: none
)

// frame is one frame; stream is 0 in those that have none.
type frame struct {
	kind    kind
	stream  uint32
	payload []byte
}

// bytes is the frame as it stands on the wire [F1, F3].
func (f frame) bytes() []byte {
	env := []byte{131, 104, 2, 97, byte(f.kind)}
	if f.stream != 0 {
		env[2] = 3
		env = binary.BigEndian.AppendUint32(append(env, 98), f.stream)
	}
	env = binary.BigEndian.AppendUint32(append(env, 109), uint32(len(f.payload)))
	return framed(append(env, f.payload...))
}

// framed puts a length in front.
func framed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// parseEnvelope reads a frame without its length. It looks at the layout and at
// nothing else.
func parseEnvelope(b []byte) (frame, bool) {
	if len(b) < portHead || b[0] != 131 || b[1] != 104 || b[3] != 97 {
		return frame{}, false
	}
	f, rest := frame{kind: kind(b[4])}, b[5:]
	switch {
	case b[2] == 3 && len(b) >= streamHead && rest[0] == 98:
		f.stream = binary.BigEndian.Uint32(rest[1:])
		rest = rest[5:]
		if f.stream < firstStream || f.stream > maxStream {
			return frame{}, false
		}
	case b[2] != 2:
		return frame{}, false
	}
	if rest[0] != 109 || uint64(binary.BigEndian.Uint32(rest[1:])) != uint64(len(rest)-5) {
		return frame{}, false
	}
	f.payload = rest[5:]
	return f, true
}

// payload encodes a term as a payload. The terms are our own, so that a mistake
// in them is a bug.
func payload(term any) []byte {
	b, err := etf.Append(etf.AppendVersion(nil), term)
	if err != nil {
		panic(err)
	}
	return b
}

// empty is the payload of the kinds that say all by being there.
var empty = payload(etf.List{})

// decode reads a payload of the program's. Deeper than the wire allows counts as
// no term.
func decode(b []byte) (any, error) {
	return etf.Decode(b, etf.Limits{MaxDepth: maxNesting})
}

// isKeyTwice tells the error of a map that has a key twice, which to the codec is
// no term and to the wire a rule of its own.
func isKeyTwice(err error) bool {
	return err != nil && strings.Contains(err.Error(), "key that is in its map twice")
}

// String is a frame as messages show it.
func (f frame) String() string {
	switch f.kind {
	case kindChunk:
		return fmt.Sprintf("chunk of %d bytes", len(f.payload))
	case kindAbort:
		code, text := f.reason()
		return fmt.Sprintf("abort %s %q", named(codeNames, code), text)
	case kindFault:
		code, text := f.reason()
		return fmt.Sprintf("fault %s %q", named(faultNames, code), text)
	case kindHead, kindReply, kindInform:
		return fmt.Sprintf("%v with status %d", f.kind, f.status())
	}
	return f.kind.String()
}

// reason reads {Code, Text}; what is none of the shape gives -1, and the watch
// has said so.
func (f frame) reason() (code int64, text string) {
	term, _ := decode(f.payload)
	if t, ok := term.(etf.Tuple); ok && len(t) == 2 {
		code, okCode := t[0].(int64)
		text, okText := t[1].(etf.Binary)
		if okCode && okText {
			return code, string(text)
		}
	}
	return -1, ""
}

// status reads the status of inform, head and reply, -1 if it has none.
func (f frame) status() int64 {
	term, _ := decode(f.payload)
	t, ok := term.(etf.Tuple)
	if !ok || len(t) == 0 {
		return -1
	}
	if pair, ok := t[0].(etf.Tuple); ok && len(pair) == 2 {
		t = pair
	}
	if n, ok := t[0].(int64); ok {
		return n
	}
	return -1
}
