package middleware

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// Gzip compresses responses for clients that take it. A body that comes in blocks is compressed block by block, and each is
// flushed, so that it reaches the client when it would without; one under way holds some 800 KB of memory meanwhile.
//
// It leaves alone what is small, has a Content-Encoding, a Content-Range, a digest or no Content-Type, is of no type
// that gains by it, or has no-transform in its Cache-Control; the statuses 204, 205, 206 and 304; and HEAD. An ETag becomes a
// weak one, since the bytes are others; Accept-Ranges goes.
//
// A page that has a secret and what an attacker has chosen tells him of the secret by its compressed length (BREACH).
type Gzip struct {
	// Level is from 1, fast, to 9, small: 6 if it is 0.
	Level int

	// MinSize is how many bytes a body has at least that is compressed, if that is known: 1024 if it is 0, any if
	// it is negative.
	MinSize int

	// Types are the media types that are compressed: "text/html", "text/*", "*+json". If there are none, they
	// are text/*, *+json, *+xml, application/json, application/javascript, application/xml, application/x-ndjson and application/wasm.
	Types []string
}

var gzipTypes = []string{
	"text/*", "*+json", "*+xml", "application/json", "application/javascript", "application/xml", "application/x-ndjson",
	"application/wasm",
}

// Around is a [bridge.Middleware].
func (o Gzip) Around(app bridge.App) bridge.App {
	if o.Level < 0 || o.Level > 9 {
		wrong("Gzip.Level", o.Level, "0 to 9")
	}
	o.Level = cmp.Or(o.Level, 6)
	o.MinSize = cmp.Or(o.MinSize, 1024)
	if len(o.Types) == 0 {
		o.Types = gzipTypes
	}
	for _, pattern := range o.Types {
		if !isTypePattern(pattern) {
			wrong("Gzip.Types", pattern, `a media type, "text/*" or "*+json"`)
		}
	}
	spares := &sync.Pool{New: func() any {
		w, _ := gzip.NewWriterLevel(nil, o.Level) // which has been looked at
		return w
	}}
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		accepts, isHead := acceptsGzip(env.Header("Accept-Encoding")), env.Method() == "HEAD"
		return bridge.Then(app(ctx, env), func(res bridge.Response) bridge.Response {
			switch {
			case res.Status == 304 && accepts:
				return weakened(res)
			case !o.gains(res):
				return res
			}
			res.Headers = vary(res.Headers, "Accept-Encoding")
			if accepts && !isHead {
				return weakened(compressed(res, spares))
			}
			return res
		})
	}
}

// isTypePattern tells a type, one with a star behind its slash, and a star with a suffix.
func isTypePattern(s string) bool {
	plain := func(s string) bool { return wire.IsToken(s) && !strings.Contains(s, "*") }
	if suffix, ok := strings.CutPrefix(s, "*+"); ok {
		return plain(suffix)
	}
	kind, sub, ok := strings.Cut(s, "/")
	return ok && plain(kind) && (sub == "*" || plain(sub))
}

// gains tells whether a response is one that is compressed where the client takes that.
func (o Gzip) gains(res bridge.Response) bool {
	switch res.Status {
	case 204, 205, 206, 304:
		return false
	}
	for _, name := range []string{
		"Content-Encoding", "Content-Range", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5",
	} {
		if first(res.Headers, name) != "" {
			return false
		}
	}
	for _, word := range elements(res.Headers, "Cache-Control") {
		if word == "no-transform" {
			return false
		}
	}
	size, isKnown := sizeOf(res)
	return (!isKnown || size >= o.MinSize) && o.isOfType(first(res.Headers, "Content-Type"))
}

func (o Gzip) isOfType(contentType string) bool {
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	media = strings.Trim(media, " \t")
	for _, pattern := range o.Types {
		pattern = strings.ToLower(pattern)
		before, behind, hasStar := strings.Cut(pattern, "*")
		if media == pattern || hasStar && media != "" && strings.HasPrefix(media, before) && strings.HasSuffix(media, behind) {
			return true
		}
	}
	return false
}

