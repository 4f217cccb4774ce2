package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/gwport/gwport/test/soak/pattern"
)

// What became of a request.
type outcome string

const (
	whole  outcome = "whole"
	failed outcome = "502"
	shed   outcome = "503"
	late   outcome = "504"
	broken outcome = "broken off"
	left   outcome = "left"
	wrong  outcome = "wrong"
	lost   outcome = "lost"
)

// texts are what gwport answers by itself.
var texts = map[int]struct {
	outcome outcome
	text    string
}{
	502: {failed, "The application gave no valid answer.\n"},
	503: {shed, "The application is not available right now.\n"},
	504: {late, "The application did not answer in time.\n"},
}

// A request, and what a whole answer to it is.
type request struct {
	id           uint64
	method, path string
	size         int64 // of what is asked for
	body         int64 // of what is sent; negative: none
	chunked      bool
	want         func() io.Reader
	pause        time.Duration // between reads
	leave        time.Duration // behind it the client goes; 0: it stays
}

// A kind of client makes one request after another.
type kind struct {
	name  string
	count int // for each mount and protocol
	pause time.Duration
	next  func(rnd *rand.Rand, id uint64) request
}

func between(rnd *rand.Rand, low, high int64) int64 { return low + rnd.Int64N(high-low+1) }

func get(path string, id uint64, size int64) request {
	return request{
		id: id, method: "GET", path: path, size: size, body: -1,
		want: func() io.Reader { return pattern.New(id, size) },
	}
}

func post(path string, id uint64, size int64) request {
	r := get(path, id, size)
	r.method, r.body = "POST", size
	return r
}

func counted(rnd *rand.Rand, id uint64, low, high int64) request {
	r := post("/count", id, between(rnd, low, high))
	r.chunked = rnd.IntN(2) == 0
	r.want = func() io.Reader {
		text, _ := pattern.Receipt(id, pattern.New(id, r.body)) // memory does not fail
		return bytes.NewReader([]byte(text))
	}
	return r
}

func events(rnd *rand.Rand, id uint64) request {
	r := get("/events", id, between(rnd, 5, 40))
	r.want = func() io.Reader { return pattern.Events(id, int(r.size)) }
	return r
}

func file(_ *rand.Rand, id uint64) request {
	r := get("/file", id, fileSize)
	r.want = func() io.Reader { return pattern.New(fileID, fileSize) }
	return r
}

func echo(rnd *rand.Rand, id uint64) request {
	r := post("/echo", id, between(rnd, 0, 300<<10))
	r.chunked = rnd.IntN(2) == 0
	return r
}

// slow reads for some seconds. Up to Cowboy 2.19 the end of a streamed response of HTTP/2 may be lost behind a
// flow-control window that is used up, which is Cowboy's; less than Go's window of 4 MB does not use it up.
func slow(rnd *rand.Rand, id uint64) request {
	r := get([]string{"/whole", "/pieces"}[rnd.IntN(2)], id, between(rnd, 500<<10, 3<<20))
	r.pause = 20 * time.Millisecond
	return r
}

func leaves(rnd *rand.Rand, id uint64) request {
	r := kinds[rnd.IntN(len(kinds)-1)].next(rnd, id)
	r.leave = time.Duration(between(rnd, 1, 300)) * time.Millisecond
	return r
}

// kinds are set by init, since the last one is made of the others.
var kinds []kind

func init() {
	small := func(rnd *rand.Rand, id uint64) request { return get("/whole", id, between(rnd, 0, 2000)) }
	pieces := func(rnd *rand.Rand, id uint64) request { return get("/pieces", id, between(rnd, 0, 1<<20)) }
	large := func(rnd *rand.Rand, id uint64) request { return get("/whole", id, between(rnd, 200<<10, 4<<20)) }
	count := func(rnd *rand.Rand, id uint64) request { return counted(rnd, id, 0, 4000) }
	upload := func(rnd *rand.Rand, id uint64) request { return counted(rnd, id, 100<<10, 1<<20) }
	const soon, later = 10 * time.Millisecond, 100 * time.Millisecond
	kinds = []kind{
		{"small", 2, soon, small},
		{"count", 3, soon, count},
		{"pieces", 1, later, pieces},
		{"large", 1, later, large},
		{"file", 1, later, file},
		{"upload", 1, later, upload},
		{"echo", 1, later, echo},
		{"events", 2, later, events},
		{"slow", 1, later, slow},
		{"leaves", 2, soon, leaves},
	}
}

