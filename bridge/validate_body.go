package bridge

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// wrapBody has the body, and the trailers, asked for through the validation.
func (v *validation) wrapBody(res Response, declared int64) Response {
	isSent := v.method != http.MethodHead && bodyAllowed(res.Status)
	if n, known := knownLength(res.Body); known && isSent && declared >= 0 && int64(n) != declared {
		v.breaks("body.length", "body", fmt.Sprintf("%d bytes, Content-Length is %d", n, declared))
		declared = -1
	}
	if res.Body != nil && res.Body != http.NoBody {
		b := &validBody{v: v, r: res.Body, declared: declared, isSent: isSent, isHandlers: isHandlers(res.Body)}
		b.closer, _ = res.Body.(io.Closer)
		if b.owned = v.val.bodies.take(res.Body, v.owner()); !b.owned {
			v.breaks("body.fresh", "body", fmt.Sprintf("the %T of another response", res.Body))
		}
		v.body, res.Body = b, b
		if _, ok := b.r.(sized); ok {
			res.Body = sizedBody{b}
		}
	}
	if res.Trailers != nil {
		res.Trailers = v.wrapTrailers(res.Trailers, isSent)
	}
	return res
}

// sized is a body in memory.
type sized interface{ Len() int }

// validBody is a body that is validated.
type validBody struct {
	v          *validation
	r          io.Reader
	closer     io.Closer // nil: there is nothing to close
	declared   int64     // -1: its length is not known
	isSent     bool      // the response has a body
	isHandlers bool      // it is read to its end, whether or not it is sent
	owned      bool

	mu     sync.Mutex
	blocks int
	read   int64
	ended  bool
	closed bool
}

// Unwrap is the body as it is without validation.
func (b *validBody) Unwrap() io.Reader { return b.r }

// Read asks for a block.
func (b *validBody) Read(p []byte) (int, error) {
	if err := b.before(); err != nil {
		return 0, err
	}
	b.v.inBody.Add(1)
	n, err := b.r.Read(p)
	b.v.inBody.Add(-1)
	b.after(int64(n), len(p), err)
	if failure := b.v.failure(); failure != nil {
		return 0, failure
	}
	return n, err
}

// before looks at whether the body may be asked.
func (b *validBody) before() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.blocks++
	switch {
	case b.closed:
		b.v.breaks("body.read.closed", "body", "")
	case b.ended:
		b.v.breaks("body.read.ended", "body", "")
	case !b.isSent && !b.isHandlers:
		b.v.breaks("body.read.none", "body", "")
	}
	return b.v.failure()
}

// after looks at what it has given.
func (b *validBody) after(n int64, room int, err error) {
	b.mu.Lock()
	if n < 0 || n > int64(room) {
		b.v.breaks("body.block", fmt.Sprintf("block %d of the body", b.blocks), fmt.Sprintf("%d bytes of %d", n, room))
		b.mu.Unlock()
		return
	}
	b.count(n, err)
	isOver := b.ended && b.closer == nil
	b.mu.Unlock()
	if isOver && b.v.call == nil {
		b.v.end()
	}
}

func (b *validBody) count(n int64, err error) {
	b.read += n
	b.ended = b.ended || err != nil
	if b.declared >= 0 && b.isSent && (b.read > b.declared || err == io.EOF && b.read < b.declared) {
		b.v.breaks("body.length", "body", fmt.Sprintf("%d bytes, Content-Length is %d", b.read, b.declared))
	}
}

// Close closes what can be closed.
func (b *validBody) Close() error { return b.close(nil) }

// CloseWithError tells a body that can hear it why no more of it is read.
func (b *validBody) CloseWithError(err error) error { return b.close(err) }

func (b *validBody) close(why error) error {
	c, hears := b.r.(interface{ CloseWithError(error) error })
	if why != nil && hears {
		return c.CloseWithError(why) // Close follows
	}
	if b.closer == nil || why != nil {
		return nil
	}
	b.mu.Lock()
	if b.closed {
		b.v.breaks("body.close.once", "body", "")
	}
	b.closed = true
	b.mu.Unlock()
	err := b.closer.Close()
	if err != nil {
		b.v.breaks("body.close.fails", "body", fmt.Sprintf("a %T", err))
	}
	if b.v.call == nil {
		b.v.end()
	}
	return err
}

// over is called when the response is over.
func (b *validBody) over() {
	if b.owned {
		b.v.val.bodies.release(b.r)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.v.call != nil && b.closer != nil && !b.closed {
		b.v.breaks("body.close.there", "body", fmt.Sprintf("a %T", b.r))
	}
}

// sizedBody is a body in memory that is validated.
type sizedBody struct{ *validBody }

// Len is how much is left of it.
func (b sizedBody) Len() int { return b.r.(sized).Len() }

// WriteTo writes what is left, as the body does it itself.
func (b sizedBody) WriteTo(w io.Writer) (int64, error) {
	from, ok := b.r.(io.WriterTo)
	if !ok {
		return io.Copy(w, struct{ io.Reader }{b.validBody})
	}
	if err := b.before(); err != nil {
		return 0, err
	}
	n, err := from.WriteTo(w)
	b.mu.Lock()
	b.count(n, noErrorIsEOF(err))
	b.mu.Unlock()
	if b.v.call == nil && b.closer == nil {
		b.v.end()
	}
	return n, err
}

func noErrorIsEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// wrapTrailers looks at when trailers are asked for, and at what they are.
func (v *validation) wrapTrailers(trailers func() []Header, isSent bool) func() []Header {
	asked := false
	return func() []Header {
		v.mu.Lock()
		again, body := asked, v.body
		asked = true
		v.mu.Unlock()
		switch {
		case again:
			v.breaks("trailers.when", "trailers", "asked for again")
		case isSent && body != nil && !body.hasEnded():
			v.breaks("trailers.when", "trailers", "asked for before the body has ended")
		}
		fields := trailers()
		for i, f := range fields {
			v.trailer(i, f)
		}
		return fields
	}
}

func (b *validBody) hasEnded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

func (v *validation) trailer(i int, f Header) {
	where := "trailer " + strings.ToLower(f.Name)
	switch at := controlAt(f.Value, false); {
	case !wire.IsToken(f.Name):
		v.breaks("trailers.field", fmt.Sprintf("trailer %d", i+1), shown(f.Name))
	case at >= 0:
		v.breaks("trailers.field", where, byteAt(f.Value, at))
	case !trailerAllowed(http.CanonicalHeaderKey(f.Name)):
		v.breaks("trailers.field", where, "")
	}
}
