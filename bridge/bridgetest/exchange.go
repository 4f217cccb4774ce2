package bridgetest

import (
	"errors"
	"fmt"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/etf"
)

// A Response is what a program made of a request.
type Response struct {
	Status   int
	Reason   string // empty unless the app has set one
	Headers  []bridge.Header
	Body     []byte
	Trailers []bridge.Header
	Informs  []Informational

	// Abort is how the program ended the response early; nil if it did not.
	Abort *bridge.AbortError
	// Entered tells whether the program said entered.
	Entered bool
	// Whole tells whether the response came as one frame.
	Whole bool
}

// Informational is a 1xx response.
type Informational struct {
	Status  int
	Headers []bridge.Header
}

// Header returns the first value of a header, by the name as the program spelt
// it, or "".
func (r Response) Header(name string) string {
	for _, h := range r.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// Do forwards a request and returns the response. It gives credit for all that
// comes, and sends the body as credit allows.
func (h *Host) Do(r Request) Response {
	h.t.Helper()
	x := &exchange{s: h.Open(r), body: r.Body, trailers: r.Trailers, ends: !r.Chunked && len(r.Body) == 0}
	if !r.Continue {
		x.credit = h.window()
	}
	x.send()
	for !x.done {
		if err := x.take(x.s.Next()); err != nil {
			h.t.Fatalf("bridgetest: %v", err)
		}
	}
	if !x.ends { // [S2]
		x.s.Abort(bridge.CodeNoError, "")
	}
	return x.res
}

// window is the first credit of a request's body.
func (h *Host) window() int {
	for _, p := range h.Ready() {
		if p.Key == etf.Binary("window") {
			return int(p.Value.(int64))
		}
	}
	return 0
}

// exchange is one request and its response under way.
type exchange struct {
	s        *Stream
	res      Response
	done     bool // the response has ended
	body     []byte
	trailers []bridge.Header
	credit   int
	ends     bool // the request has ended
}

// send sends as much of the body as there is credit for.
func (x *exchange) send() {
	for len(x.body) > 0 && x.credit > 0 {
		n := min(len(x.body), x.credit, 65536)
		x.s.Chunk(x.body[:n])
		x.body = x.body[n:]
		x.credit -= n
	}
	if len(x.body) > 0 || x.ends {
		return
	}
	x.ends = true
	if len(x.trailers) > 0 {
		x.s.Trailers(x.trailers)
	} else {
		x.s.Fin()
	}
}

// take takes a frame of the program's.
func (x *exchange) take(f Frame) (err error) {
	res := &x.res
	switch f.Kind {
	case Entered:
		res.Entered = true
	case Credit:
		n, _ := f.Term().(int64)
		x.credit += int(n)
		x.send()
	case Chunk:
		res.Body = append(res.Body, f.Payload...)
		x.s.Grant(len(f.Payload))
	case Inform:
		var i Informational
		i.Status, _, i.Headers, _, err = head(f)
		res.Informs = append(res.Informs, i)
	case Head, Reply:
		res.Status, res.Reason, res.Headers, res.Body, err = head(f)
		res.Whole = f.Kind == Reply
		x.done = res.Whole
	case Trailers:
		res.Trailers, err = pairs(f.Term())
		x.done = true
	case Fin:
		x.done = true
	case Abort:
		t, ok := f.Term().(etf.Tuple)
		if !ok || len(t) != 2 {
			return errors.New("not an abort")
		}
		code, _ := t[0].(int64)
		text, _ := t[1].(etf.Binary)
		res.Abort = &bridge.AbortError{Code: bridge.Code(code), Text: string(text)}
		x.done = true
	default:
		err = fmt.Errorf("a program may not send %v", f.Kind)
	}
	return err
}

// head takes inform, head and reply apart.
func head(f Frame) (status int, reason string, headers []bridge.Header, body []byte, err error) {
	t, ok := f.Term().(etf.Tuple)
	if !ok || len(t) < 2 {
		return 0, "", nil, nil, fmt.Errorf("not a %v: %v", f.Kind, f.Term())
	}
	switch s := t[0].(type) {
	case int64:
		status = int(s)
	case etf.Tuple:
		status = int(s[0].(int64))
		reason = string(s[1].(etf.Binary))
	}
	if len(t) == 3 {
		body = []byte(t[2].(etf.Binary))
	}
	headers, err = pairs(t[1])
	return status, reason, headers, body, err
}

func pairs(v any) ([]bridge.Header, error) {
	l, ok := v.(etf.List)
	if !ok {
		return nil, fmt.Errorf("not a list of pairs: %v", v)
	}
	var headers []bridge.Header
	for _, e := range l {
		p, ok := e.(etf.Tuple)
		if !ok || len(p) != 2 {
			return nil, fmt.Errorf("not a pair: %v", e)
		}
		headers = append(headers, bridge.Header{Name: string(p[0].(etf.Binary)), Value: string(p[1].(etf.Binary))})
	}
	return headers, nil
}
