package wire

// A Kind says what a frame is. The numbers and names are SPEC.md's, section 4.
type Kind byte

// The kinds.
const (
	KindHello    Kind = 0
	KindReady    Kind = 1
	KindFault    Kind = 2
	KindPing     Kind = 3
	KindPong     Kind = 4
	KindDrain    Kind = 5
	KindLog      Kind = 6
	KindAsk      Kind = 7
	KindPart     Kind = 8
	KindAnswered Kind = 9
	KindOpen     Kind = 16
	KindEntered  Kind = 17
	KindChunk    Kind = 18
	KindFin      Kind = 19
	KindTrailers Kind = 20
	KindCredit   Kind = 21
	KindAbort    Kind = 22
	KindInform   Kind = 23
	KindHead     Kind = 24
	KindReply    Kind = 25
	KindTakeover Kind = 26
	KindFile     Kind = 27
	KindTaken    Kind = 28
)

// kindRule is what the table of section 4 says about a kind.
type kindRule struct {
	name     string // empty: unknown
	stream   bool   // it has a stream number
	fromHost bool   // the host may send it
}

var kindRules = [256]kindRule{
	KindHello:    {"hello", false, true},
	KindReady:    {"ready", false, false},
	KindFault:    {"fault", false, true},
	KindPing:     {"ping", false, true},
	KindPong:     {"pong", false, true},
	KindDrain:    {"drain", false, true},
	KindLog:      {"log", false, false},
	KindAsk:      {"ask", false, true},
	KindPart:     {"part", false, false},
	KindAnswered: {"answered", false, false},
	KindOpen:     {"open", true, true},
	KindEntered:  {"entered", true, false},
	KindChunk:    {"chunk", true, true},
	KindFin:      {"fin", true, true},
	KindTrailers: {"trailers", true, true},
	KindCredit:   {"credit", true, true},
	KindAbort:    {"abort", true, true},
	KindInform:   {"inform", true, false},
	KindHead:     {"head", true, false},
	KindReply:    {"reply", true, false},
	KindTakeover: {"takeover", true, false},
	KindFile:     {"file", true, false},
	KindTaken:    {"taken", true, true},
}

// String returns the kind's name in SPEC.md.
func (k Kind) String() string {
	if name := kindRules[k].name; name != "" {
		return name
	}
	return "unknown kind"
}