var quality = regexp.MustCompile(`^(0(\.[0-9]{0,3})?|1(\.0{0,3})?)$`)

// acceptsGzip reads a field Accept-Encoding (RFC 9110, section 12.5.3): gzip is taken, and liked no less than what is not compressed.
func acceptsGzip(field string) bool {
	liked := map[string]float64{"gzip": -1, "*": -1, "identity": -1}
	for _, word := range words(strings.ToLower(field)) {
		coding, parameter, hasParameter := strings.Cut(word, ";")
		coding, q := strings.Trim(coding, " \t"), 1.0
		if hasParameter {
			value, ok := strings.CutPrefix(strings.Trim(parameter, " \t"), "q=")
			if !ok || !quality.MatchString(value) {
				continue
			}
			q, _ = strconv.ParseFloat(value, 64)
		}
		if coding == "x-gzip" {
			coding = "gzip"
		}
		if before, ok := liked[coding]; ok {
			liked[coding] = max(before, q)
		}
	}
	q := liked["gzip"]
	if q < 0 {
		q = liked["*"]
	}
	return q > 0 && q >= liked["identity"]
}

// weakened has a weak ETag in the place of a strong one.
func weakened(res bridge.Response) bridge.Response {
	if tag := first(res.Headers, "ETag"); strings.HasPrefix(tag, `"`) {
		res.Headers = set(res.Headers, "ETag", "W/"+tag)
	}
	return res
}

// compressed has the response's body in gzip's form, whole if it is.
func compressed(res bridge.Response, spares *sync.Pool) bridge.Response {
	res.Headers = with(without(res.Headers, "Content-Length", "Accept-Ranges"), "Content-Encoding", "gzip")
	b := &gzipBody{inner: res.Body, spares: spares, w: spares.Get().(*gzip.Writer)}
	b.w.Reset(&b.out)
	if _, isWhole := b.inner.(interface{ Len() int }); isWhole {
		_, _ = io.Copy(b.w, b.inner) // neither fails, in memory
		b.end(io.EOF)
		res.Body = holding(b.out.String(), b.inner)
		return res
	}
	b.block = make([]byte, gzipBlock)
	res.Body = b
	return res
}

const gzipBlock = 32 << 10

var errGzipClosed = errors.New("middleware: read of a body behind its Close")

// gzipBody compresses another body while it is read.
type gzipBody struct {
	inner  io.Reader
	spares *sync.Pool
	w      *gzip.Writer // nil behind the end
	block  []byte
	out    bytes.Buffer
	err    error
}

// Read returns what becomes of a block of the inner body.
func (b *gzipBody) Read(p []byte) (int, error) {
	for b.out.Len() == 0 && b.err == nil {
		b.next()
	}
	if b.out.Len() == 0 {
		return 0, b.err
	}
	return b.out.Read(p)
}

func (b *gzipBody) next() {
	n, err := b.inner.Read(b.block)
	if n > 0 {
		_, _ = b.w.Write(b.block[:n]) // which goes into memory
		if err == nil {
			_ = b.w.Flush()
		}
	}
	if err != nil {
		b.end(err)
	}
}

func (b *gzipBody) end(err error) {
	if b.w == nil {
		return
	}
	if err == io.EOF {
		_ = b.w.Close()
	} else {
		_ = b.w.Flush() // what there is; without its end it is not whole
	}
	b.w.Reset(nil)
	b.spares.Put(b.w)
	b.w, b.err = nil, err
}

// Close closes the inner body.
func (b *gzipBody) Close() error {
	b.end(errGzipClosed)
	if c, ok := b.inner.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Unwrap is for who looks for the body of a handler.
func (b *gzipBody) Unwrap() io.Reader { return b.inner }