func (r *request) made(ctx context.Context, address string) (*http.Request, error) {
	url := fmt.Sprintf("http://%s%s?id=%d&size=%d", address, r.path, r.id, r.size)
	if r.body < 0 {
		return http.NewRequestWithContext(ctx, r.method, url, nil)
	}
	made, err := http.NewRequestWithContext(ctx, r.method, url, once{pattern.New(r.id, r.body)})
	if err == nil && !r.chunked {
		made.ContentLength = r.body
	}
	if r.body == 0 {
		made.Body, made.ContentLength = http.NoBody, 0
	}
	return made, err
}

// ask sends a request and looks at its answer. limit is the time from which on it is lost; the error tells what was
// wrong.
func (r *request) ask(ctx context.Context, t transport, address string, limit time.Duration) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	sent := ctx
	if r.leave > 0 {
		var goes context.CancelFunc
		sent, goes = context.WithTimeout(ctx, r.leave)
		defer goes()
	}
	made, err := r.made(sent, address)
	if err != nil {
		return wrong, err
	}
	o, err := r.answered(t, sent, made)
	t.done(err == nil && r.keeps(o))
	switch {
	case o == wrong:
		return o, err
	case ctx.Err() != nil && err != nil:
		return lost, errors.New("no whole answer and no visible break within its time")
	case sent.Err() != nil && err != nil:
		return left, nil
	}
	return o, err
}

// What an app has not read of a body is taken behind its answer, up to so many bytes; then the connection ends. How much is
// left of a chunked one nobody knows in time to say so in the answer.
const takenBehind = 256 << 10

// keeps tells whether the connection is there for another request.
func (r *request) keeps(o outcome) bool {
	switch o {
	case whole:
		return true
	case failed, shed, late:
		return !r.chunked || r.body <= takenBehind
	default:
		return false
	}
}

func (r *request) answered(t transport, ctx context.Context, made *http.Request) (outcome, error) {
	response, err := t.send(ctx, made)
	if err != nil {
		if ctx.Err() != nil {
			return left, err
		}
		return r.cut(err)
	}
	defer response.Body.Close() //nolint:errcheck // what is wrong is told by reads
	if response.StatusCode == http.StatusOK {
		return r.read(response.Body, r.want(), broken)
	}
	own, ok := texts[response.StatusCode]
	if !ok {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 200))
		return wrong, fmt.Errorf("status %d, %q", response.StatusCode, body)
	}
	if response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") == "" {
		return wrong, errors.New("503 without Retry-After")
	}
	return r.own(response.Body, own.outcome, own.text)
}

// own reads a text of gwport's own. It is whole, but for a request whose body was still being sent.
func (r *request) own(body io.Reader, o outcome, text string) (outcome, error) {
	got, err := r.read(body, bytes.NewReader([]byte(text)), o)
	if got == whole {
		return o, nil
	}
	if got != wrong && r.body < 0 {
		return wrong, fmt.Errorf("the text of %s is broken off: %w", o, err)
	}
	return got, err
}

// cut: a request gets a status until its response has begun. One whose body is still being sent may be answered, and its
// connection closed, before: then its sender may be told of the end by TCP in front of the answer.
func (r *request) cut(err error) (outcome, error) {
	if r.body > 0 {
		return broken, nil
	}
	return wrong, fmt.Errorf("no answer, and no status either: %w", err)
}

// read compares a body byte by byte. One that breaks off has the outcome end.
func (r *request) read(body, want io.Reader, end outcome) (outcome, error) {
	got, expected, at := make([]byte, 16<<10), make([]byte, 16<<10), 0
	for {
		n, err := body.Read(got)
		if m, _ := io.ReadFull(want, expected[:n]); !bytes.Equal(got[:n], expected[:m]) {
			return wrong, fmt.Errorf("other bytes than were asked for between %d and %d", at, at+n)
		}
		at += n
		if err == io.EOF {
			if m, _ := io.ReadFull(want, expected[:1]); m > 0 {
				return wrong, fmt.Errorf("a body that looks whole ends after %d bytes", at)
			}
			return whole, nil
		}
		if err != nil {
			return end, err
		}
		time.Sleep(r.pause)
	}
}
