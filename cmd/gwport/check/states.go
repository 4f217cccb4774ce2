package check

// Checks of section 7.3, a row of the table each, with the program in the state
// of the row: local is its response, remote the request. After each the program
// drains: it must have said nothing more, and hold no stream.

// badGrant makes the program abort the stream.
func (s *stream) badGrant() {
	s.grant(0)
	s.expectAbort(codeBadCredit)
}

func rowOpenSendsEnd(t *trial) {
	h := t.app(hello{})
	s := h.open(request{path: "/ignore", method: "PUT", upload: true, window: plenty})
	s.expectResponse(200, "ignored")
	h.ping() // local ended: it still takes what comes
	s.fin()
	h.rowEnds()
}

func (h *host) rowEnds() {
	h.settle()
	h.expectQuiet("nothing more of the stream")
}

func rowOpenReceivesEnd(t *trial) {
	h := t.app(hello{})
	s := h.upload()
	s.send([]byte("abc"))
	s.awaitBytes(3)
	s.fin()
	s.expectResponse(200, "abc")
	h.rowEnds()
}

func rowOpenSendsAbort(t *trial) {
	h := t.app(hello{})
	s := h.sleeper()
	s.badGrant()
	s.abort(codeBadCredit) // the host's answer
	h.rowEnds()
}

func rowOpenReceivesAbort(t *trial) {
	h := t.app(hello{})
	s := h.sleeper()
	s.abort(codeCancelled)
	s.expectAbort(codeCancelled)
	h.rowEnds()
}

func rowLocalReceivesEnd(t *trial) {
	h := t.app(hello{})
	for _, end := range []func(*stream){(*stream).fin, (*stream).trailers} {
		s := h.open(request{path: "/ignore", method: "PUT", upload: true, window: plenty})
		s.expectResponse(200, "ignored")
		end(s)
		h.everyFrame(s.id) // closed: ignored
	}
	h.rowEnds()
}

func rowLocalReceivesAbort(t *trial) {
	h := t.app(hello{})
	for _, code := range []int{codeNoError, codeCancelled, codePortClosed, 99} {
		s := h.open(request{path: "/ignore", method: "PUT", upload: true, window: plenty})
		s.expectResponse(200, "ignored")
		s.abort(code)
		h.everyFrame(s.id)
	}
	h.rowEnds()
}

func rowRemoteSendsEnd(t *trial) {
	h := t.app(hello{})
	s := h.open(request{path: "/status/200"})
	s.expectResponse(200, "")
	h.everyFrame(s.id)
	h.rowEnds()
}

func rowRemoteSendsAbort(t *trial) {
	h := t.app(hello{})
	s := h.open(request{path: "/sleep/60000"})
	s.badGrant()
	h.everyFrame(s.id)
	h.rowEnds()
}

func rowRemoteReceivesAbort(t *trial) {
	h := t.app(hello{})
	s := h.open(request{path: "/sleep/60000"})
	s.abort(codeCancelled)
	s.expectAbort(codeCancelled)
	h.everyFrame(s.id)
	h.rowEnds()
}

func rowAbortingReceivesEnd(t *trial) {
	h := t.app(hello{})
	for _, end := range []func(*stream){
		(*stream).fin, (*stream).trailers, func(s *stream) { s.abort(codeCancelled) },
	} {
		s := h.sleeper()
		s.badGrant()
		end(s)
		h.everyFrame(s.id)
	}
	h.rowEnds()
}

func rowAbortingReceivesElse(t *trial) {
	h := t.app(hello{})
	s := h.sleeper()
	s.badGrant()
	s.grant(0)
	s.grant(1)
	if s.left() > 0 {
		s.chunk([]byte("x"))
	}
	h.ping()
	s.fin()
	h.rowEnds()
}

func rowClosed(t *trial) {
	h := t.app(hello{})
	answered := h.open(request{path: "/status/200"})
	answered.expectResponse(200, "")
	aborted := h.sleeper()
	aborted.abort(codeCancelled)
	aborted.expectAbort(codeCancelled)
	for _, s := range []*stream{answered, aborted} {
		h.everyFrame(s.id)
		h.send(frame{kindCredit, s.id, []byte("no term")})
	}
	h.ping()
	h.rowEnds()
}
