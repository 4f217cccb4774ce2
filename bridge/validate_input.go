package bridge

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// wrapInput has the App read and write through the validation.
func (v *validation) wrapInput(env Environ) {
	declared := int64(-1)
	if s, ok := env["CONTENT_LENGTH"].(string); ok {
		declared = lengthOf(s)
	}
	if r, ok := env["gwport.input"].(io.Reader); ok && r != http.NoBody { // which AppOf looks for, and which cannot go wrong
		env["gwport.input"] = io.Reader(&validInput{v: v, r: r, declared: declared})
	}
	if w, ok := env["gwport.errors"].(io.Writer); ok {
		env["gwport.errors"] = io.Writer(&validErrors{v, w})
	}
}

// validInput is an input that is validated.
type validInput struct {
	v        *validation
	r        io.Reader
	declared int64 // -1: the length is not known
	reading  atomic.Bool

	mu    sync.Mutex
	read  int64
	ended bool
}

// Read reads.
func (in *validInput) Read(p []byte) (int, error) {
	if len(p) == 0 {
		in.v.breaks("input.read.size", "gwport.input", "a buffer of 0 bytes")
	}
	if in.v.isOver() {
		in.v.breaks("input.read.late", "gwport.input", "")
	}
	if in.reading.CompareAndSwap(false, true) {
		defer in.reading.Store(false)
	} else {
		in.v.breaks("input.read.alone", "gwport.input", "two reads at a time")
	}
	n, err := in.r.Read(p)
	in.has(n, len(p), err)
	return n, err
}

// has looks at what a read has returned.
func (in *validInput) has(n, room int, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if n < 0 || n > room || n == 0 && room > 0 && err == nil {
		in.v.breaks("input.bytes", "gwport.input", fmt.Sprintf("%d bytes of %d", n, room))
		return
	}
	if in.ended && n > 0 {
		in.v.breaks("input.ended", "gwport.input", fmt.Sprintf("%d bytes behind the end", n))
		return
	}
	in.read += int64(n)
	in.ended = in.ended || err == io.EOF
	if in.declared >= 0 && (in.read > in.declared || err == io.EOF && in.read < in.declared) {
		in.v.breaks("input.length", "gwport.input", fmt.Sprintf("%d bytes, CONTENT_LENGTH is %d", in.read, in.declared))
	}
}

// Close closes what can be closed.
func (in *validInput) Close() error {
	if c, ok := in.r.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// isOver tells whether the response has ended, and not because its request has.
func (v *validation) isOver() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.over && !v.cut
}

// plainInput is an input as it is without validation.
func plainInput(r io.Reader) io.Reader {
	for {
		in, ok := r.(*validInput)
		if !ok {
			return r
		}
		r = in.r
	}
}

// validErrors is where an App that is validated writes lines for the log.
type validErrors struct {
	v *validation
	w io.Writer
}

// Write writes.
func (e *validErrors) Write(p []byte) (int, error) {
	if !utf8.Valid(p) {
		e.v.breaks("errors.text", "gwport.errors", fmt.Sprintf("%d bytes that are not UTF-8", len(p)))
	}
	return e.w.Write(p)
}
