package check

import (
	"fmt"

	"github.com/gwport/gwport/etf"
)

// checkApp is the app of SPEC.md, section 13.
const checkApp = "gwport.check"

// request is what a check asks for. The zero value is a GET with no body, and no
// credit for the response.
type request struct {
	method   string // GET if empty
	path     string
	window   int  // first credit of the response
	upload   bool // there is a body of unknown length
	length   int  // there is one of this length
	goAhead  bool // continue
	noCredit bool // it is among the extra
	app      string
	headers  etf.List
	extra    etf.Map
	openType int
	lacks    string // a key that is left out
}

// plenty is a window that no answer but a long one uses up.
const plenty = 65_536

func (r request) term() etf.Map {
	headers := append(etf.List{etf.Tuple{"host", "localhost"}}, r.headers...)
	m := etf.Map{
		{Key: "method", Value: r.verb()},
		{Key: "path", Value: r.path},
		{Key: "query", Value: ""},
		{Key: "version", Value: etf.Tuple{1, 1}},
		{Key: "scheme", Value: "http"},
		{Key: "host", Value: "localhost"},
		{Key: "port", Value: 80},
		{Key: "peer", Value: etf.Tuple{"127.0.0.1", 50000}},
		{Key: "local", Value: etf.Tuple{"127.0.0.1", 80}},
		{Key: "headers", Value: headers},
		{Key: "path_info", Value: 0},
		{Key: "app", Value: r.appName()},
	}
	if !r.upload {
		m = append(m, etf.Pair{Key: "length", Value: r.length})
	}
	if r.goAhead {
		m = append(m, etf.Pair{Key: "continue", Value: true})
	}
	m = append(m, r.extra...)
	for i := range m {
		if m[i].Key == r.lacks {
			return append(m[:i], m[i+1:]...)
		}
	}
	return m
}

func (r request) verb() string {
	if r.method == "" {
		return "GET"
	}
	return r.method
}

func (r request) appName() string {
	if r.app == "" {
		return checkApp
	}
	return r.app
}

// payload is the open's.
func (r request) payload() []byte {
	return payload(etf.Tuple{r.openType, r.window, r.term()})
}

// stream is one stream of a host. The fields are guarded by the host's mutex.
type stream struct {
	h  *host
	id uint32

	frames []frame // that have come, but for chunks and credit
	body   []byte  // of the chunks and a reply, if keep
	bytes  int64   // their number
	credit int64   // for the request half, what of it is not used
	grants int     // frames of it

	generous bool // give back the credit of all that comes
	drop     bool // do not keep the body
	watched
}

// open opens a stream with the next number.
func (h *host) open(r request) *stream {
	s := h.reserve(r)
	h.send(frame{kindOpen, s.id, r.payload()})
	return s
}

// reserve takes the next number for a stream, and leaves the opening to the
// caller.
func (h *host) reserve(r request) *stream { return h.reserveAt((h.highest+2)&^1, r) }

func (h *host) reserveAt(id uint32, r request) *stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &stream{h: h, id: id, watched: watched{method: r.verb(), window: int64(r.window), first: int64(r.window)}}
	if !r.goAhead && !r.noCredit {
		s.credit = h.ready.window
	}
	h.streams[id] = s
	h.highest = max(h.highest, id)
	return s
}

// chunk sends a piece of the body, without asking for credit.
func (s *stream) chunk(b []byte) {
	s.h.mu.Lock()
	s.credit -= int64(len(b))
	s.h.mu.Unlock()
	s.h.send(frame{kindChunk, s.id, b})
}

func (s *stream) fin() { s.h.send(frame{kindFin, s.id, empty}) }

func (s *stream) trailers() {
	s.h.sendTerm(kindTrailers, s.id, etf.List{etf.Tuple{"x-check", "1"}})
}

func (s *stream) abort(code int) {
	s.h.sendTerm(kindAbort, s.id, etf.Tuple{code, ""})
}

// grant gives credit for n more bytes of the response, whatever n is.
func (s *stream) grant(n int) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.grantLocked(n)
}

