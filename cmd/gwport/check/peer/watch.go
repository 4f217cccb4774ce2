package peer

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// The watch holds every frame that the other side writes, whatever is being
// checked, against the rules that bind it always. What it finds is a failure of
// the rule itself, not of the check that is under way. All of it runs under the
// side's lock.

// Watch is what is watched of one side.
type Watch struct {
	*Side
	Of       Sender
	Player   Player
	MaxFrame int // of ours
	MaxHead  int
	First    *frames.Frame // the greeting, or a fault instead
}

// Player is who plays against the watched side. It is told what the watch has
// found, and takes in what the watch has let through.
type Player interface {
	Kept(rule string)                  // it was looked at
	Broke(rule, seen, expected string) // and is broken
	Stream(id uint32) *Stream          // nil: there is none
	Early(f frames.Frame)              // a frame, before it is looked at
	Before(s *Stream, f frames.Frame)  // a frame of a stream, the same
	TakePort(f frames.Frame, term any) // a frame without a stream
	TakeOpen(f frames.Frame, t etf.Tuple)
	Take(s *Stream, f frames.Frame, term any)
}

// Hold notes that a rule has been looked at, and broken unless ok.
func (w *Watch) Hold(rule string, ok bool, expected, format string, args ...any) {
	if !ok {
		w.Player.Broke(rule, fmt.Sprintf(format, args...), expected)
	}
	w.Player.Kept(rule)
}

// take takes in one frame. An error is the end of reading.
func (w *Watch) take(b []byte) error {
	w.Player.Kept("F2")
	f, ok := frames.Parse(b)
	w.Hold("F3", ok, "an envelope of the layout of F3", "% x", b[:min(len(b), 16)])
	if !ok {
		return fmt.Errorf("not an envelope: % x", b[:min(len(b), 16)])
	}
	w.Hold("8", w.Fault == nil, "nothing behind fault", "%v", f)
	r, known := rowOf(f.Kind, w.Of)
	known = known && f.Kind.HasStream() == (f.Stream != 0)
	w.Hold("F8", known, "a kind that its sender sends, with a stream number where section 4 has one", "%v with stream %d", f.Kind, f.Stream)
	w.Player.Early(f)
	if !known {
		return nil
	}
	term, ok := w.payload(f, r)
	switch {
	case !ok:
	case f.Stream == 0:
		w.port(f, r, term)
	case f.Kind == frames.Open:
		w.Player.TakeOpen(f, term.(etf.Tuple))
	default:
		w.stream(f, r, term)
	}
	return nil
}

// end tells what no frame begins with from text on standard output.
func (w *Watch) end(err error) {
	w.Ended = true
	if !errors.Is(err, io.EOF) {
		w.ReadErr = err
	}
	wrong := (*lengthError)(nil)
	if !errors.As(err, &wrong) {
		return
	}
	if w.Of == Program && isText(wrong.bytes) {
		w.Player.Broke("P1", fmt.Sprintf("%q", wrong.bytes), "nothing but frames on standard output")
	} else {
		w.Player.Broke("F2", err.Error(), fmt.Sprintf("a length of 10 to %d", w.MaxFrame))
	}
}

func isText(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c < ' ' && c != '\n' && c != '\t' && c != '\r' || c > '~' })
}

// payload decodes a payload and holds it against F4, F5 and F7.
func (w *Watch) payload(f frames.Frame, r row) (any, bool) {
	if f.Kind == frames.Chunk {
		w.Hold("F4", len(f.Payload) >= 1 && len(f.Payload) <= MaxChunk, "1 to 65536 bytes in a chunk", "%v", f)
		return nil, true
	}
	switch odd := oddTag(f.Payload); {
	case odd == "tag 80":
		w.Player.Broke("F5", fmt.Sprintf("%v with %s", f.Kind, odd), "no compressed term")
		return nil, false
	case odd != "" && (odd != emptyList || w.Of == Host):
		w.Player.Broke("F5", fmt.Sprintf("%v with %s", f.Kind, odd), "the tags of F5 and no others, at most 32 levels")
		return nil, false
	}
	term, err := Decode(f.Payload)
	switch {
	case w.Of == Host && isKeyTwice(err):
		w.Player.Broke("F7", fmt.Sprintf("%v: %v", f.Kind, err), "keys that are binaries, each once")
	case err != nil:
		w.Player.Broke("F4", fmt.Sprintf("%v: %v", f.Kind, err), "a payload that is one term")
	default:
		w.Player.Kept("F5")
		ok := r.shape(term)
		w.Hold("F4", ok, "a payload as section 4 describes it", "%v with %.80s", f.Kind, fmt.Sprint(term))
		return term, ok
	}
	return nil, false
}

