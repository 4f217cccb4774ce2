package program

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/etf"
)

// watcher has what only a program can break, beside what the watch of package
// peer finds.
type watcher struct{ *host }

func (watcher) Kept(string) {}

func (h watcher) Broke(rule, seen, expected string) { h.t.violated(rule, expected, seen) }

func (h watcher) Early(frames.Frame) {
	h.t.mu.Lock()
	defer h.t.mu.Unlock()
	h.t.seenFrames++
}

func (h watcher) TakeOpen(frames.Frame, etf.Tuple) {} // F8 has said it

func (h watcher) Stream(id uint32) *peer.Stream {
	if s := h.streams[id]; s != nil {
		return &s.Stream
	}
	return nil
}

// TakePort takes in a frame without a stream.
func (h watcher) TakePort(f frames.Frame, term any) {
	switch f.Kind {
	case frames.Ready:
		if h.firstAt.IsZero() {
			h.firstAt = time.Now()
		}
	case frames.Drain:
		h.watch.Hold("D2", h.drained < 0, "one drain", "another")
		h.drained = term.(int64)
		h.watch.Hold("D1", h.drained <= int64(h.Highest) || h.drained == peer.NoStream,
			fmt.Sprintf("a number of at most %d, the highest opened", h.Highest), "drain %d", h.drained)
	case frames.Part, frames.Answered:
		h.evidence(f, term.(etf.Tuple))
	case frames.Log:
		h.log(f, term)
	}
}

// log is D5.
func (h watcher) log(f frames.Frame, term any) {
	h.t.mu.Lock()
	h.t.seenLogs++
	h.t.mu.Unlock()
	h.watch.Hold("D5", len(f.Payload) <= peer.MaxLog, "a payload of at most 65536 bytes", "%d", len(f.Payload))
	t, ok := term.(etf.Tuple)
	h.watch.Hold("D5", ok && len(t) == 3 && peer.IsInt(t[0], 0, 7) && peer.IsBinary(t[1]) && isMeta(t[2]),
		"{Level, Text, Meta}", "%.80s", fmt.Sprint(term))
}

func isMeta(term any) bool {
	m, ok := term.(etf.Map)
	return ok && !slices.ContainsFunc(m, func(p etf.Pair) bool { return !peer.IsBinary(p.Key) || !isMetaValue(p) })
}

func isMetaValue(p etf.Pair) bool {
	_, isNumber := p.Value.(int64)
	if p.Key == etf.Binary("stream") || p.Key == etf.Binary("dropped") {
		return isNumber
	}
	_, isFloat := p.Value.(float64)
	return isNumber || isFloat || peer.IsBinary(p.Value) || p.Value == etf.Atom("true") || p.Value == etf.Atom("false")
}

// Before is D1 for streams.
func (h watcher) Before(s *peer.Stream, f frames.Frame) {
	h.watch.Hold("D1", h.drained < 0 || int64(s.ID) <= h.drained,
		fmt.Sprintf("nothing of streams above %d, the number in drain", h.drained), "%v of stream %d", f, s.ID)
}

// Take takes in a frame of a stream.
func (h watcher) Take(p *peer.Stream, f frames.Frame, term any) {
	s := h.streams[p.ID]
	where := fmt.Sprintf(" of stream %d", s.ID)
	switch f.Kind {
	case frames.Chunk:
		s.opened = false
		s.keep(f.Payload)
		return
	case frames.Credit:
		if s.grants++; s.grants == 1 {
			s.granted = term.(int64)
		}
		return
	case frames.Takeover:
		h.watch.Hold("U2", s.offered || s.connects, "takeover of a stream that was offered", "takeover%s", where)
		h.watch.Hold("U7", !s.connects || s.opened, "takeover right behind a head with a status of 200 to 299 but 204, and no content-length", "takeover%s", where)
		s.opened = false
	case frames.Abort:
		s.abortAt = h.Arrived
	case frames.Entered:
		s.enters++
		h.watch.Hold("R5", needsEntered(s.method), "no entered for "+s.method, "entered%s", where)
	case frames.Inform, frames.Head, frames.Reply:
		h.head(s, f, term.(etf.Tuple))
	}
	if f.Kind != frames.Abort {
		h.watch.Hold("R5", s.enters > 0 || !needsEntered(s.method), "entered before the response to "+s.method, "%v%s", f, where)
	}
	s.frames = append(s.frames, f)
}

func needsEntered(method string) bool {
	return !slices.Contains([]string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}, method)
}

// head is for inform, head and reply.
func (h watcher) head(s *stream, f frames.Frame, t etf.Tuple) {
	most := int64(h.hello.maxHead())
	if f.Kind == frames.Reply {
		most += s.first
	}
	h.watch.Hold("G4", int64(len(f.Payload)) <= most, fmt.Sprintf("a payload of at most %d: max_head, and for a reply the first window", most),
		"%v of %d bytes", f, len(f.Payload))
	h.fields(s, f, t[1].(etf.List))
	s.opened = f.Kind == frames.Head && f.Status() <= 299 && f.Status() != 204 && s.Length < 0
	switch f.Kind {
	case frames.Inform:
		s.informs++
		h.watch.Hold("S1", s.informs <= peer.MaxInforms, "at most 16 informs a stream", "%d", s.informs)
	case frames.Reply:
		body, _ := peer.AppendIodata(nil, t[2])
		h.watch.Body(&s.Stream, body)
		s.keep(body)
		h.watch.Length(&s.Stream, f.Kind)
	}
}

// fields is S6, as far as the program can keep to it.
func (h watcher) fields(s *stream, f frames.Frame, fields etf.List) {
	status, isInform := f.Status(), f.Kind == frames.Inform
	h.watch.Hold("S6", isInform && status >= 100 && status <= 199 && status != 101 || !isInform && status >= 200 && status <= 999,
		"a status of 200 to 999, in inform 100 to 199 but 101", "%v", f)
	s.Length = -1
	for _, e := range fields {
		name, value := string(e.(etf.Tuple)[0].(etf.Binary)), string(e.(etf.Tuple)[1].(etf.Binary))
		h.watch.Hold("S6", peer.IsToken(name) && !strings.ContainsAny(value, "\r\n\x00"),
			"a token as name, no CR, LF or NUL in a value", "%q: %q", name, value)
		if strings.EqualFold(name, "content-length") {
			n, err := strconv.ParseInt(value, 10, 64)
			h.watch.Hold("S6", err == nil && n >= 0, "a content-length that is a number", "%q", value)
			s.Length = n
		}
	}
	if s.method == "HEAD" || status == 204 || status == 304 {
		s.Length = -1 // it is not about the chunks
	}
}
