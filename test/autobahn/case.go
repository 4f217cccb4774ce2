package main

import (
	"slices"
	"strconv"
	"strings"
)

// A chapter of the suite, with the number of its cases.
type chapter struct {
	number int
	name   string
	cases  int
}

// chapters are all that the suite has; it has no 8 and no 11.
var chapters = []chapter{
	{1, "framing", 16},
	{2, "pings and pongs", 11},
	{3, "reserved bits", 7},
	{4, "opcodes", 10},
	{5, "fragmentation", 20},
	{6, "UTF-8", 145},
	{7, "closing", 37},
	{9, "limits and performance", 54},
	{10, "fragmentation by the sender", 1},
	{12, "compression, by data", 90},
	{13, "compression, by parameters", 126},
}

// A testCase is one of the suite's, by its number there.
type testCase struct {
	id    string
	about string // what is sent

	frames []frame
	chop   int // octets in a write: 0 for all frames in one, -1 for a write for each
	// play sends something else than frames, and gives why it has failed, if it has.
	play   func(*session) string
	offers string // Sec-WebSocket-Extensions

	// strict and loose are what has to come back: the case is passed with the first, and, but for being strict, with any
	// of the second.
	strict []event
	loose  [][]event

	closing closing
	heavy   bool // megabytes
}

// A closing is how a connection has to end.
type closing struct {
	byUs  bool  // the client begins it
	sent  bool  // the frames have the close already
	codes []int // which the server may send
	clean bool  // it has to send one
	// undefined: anything will do.
	undefined bool
}

const (
	normal   = 1000
	protocol = 1002
	payload  = 1007
)

var (
	// orderly is what the client does when it has seen what it wants.
	orderly = closing{byUs: true, codes: []int{normal}, clean: true}
	// answered is the same, where the close is among the frames.
	answered = closing{byUs: true, sent: true, codes: []int{normal}, clean: true}
	// refused is the server's, by the frame that was wrong.
	refused = closing{codes: []int{protocol}}
	// refusedText is the server's, by text that is none.
	refusedText = closing{codes: []int{payload}}
	// refusedClose is the server's answer to a close frame that is wrong.
	refusedClose = closing{byUs: true, sent: true, codes: []int{protocol}}
)

// chapter is the first number.
func (t *testCase) chapter() int {
	number, _, _ := strings.Cut(t.id, ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		panic("autobahn: a case's number is " + t.id) // a slip in the tables
	}
	return n
}

// allCases are all, in order. Where the suite sends a thousand messages, they send this many.
func allCases(messages int) []testCase {
	return slices.Concat(
		framing(), pings(), reservedBits(), opcodes(), fragmentation(), texts(), closings(),
		limits(messages), []testCase{sendersFragments()}, compression(messages),
	)
}

// echoes are the events of messages that come back.
func echoes(frames ...frame) []event {
	var events []event
	for _, f := range frames {
		what := map[byte]string{opText: sawText, opBinary: sawBinary, opPing: sawPong}[f.opcode]
		events = append(events, event{what, string(f.payload)})
	}
	return events
}