// port is for frames without a stream.
func (w *Watch) port(f frames.Frame, r row, term any) {
	if w.Of == Program {
		w.Hold("G1", f.Kind == frames.Fault || w.isInPlace(r), "ready as the first frame, or fault, and one ready", "%v", f)
	}
	if w.First == nil && (w.Of == Program || r.greets()) {
		w.First = &f
	}
	switch f.Kind {
	case frames.Fault:
		w.Fault = &f
		w.text(f)
	case frames.Ping:
		w.Queue(frames.Pong, 0, term)
	case frames.Pong:
		n := term.(int64)
		times, asked := w.Pongs[n]
		w.Hold("D4", asked && (times == 0 || w.Of == Program), "the integer of a ping, once", "pong %d", n)
		w.Pongs[n]++
		w.PongAt = w.Arrived
	default:
		w.Player.TakePort(f, term)
	}
}

// isInPlace tells whether a greeting is the first frame, and any other is none.
func (w *Watch) isInPlace(r row) bool { return (w.First == nil) == r.greets() }

// stream is for frames of streams.
func (w *Watch) stream(f frames.Frame, r row, term any) {
	s := w.Player.Stream(f.Stream)
	w.Hold("R3", s != nil, "frames for streams that the host has opened", "%v for stream %d", f, f.Stream)
	if s == nil {
		return
	}
	w.Player.Before(s, f)
	w.order(s, f, r)
	switch f.Kind {
	case frames.Chunk:
		w.Body(s, f.Payload)
	case frames.Credit:
		s.Left += term.(int64)
		w.Hold("C3", s.Left <= MaxCredit, "credit of at most 2147483647 in sum", "%d", s.Left)
	case frames.Abort:
		w.text(f)
	case frames.Fin, frames.Trailers:
		w.Hold("G4", f.Kind == frames.Fin || len(f.Payload) <= w.MaxHead, fmt.Sprintf("trailers of at most max_head, %d bytes", w.MaxHead), "%d", len(f.Payload))
		w.Length(s, f.Kind)
	}
	w.Player.Take(s, f, term)
	s.follows(f)
}

// order holds a frame against the states that its kind may come in.
func (w *Watch) order(s *Stream, f frames.Frame, r row) {
	if s.Abort != nil && f.Kind != frames.Abort {
		w.Player.Broke("A4", f.String()+s.where(), fmt.Sprintf("nothing behind the %v's own abort", w.Of))
		if w.Of == Host {
			return // who has aborted may well have ended before
		}
	}
	if s.Taken && f.Kind == frames.Credit {
		return // each direction ends by itself
	}
	if r.states != 0 && r.rule != "" {
		w.Hold(r.rule, s.state&r.states != 0, order[r.rule], "%v%s", f, s.where())
	}
	if f.Kind == frames.Abort && s.Abort == nil {
		w.Player.Kept("A4")
	}
}

// Body takes in bytes of a body: C1.
func (w *Watch) Body(s *Stream, b []byte) {
	s.Got += int64(len(b))
	w.Arrived += int64(len(b))
	w.Hold("C1", s.Got <= s.Given, fmt.Sprintf("at most %d bytes, which is the credit", s.Given), "%d bytes%s, %d of them beyond", s.Got, s.of(), s.Got-s.Given)
	if s.generous && len(b) > 0 && s.wants() {
		s.grant(int64(len(b)))
	}
}

// lengthRule says who has promised what the length of a body is, and where.
var lengthRule = map[Sender][2]string{Host: {"R7", "length"}, Program: {"S5", "content-length"}}

// Length holds the end of a body against what was said of its length.
func (w *Watch) Length(s *Stream, k frames.Kind) {
	if rule := lengthRule[w.Of]; s.Length >= 0 && (w.Of == Host || k == frames.Reply || s.state == flowing) {
		w.Hold(rule[0], s.Got == s.Length, fmt.Sprintf("%v behind %d bytes, as %s says", k, s.Length, rule[1]), "%d%s", s.Got, s.of())
	}
}

func (w *Watch) text(f frames.Frame) {
	_, text := f.Reason()
	w.Hold("8", len(text) <= maxText, "a text of at most 1024 bytes", "%v with one of %d", f.Kind, len(text))
}
