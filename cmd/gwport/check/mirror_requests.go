package check

import (
	"fmt"

	"github.com/gwport/gwport/etf"
)

// Scripts of section 6: what a host concludes about a request, and its body.

func requestScripts() []hostScript {
	post := func(status ...int) ask { return ask{method: "POST", ends: true, status: status} }
	scripts := []hostScript{
		{path: "never-opened", rule: "R3", name: "a frame for a stream that was never opened is bad_stream", ask: ending(badGateway...), run: func(s *mstream) {
			s.m.send(frame{kindChunk, s.id + 1000, []byte("x")})
			s.m.expectFault(faultBadStream)
		}},
		{path: "odd-stream", rule: "R3", name: "a frame for an odd stream is bad_stream", ask: ending(badGateway...), run: func(s *mstream) {
			s.m.send(frame{kindChunk, s.id + 1, []byte("x")})
			s.m.expectFault(faultBadStream)
		}},
		{path: "closed", rule: "R3", name: "frames for a closed stream are ignored, whatever is in them", ask: ask{status: fine}, run: func(s *mstream) {
			s.ok()
			s.m.everyFrame(s.id)
			s.nothingMore("R3")
		}},
		{path: "no-app", rule: "R4", name: "no_app is told to the client", ask: ask{status: []int{500}}, run: givesUp(codeNoApp)},
		{path: "crowd", rule: "R4", name: "max_streams are served at a time, and what is more is told so", ask: ask{args: "--max-streams=20", times: 60, status: []int{200, 503}}, run: crowd(20)},
		{path: "refused", rule: "R6", name: "refused: not entered, which is 503", ask: ask{status: notEntered}, run: givesUp(codeRefused)},
		{path: "refused-post", rule: "R6", name: "refused behind entered: not entered", ask: ask{method: "POST", status: notEntered}, run: func(s *mstream) {
			s.send(kindEntered, empty)
			s.giveUp(codeRefused)
		}},
		{path: "drains-below", rule: "R6", name: "a drain that names a lower number: not entered", ask: post(notEntered...), run: drainsBelow},
		{path: "drains-below-get", rule: "R6", name: "a drain that names a lower number: GET is not entered either", ask: ending(notEntered...), run: drainsBelow},
		{path: "ends", rule: "R6", name: "a clean end without entered: POST is not entered", ask: post(notEntered...), run: ends(nil)},
		{path: "ends-get", rule: "R6", name: "a clean end without entered: GET counts as entered", ask: ending(badGateway...), run: ends(nil)},
		{path: "ends-put", rule: "R6", name: "a clean end without entered: PUT counts as entered", ask: ask{method: "PUT", ends: true, status: badGateway}, run: ends(nil)},
		{path: "ends-entered", rule: "R6", name: "an end behind entered", ask: post(badGateway...), run: ends(func(s *mstream) { s.send(kindEntered, empty) })},
		{path: "ends-inform", rule: "R6", name: "an end behind inform, which implies entered", ask: informed(post(badGateway...)), run: ends(func(s *mstream) {
			s.sendTerm(kindInform, etf.Tuple{103, etf.List{}})
		})},
		{path: "ends-head", rule: "R6", name: "an end behind head, which implies entered", ask: post().cut(), run: ends(func(s *mstream) { s.head(200) })},
		{path: "ends-in-frame", rule: "R6", name: "an end within a frame: POST counts as entered", ask: post(badGateway...), run: ends(func(s *mstream) {
			s.m.sendRaw(frame{kindPing, 0, payload(1)}.bytes()[:9])
		})},
		{path: "left-upload", rule: "R7", name: "a client that sends less than its length: abort, and not fin", ask: ask{method: "POST", body: 1000, framing: "length", client: "leaves"}, run: func(s *mstream) {
			s.send(kindEntered, empty)
			s.read()
			s.awaitBytes(500)
			s.head(200)
			s.expectAbort(codeCancelled)
		}},
	}
	for _, framing := range []string{"length", "chunked"} {
		for _, n := range []int{1, 70_000, 300_000} {
			scripts = append(scripts, hostScript{
				path: fmt.Sprintf("upload-%s/%d", framing, n), rule: "R7", name: fmt.Sprintf("a body of %d bytes, %s", n, framing),
				ask: ask{method: "POST", body: n, framing: framing, status: fine}, run: upload(int64(n)),
			})
		}
	}
	return scripts
}

func informed(a ask) ask {
	a.informs = 1
	return a
}

func givesUp(code int) func(*mstream) { return func(s *mstream) { s.giveUp(code) } }

// everyFrame sends what a program may send of a stream, out of any order.
func (m *mirror) everyFrame(id uint32) {
	for _, f := range []frame{
		{kindEntered, id, empty},
		{kindInform, id, payload(etf.Tuple{103, etf.List{}})},
		{kindHead, id, payload(etf.Tuple{200, etf.List{}})},
		{kindChunk, id, []byte("x")},
		{kindCredit, id, payload(1)},
		{kindCredit, id, payload(0)},
		{kindReply, id, []byte("no term")},
		{kindTrailers, id, payload(etf.List{})},
		{kindFin, id, empty},
		{kindAbort, id, payload(etf.Tuple{codeInternal, ""})},
	} {
		m.send(f)
	}
}

// crowd answers when n streams are there at a time, and at once when that has
// been so.
func crowd(n int) func(*mstream) {
	return func(s *mstream) {
		s.m.awaitOr(fmt.Sprintf("%d streams at a time", n), func() bool {
			s.m.crowded = s.m.crowded || s.m.open() >= n
			return s.m.crowded
		})
		s.ok()
	}
}

// drainsBelow drains, and takes no stream.
func drainsBelow(s *mstream) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.over, s.silent = true, true
	s.end(kindOpen)
	s.m.drainLocked(noStream)
	s.m.changed.Broadcast()
}

// ends ends the program, behind something.
func ends(behind func(*mstream)) func(*mstream) {
	return func(s *mstream) {
		if behind != nil {
			behind(s)
		}
		s.m.quit()
	}
}

// upload takes a whole body.
func upload(n int64) func(*mstream) {
	return func(s *mstream) {
		s.send(kindEntered, empty)
		s.read()
		s.request()
		if s.got != n {
			s.fail(fmt.Sprintf("%v behind %d bytes", s.how, s.got), fmt.Sprintf("%d bytes", n))
		}
		s.ok()
	}
}
