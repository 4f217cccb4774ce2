package program

import (
	"fmt"
	"slices"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
)

// checkApp is the app of SPEC.md, section 13.
const checkApp = "gwport.check"

// plenty is a window that no answer but a long one uses up.
const plenty = 65_536

// stream is one stream of a host. The fields are guarded by the host's lock.
type stream struct {
	peer.Stream
	h        *host
	method   string
	offered  bool // the request had upgrade
	connects bool // the request had protocol
	opened   bool // its head has come, and no more, and lets a tunnel begin

	first int64 // credit for the response that came with open
	sent  []byte

	frames []frames.Frame // that have come, but for chunks and credit
	body   []byte         // of the chunks and a reply, unless drop
	drop   bool

	enters  int // frames of entered
	informs int
	grants  int   // frames of credit for the request
	granted int64 // by the first
	abortAt int64 // how many bytes of bodies, of all streams, had come before the program's abort
}

// open opens a stream with the next number.
func (h *host) open(r peer.Request) *stream {
	s := h.reserve(r)
	h.Send(frames.Open, s.ID, ask(r).Payload())
	return s
}

// ask is the request to the check app, where no other is named.
func ask(r peer.Request) peer.Request {
	if r.App == "" {
		r.App = checkApp
	}
	return r
}

// reserve takes the next number for a stream, and leaves the opening to the
// caller.
func (h *host) reserve(r peer.Request) *stream { return h.reserveAt((h.Highest+2)&^1, r) }

func (h *host) reserveAt(id uint32, r peer.Request) *stream {
	s := &stream{h: h, method: r.Verb(), first: int64(r.Window)}
	s.Side, s.ID, s.Given = &h.Side, id, int64(r.Window)
	s.Begin(false, true)
	if _, isExtra := r.Extra.Get("continue"); !r.Continue && !isExtra {
		s.Left = h.ready.limits["window"]
	}
	if _, isOffered := r.Extra.Get("upgrade"); isOffered {
		s.Left, s.offered = 0, true
	}
	_, s.connects = r.Extra.Get("protocol")
	h.Locked(func() {
		h.streams[id] = s
		h.Highest = max(h.Highest, id)
	})
	return s
}

// keep keeps a piece of the response's body.
func (s *stream) keep(b []byte) {
	if !s.drop {
		s.body = append(s.body, b...)
	}
}

// fill sends as much as there is credit for.
func (s *stream) fill() { s.Chunks(s.Room()) }

func (s *stream) where() string { return fmt.Sprintf(" of stream %d", s.ID) }

// next waits for the stream's next frame. Chunks and credit are kept apart.
func (s *stream) next(expected string) (f frames.Frame) {
	s.AwaitOr(expected, func() bool { return len(s.frames) > 0 })
	s.Locked(func() { f, s.frames = s.frames[0], s.frames[1:] })
	return f
}

// expect waits for the stream's next frame, which must be of a kind, and an abort
// of a code.
func (s *stream) expect(k frames.Kind, code int64) {
	expected := k.String()
	if k == frames.Abort {
		expected = frames.NameCode(k, code)
	}
	f := s.next(expected + s.where())
	if got, _ := f.Reason(); f.Kind != k || k == frames.Abort && got != code {
		peer.Fail(f.String()+s.where(), expected)
	}
}

// expectAbort waits for the program's abort, behind what was on its way before.
func (s *stream) expectAbort(code int64) {
	expected := frames.NameCode(frames.Abort, code)
	for {
		f := s.next(expected)
		if slices.Contains([]frames.Kind{frames.Entered, frames.Inform, frames.Head, frames.Takeover}, f.Kind) {
			continue
		}
		if got, _ := f.Reason(); f.Kind != frames.Abort || got != code {
			peer.Fail(f.String()+s.where(), expected)
		}
		return
	}
}

// response waits for the end of the response half, and returns its status, -1 if
// there is none, and its last frame.
func (s *stream) response() (status int64, last frames.Frame) {
	s.AwaitOr("the end of the response"+s.where(), s.HasEnded)
	status = -1
	s.Locked(func() {
		for _, last = range s.frames {
			if last.Kind == frames.Head || last.Kind == frames.Reply {
				status = last.Status()
			}
		}
		s.frames = nil
	})
	return status, last
}

// expectStatus waits for a response that was not aborted; a status of 0 is any.
func (s *stream) expectStatus(want int64, expected string) {
	status, last := s.response()
	if last.Kind == frames.Abort {
		peer.Fail(last.String(), expected)
	}
	if status != want && want != 0 {
		peer.Fail(fmt.Sprintf("status %d", status), expected)
	}
}

// expectResponse waits for a whole response with a body.
func (s *stream) expectResponse(status int64, body string) {
	s.expectStatus(status, fmt.Sprintf("status %d and a body of %d bytes", status, len(body)))
	s.Mu.Lock()
	defer s.Mu.Unlock()
	if got := string(s.body); got != body {
		peer.Fail(fmt.Sprintf("a body of %d bytes, %.40q", len(got), got), fmt.Sprintf("%.40q", body))
	}
}

// expectNothing looks for frames nobody has asked for. It is called when the
// program has ended.
func (s *stream) expectNothing(expected string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	if len(s.frames) > 0 {
		peer.Fail(s.frames[0].String()+s.where(), expected)
	}
}

// expectQuiet looks at all streams of a program that has ended.
func (h *host) expectQuiet(expected string) {
	var all []*stream
	h.Locked(func() {
		for _, s := range h.streams {
			all = append(all, s)
		}
	})
	slices.SortFunc(all, func(a, b *stream) int { return int(a.ID) - int(b.ID) })
	for _, s := range all {
		s.expectNothing(expected)
	}
}

// pattern is the body of /bytes/N.
func pattern(n int) string { return string(peer.Pattern(0, n)) }