func (s *stream) grantLocked(n int) {
	s.window += int64(max(n, 0))
	s.h.queue(frame{kindCredit, s.id, payload(n)}.bytes())
}

// giveAll gives credit for all that comes from now on.
func (s *stream) giveAll() {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.generous = true
	if s.bytes > 0 {
		s.grantLocked(int(s.bytes))
	}
}

// send sends a body as far as credit goes, and waits for more of it.
func (s *stream) send(b []byte) {
	for len(b) > 0 {
		s.h.awaitOr(fmt.Sprintf("credit for %d more bytes of the request", len(b)), func() bool { return s.credit > 0 || s.over() })
		if s.h.holds(s.over) {
			return
		}
		n := min(int64(len(b)), s.left(), maxChunk)
		s.chunk(b[:n])
		b = b[n:]
	}
}

// left is the credit at hand.
func (s *stream) left() int64 {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	return s.credit
}

// over tells whether the response half has ended.
func (s *stream) over() bool { return s.ended }

// expect waits for the stream's next frame, which must be of a kind. Chunks and
// credit are kept apart.
func (s *stream) expect(k kind) frame {
	s.h.awaitOr(k.String()+s.where(), func() bool { return len(s.frames) > 0 })
	s.h.mu.Lock()
	f := s.frames[0]
	s.frames = s.frames[1:]
	s.h.mu.Unlock()
	if f.kind != k {
		s.h.t.fail(f.String()+s.where(), k.String())
	}
	return f
}

func (s *stream) where() string { return fmt.Sprintf(" of stream %d", s.id) }

// expectAbort waits for the program's abort.
func (s *stream) expectAbort(code int64) {
	expected := "abort " + named(codeNames, code)
	for {
		s.h.awaitOr(expected, func() bool { return len(s.frames) > 0 })
		s.h.mu.Lock()
		f := s.frames[0]
		s.frames = s.frames[1:]
		s.h.mu.Unlock()
		if f.kind == kindEntered || f.kind == kindInform || f.kind == kindHead {
			continue // on its way before
		}
		if got, _ := f.reason(); f.kind != kindAbort || got != code {
			s.h.t.fail(f.String()+s.where(), expected)
		}
		return
	}
}

// result is a response.
type result struct {
	status int64
	body   string
	how    []kind // its frames, but for chunks and credit
	last   frame
}

// response waits for the end of the response half.
func (s *stream) response() result {
	s.h.awaitOr("the end of the response"+s.where(), s.over)
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	r := result{status: -1, body: string(s.body)}
	for _, f := range s.frames {
		r.how = append(r.how, f.kind)
		r.last = f
		if f.kind == kindHead || f.kind == kindReply {
			r.status = f.status()
		}
	}
	s.frames = nil
	return r
}

// expectResponse waits for a whole response that was not aborted.
func (s *stream) expectResponse(status int64, body string) {
	r := s.response()
	expected := fmt.Sprintf("status %d and a body of %d bytes", status, len(body))
	switch {
	case r.last.kind == kindAbort:
		s.h.t.fail(r.last.String(), expected)
	case r.status != status:
		s.h.t.fail(fmt.Sprintf("status %d", r.status), expected)
	case r.body != body:
		s.h.t.fail(fmt.Sprintf("a body of %d bytes, %.40q", len(r.body), r.body), fmt.Sprintf("%.40q", body))
	}
}

// awaitBytes waits until so many bytes of the body have come.
func (s *stream) awaitBytes(n int64) {
	s.h.awaitOr(fmt.Sprintf("%d bytes of the body", n), func() bool { return s.bytes >= n })
}

// expectNothing looks for frames nobody has asked for. It is called when the
// program has ended.
func (s *stream) expectNothing(expected string) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	if len(s.frames) > 0 {
		s.h.t.fail(s.frames[0].String()+s.where(), expected)
	}
}

// pattern is the body of /bytes/N.
func pattern(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return string(b)
}
