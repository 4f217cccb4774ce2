package peer

import "github.com/gwport/gwport/bridge/bridgetest/frames"

// Sender is who sends a kind.
type Sender int

// The two there are.
const (
	Host Sender = 1 << iota
	Program
)

func (s Sender) String() string {
	if s == Host {
		return "host"
	}
	return "program"
}

// state is where a half of a stream is, for who receives it.
type state int

const (
	fresh   state = 1 << iota // nothing of a response has come
	begun                     // entered or an inform has
	flowing                   // its head has; a request's is its open
	raw                       // it carries the bytes of a connection
	ended
	aborted
)

// row is what SPEC.md says of a kind: who sends it, in which states of the half
// that it belongs to, the shape of its payload, and the rule that is broken where
// it comes in another state. What is broken behind an abort is A4 whatever comes,
// and for an abort A1.
type row struct {
	kind   frames.Kind
	from   Sender
	states state
	shape  Shape
	rule   string
}

const untilEnd = fresh | begun | flowing | raw

// rows are section 4's table of kinds. Those without a state are of no stream.
var rows = []row{
	{frames.Hello, Host, 0, isMap, "G1"},
	{frames.Ready, Program, 0, isMap, "G1"},
	{frames.Fault, Host | Program, 0, isReason, ""},
	{frames.Ping, Host | Program, 0, Int(0, MaxCredit), ""},
	{frames.Pong, Host | Program, 0, Int(0, MaxCredit), ""},
	{frames.Drain, Host | Program, 0, Int(NoStream, frames.MaxStream), ""},
	{frames.Log, Program, 0, isAny, ""}, // D5 has a watch of its own
	{frames.Ask, Host, 0, isAsk, ""},
	{frames.Part, Program, 0, isPart, ""},
	{frames.Answered, Program, 0, isAnswered, ""},
	{frames.Open, Host, 0, isTriple, ""},
	{frames.Entered, Program, fresh, isEmpty, "R5"},
	{frames.Chunk, Host | Program, flowing | raw, nil, "S1"},
	{frames.Fin, Host | Program, flowing | raw, isEmpty, "S1"},
	{frames.Trailers, Host | Program, flowing, IsPairs, "S1"},
	{frames.Credit, Host, untilEnd | ended, Int(1, MaxCredit), ""},
	{frames.Credit, Program, untilEnd, Int(1, MaxCredit), "S2"},
	{frames.Abort, Host | Program, untilEnd | ended, isReason, "A1"},
	{frames.Inform, Program, fresh | begun, head(2), "S1"},
	{frames.Head, Program, fresh | begun, head(2), "S1"},
	{frames.Reply, Program, fresh | begun, head(3), "S1"},
	{frames.Takeover, Program, fresh | begun | flowing, isEmpty, "U2"},
}

// order is what the rules of the table expect.
var order = map[string]string{
	"R5": "entered once, before the response",
	"S1": "a request of chunks, and fin or trailers; a response of informs, and one head or reply, and chunks behind a head",
	"U2": "one takeover, in the place of a head or behind one",
	"S2": "no credit behind the end of the response",
	"A1": "one abort a stream",
}

// greets tells a kind that is the first frame of its side, and no other.
func (r row) greets() bool { return r.rule == "G1" }

// rowOf finds the row of a kind that a side sends.
func rowOf(k frames.Kind, from Sender) (row, bool) {
	for _, r := range rows {
		if r.kind == k && r.from&from != 0 {
			return r, true
		}
	}
	return row{}, false
}
