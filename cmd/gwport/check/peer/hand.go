package peer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// Hand is what a script works with, whichever side it plays: a wire, and a stream
// of it.
type Hand struct {
	As     Sender
	Side   *Side
	At     *Stream
	Number func(name string) (int64, bool)
}

// Step does the steps that both sides have. It is not ok for others.
func (h *Hand) Step(verb, args string) (ok bool) {
	switch verb {
	case "ping":
		h.Side.Ping()
	case "send":
		h.send(args)
	case "raw":
		h.Side.SendRaw(h.Bytes(args))
	case "framed":
		h.Side.SendRaw(Framed(h.Bytes(args)))
	case "length":
		h.Side.SendRaw(Length(h.Num(args)))
	case "every":
		h.every(args)
	case "gather":
		h.Side.Gather()
	case "flush":
		h.Side.Flush(args == "bytes")
	case "hold":
		h.Side.Hold(true)
	case "go-on":
		h.Side.Hold(false)
	case "await":
		h.At.AwaitBytes(h.Num(args))
	default:
		k, isKind := frames.KindOf(verb)
		if isKind {
			h.frame(k, args)
		}
		return isKind
	}
	return true
}

// Num reads an integer.
func (h *Hand) Num(text string) int64 { return Int64(text, h.Number) }

// Bytes reads a text, or a term that is written as its payload.
func (h *Hand) Bytes(text string) []byte {
	if b, isText := Term(text, h.Number).(etf.Binary); isText {
		return []byte(b)
	}
	return Payload(Term(text, h.Number))
}

// Payload reads a payload: a term, the bytes of a chunk, or bytes behind raw.
// Where nothing is said it is an empty list, or of trailers one of a pair.
func (h *Hand) Payload(k frames.Kind, text string) []byte {
	raw, isRaw := strings.CutPrefix(text, "raw ")
	_, err := strconv.Atoi(text)
	isNumber := err == nil
	switch {
	case isRaw, k == frames.Chunk:
		return h.Bytes(raw)
	case text == "" && k == frames.Trailers:
		return Payload(etf.List{etf.Tuple{"x-check", "1"}})
	case text == "":
		return Empty
	case k == frames.Abort && text[0] != '{' && text[0] != '"':
		return Payload(etf.Tuple{CodeOf(k, text), "because"})
	case isNumber && (k == frames.Head || k == frames.Inform):
		return Payload(etf.Tuple{h.Num(text), etf.List{}})
	}
	return Payload(Term(text, h.Number))
}

// send sends KIND STREAM PAYLOAD.
func (h *Hand) send(args string) {
	kind, rest, _ := strings.Cut(args, " ")
	stream, payload, _ := strings.Cut(rest, " ")
	k := KindOf(kind)
	h.Side.Send(k, uint32(h.Num(stream)), h.Payload(k, payload))
}

// everyFrame is what a side may send of a stream, but for open.
var everyFrame = map[Sender][]string{
	Host: {`chunk $ "x"`, `credit $ 1`, `credit $ 0`, `trailers $ []`, `fin $`, `abort $ cancelled`},
	Program: {
		`entered $`, `inform $ 103`, `head $ 200`, `chunk $ "x"`, `credit $ 1`, `credit $ 0`, `reply $ raw "no term"`,
		`trailers $ []`, `fin $`, `abort $ internal_error`,
	},
}

// every sends all of it, of a stream that is said, or of that at hand.
func (h *Hand) every(stream string) {
	if stream == "" {
		stream = fmt.Sprint(h.At.ID)
	}
	for _, f := range everyFrame[h.As] {
		h.send(strings.ReplaceAll(f, "$", stream))
	}
}

// frame sends a frame of the stream at hand.
func (h *Hand) frame(k frames.Kind, args string) {
	if k == frames.Credit && !strings.HasPrefix(args, "raw ") {
		h.At.SendTerm(k, Term(args, h.Number))
		return
	}
	h.At.Send(k, h.Payload(k, args))
}

// KindOf reads a kind, by name or number.
func KindOf(text string) frames.Kind {
	if k, ok := frames.KindOf(text); ok {
		return k
	}
	return frames.Kind(Int64(text, nil))
}

// CodeOf reads a code of aborts or faults, by name or number; any is -1.
func CodeOf(k frames.Kind, text string) int64 {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	n := frames.CodeOf(k, text)
	if n < 0 && text != "any" {
		panic("script: no code " + text)
	}
	return int64(n)
}
