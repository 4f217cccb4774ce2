package check

import (
	"fmt"

	"github.com/gwport/gwport/etf"
)

// Scripts of section 7.1 and 7.3: order and halves.

func orderScripts() []hostScript {
	scripts := []hostScript{
		{path: "informs/16", rule: "S1", name: "16 informs are passed on", ask: ask{status: fine, informs: maxInforms}, run: informs(maxInforms)},
		{path: "reply-early", rule: "S2", name: "a reply before the request's end: abort no_error, never fin", ask: waiting(fine...), run: func(s *mstream) {
			s.ok()
			s.expectAbort(codeNoError)
			s.nothingMore("S2")
		}},
		{path: "fin-early", rule: "S2", name: "fin before the request's end: abort no_error", ask: waiting(fine...), run: func(s *mstream) {
			s.head(200)
			s.fin()
			s.expectAbort(codeNoError)
			s.nothingMore("S2")
		}},
		{path: "trailers-early", rule: "S2", name: "trailers before the request's end: abort no_error", ask: waiting(fine...), run: func(s *mstream) {
			s.head(200)
			s.sendTerm(kindTrailers, etf.List{field("x-check", "1")})
			s.expectAbort(codeNoError)
			s.nothingMore("S2")
		}},
		{path: "full-duplex", rule: "S3", name: "the response begins before the request ends", ask: ask{method: "POST", body: 200_000, framing: "length", status: fine, answer: pattern(2000)}, run: func(s *mstream) {
			s.head(200)
			s.body(0, 1000)
			s.read()
			s.request()
			s.body(1000, 1000)
			s.fin()
		}},
		{path: "head-method", rule: "S4", name: "the body of a response to HEAD is dropped, and its credit given back", ask: ask{method: "HEAD", status: fine, bodiless: true}, run: bodiless(200)},
		{path: "204", rule: "S4", name: "the body under 204 is dropped, and its credit given back", ask: ask{status: []int{204}, bodiless: true}, run: bodiless(204)},
		{path: "304", rule: "S4", name: "the body under 304 is dropped, and its credit given back", ask: ask{status: []int{304}, bodiless: true}, run: bodiless(304)},
		{path: "length-short", rule: "S5", name: "less than content-length: the client sees it", ask: ask{}.cut(), run: func(s *mstream) {
			s.head(200, field("content-length", "10"))
			s.body(0, 3)
			s.fin()
		}},
		{path: "length-long", rule: "S5", name: "more than content-length: the client sees it", ask: waiting().cut(), run: func(s *mstream) {
			s.head(200, field("content-length", "3"))
			s.body(0, 10)
			s.expectAbort(codeBadLength)
		}},
		{path: "fields", rule: "S6", name: "the connection's fields are dropped, names are lower-cased", ask: ask{status: fine}, run: func(s *mstream) {
			s.sendTerm(kindReply, etf.Tuple{etf.Tuple{200, "Fine"}, etf.List{
				field("X-A", "1"), field("x-a", "2"), field("Connection", "x-b"), field("x-b", "3"), field("transfer-encoding", "chunked"), field("Upgrade", "x"),
			}, "ok\n"})
		}},
	}
	for _, c := range []struct {
		name string
		do   func(s *mstream)
	}{
		{"chunk", func(s *mstream) { s.send(kindChunk, []byte("x")) }},
		{"fin", (*mstream).fin},
		{"trailers", func(s *mstream) { s.sendTerm(kindTrailers, etf.List{}) }},
		{"informs", informs(maxInforms + 1)},
	} {
		a := waiting(badGateway...)
		if c.name == "informs" {
			a.informs = maxInforms
		}
		scripts = append(scripts, badOrder("order/"+c.name, c.name+" out of order: bad_order", a, c.do))
	}
	for _, c := range []struct {
		name string
		do   func(s *mstream)
	}{
		{"head", func(s *mstream) { s.head(200) }},
		{"inform", func(s *mstream) { s.sendTerm(kindInform, etf.Tuple{103, etf.List{}}) }},
		{"reply", (*mstream).ok},
	} {
		scripts = append(scripts, badOrder("order/late-"+c.name, c.name+" behind the head: bad_order", waiting().cut(), func(s *mstream) {
			s.head(200)
			c.do(s)
		}))
	}
	for i, c := range []struct {
		what  string
		field etf.Tuple
	}{
		{"a line break in a value", field("x", "a\r\nb: c")},
		{"a NUL in a value", field("x", "a\x00")},
		{"a name that is no token", field("x y", "a")},
		{"an empty name", field("", "a")},
		{"a content-length that is no number", field("content-length", "many")},
	} {
		scripts = append(scripts, hostScript{
			path: fmt.Sprintf("field/%d", i), rule: "S6", name: c.what + ": the response is whole without it", ask: ask{status: fine, answer: "ok\n"},
			run: func(s *mstream) { s.sendTerm(kindReply, etf.Tuple{200, etf.List{c.field}, "ok\n"}) },
		})
	}
	for i, c := range []struct {
		what string
		term any
	}{
		{"two lengths", etf.Tuple{200, etf.List{field("content-length", "5"), field("content-length", "6")}}},
		{"status 42", etf.Tuple{42, etf.List{}}},
		{"status 199 in head", etf.Tuple{199, etf.List{}}},
		{"status 1000", etf.Tuple{1000, etf.List{}}},
	} {
		scripts = append(scripts, hostScript{
			path: fmt.Sprintf("response/%d", i), rule: "S6", name: c.what + ": bad_response", ask: waiting(badGateway...),
			run: func(s *mstream) { s.sendTerm(kindHead, c.term); s.expectAbort(codeBadResponse) },
		})
	}
	for _, status := range []int{101, 200} {
		scripts = append(scripts, hostScript{
			path: fmt.Sprintf("inform/%d", status), rule: "S6", name: fmt.Sprintf("status %d in inform: bad_response", status), ask: waiting(badGateway...),
			run: func(s *mstream) {
				s.sendTerm(kindInform, etf.Tuple{status, etf.List{}})
				s.expectAbort(codeBadResponse)
			},
		})
	}
	return scripts
}

func informs(n int) func(*mstream) {
	return func(s *mstream) {
		for range n {
			s.sendTerm(kindInform, etf.Tuple{103, etf.List{field("link", "</a>; rel=preload")}})
		}
		if n <= maxInforms {
			s.ok()
		}
	}
}

// bodiless sends more than the window in a body that nobody gets: without its
// credit back it would stand still.
func bodiless(status int) func(*mstream) {
	return func(s *mstream) {
		s.head(status)
		for n := int64(0); n < 2*s.whole+1; n += 10_000 {
			s.body(0, 10_000)
		}
		s.fin()
	}
}

func badOrder(path, name string, a ask, do func(*mstream)) hostScript {
	return hostScript{path: path, rule: "S1", name: name, ask: a, run: func(s *mstream) {
		do(s)
		s.expectAbort(codeBadOrder)
	}}
}
