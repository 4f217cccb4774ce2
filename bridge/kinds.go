package bridge

// kind says what a frame is. The numbers and names are SPEC.md's, section 4.
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

// kindRule is what the table of section 4 says about a kind.
type kindRule struct {
	name     string // empty: unknown
	stream   bool   // it has a stream number
	fromHost bool   // the host may send it
}

var kindRules = [256]kindRule{
	kindHello:    {"hello", false, true},
	kindReady:    {"ready", false, false},
	kindFault:    {"fault", false, true},
	kindPing:     {"ping", false, true},
	kindPong:     {"pong", false, true},
	kindDrain:    {"drain", false, true},
	kindLog:      {"log", false, false},
	kindOpen:     {"open", true, true},
	kindEntered:  {"entered", true, false},
	kindChunk:    {"chunk", true, true},
	kindFin:      {"fin", true, true},
	kindTrailers: {"trailers", true, true},
	kindCredit:   {"credit", true, true},
	kindAbort:    {"abort", true, true},
	kindInform:   {"inform", true, false},
	kindHead:     {"head", true, false},
	kindReply:    {"reply", true, false},
}

func (k kind) String() string {
	if name := kindRules[k].name; name != "" {
		return name
	}
	return "unknown kind"
}
