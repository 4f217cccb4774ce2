package middleware

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gwport/gwport/bridge"
)

// Conditional answers a GET or HEAD with 304 where the client has what it asks for, by the response's ETag and
// Last-Modified, and with 412 where it wants another state than that (RFC 9110, section 13.2.2: If-Match or else
// If-Unmodified-Since, then If-None-Match or else If-Modified-Since). The app runs in any case: what is saved is the
// body's way. Of other methods the app alone can tell, before it acts.
type Conditional struct {
	// ETags gives responses of status 200 to GET that are in memory, and have no ETag, one that is made of their body.
	ETags bool
}

// Around is a [bridge.Middleware].
func (o Conditional) Around(app bridge.App) bridge.App {
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		method := env.Method()
		if method != http.MethodGet && method != http.MethodHead {
			return app(ctx, env)
		}
		asked := conditionsOf(env) // before the app can change them
		return bridge.Then(app(ctx, env), func(res bridge.Response) bridge.Response {
			if o.ETags && method == http.MethodGet {
				res = tagged(res)
			}
			if res.Status < 200 || res.Status > 299 {
				return res
			}
			switch status := asked.status(first(res.Headers, "ETag"), first(res.Headers, "Last-Modified")); status {
			case http.StatusNotModified, http.StatusPreconditionFailed:
				return instead(res, status)
			}
			return res
		})
	}
}

// tagged has an ETag where there is none.
func tagged(res bridge.Response) bridge.Response {
	_, isWhole := res.Body.(interface{ Len() int })
	if !isWhole || res.Status != http.StatusOK || first(res.Headers, "ETag") != "" {
		return res
	}
	b, _ := io.ReadAll(res.Body) // which is in memory
	sum := sha256.Sum256(b)
	res.Headers = with(res.Headers, "ETag", `"`+base64.RawURLEncoding.EncodeToString(sum[:16])+`"`)
	res.Body = holding(string(b), res.Body)
	return res
}

// instead is a response without a body in the place of one. What it says of the body goes; the rest is as of 200.
func instead(res bridge.Response, status int) bridge.Response {
	drop(res)
	headers := without(res.Headers, "Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Content-Range",
		"Content-Md5", "Content-Digest", "Repr-Digest", "Digest", "Trailer")
	if first(headers, "ETag") != "" {
		headers = without(headers, "Last-Modified") // by which a client would not choose
	}
	return bridge.Response{Status: status, Headers: headers}
}

// conditions are those of a request.
type conditions struct {
	match, noneMatch                []string
	hasMatch, hasNoneMatch          bool
	modifiedSince, notModifiedSince string
}

func conditionsOf(env bridge.Environ) conditions {
	c := conditions{
		modifiedSince:    env.Header("If-Modified-Since"),
		notModifiedSince: env.Header("If-Unmodified-Since"),
	}
	c.hasMatch = env.Header("If-Match") != ""
	c.hasNoneMatch = env.Header("If-None-Match") != ""
	c.match, c.noneMatch = tags(env.Header("If-Match")), tags(env.Header("If-None-Match"))
	return c
}

// status is what they make of a 200: 304, 412, or 200.
func (c conditions) status(tag, modified string) int {
	switch {
	case c.hasMatch && !isAmong(tag, c.match, isStrongly),
		!c.hasMatch && isLater(modified, c.notModifiedSince):
		return http.StatusPreconditionFailed
	case c.hasNoneMatch && isAmong(tag, c.noneMatch, isWeakly),
		!c.hasNoneMatch && isNotLater(modified, c.modifiedSince):
		return http.StatusNotModified
	}
	return http.StatusOK
}

// tags are the entity tags of a list, as they stand there, as far as it is one; or "*".
func tags(list string) []string {
	var all []string
	for {
		list = strings.TrimLeft(list, " \t,")
		n := tagLength(list)
		if n == 0 {
			return all
		}
		all, list = append(all, list[:n]), list[n:]
	}
}

// tagLength is the length of the tag that a text begins with, or 0.
func tagLength(s string) int {
	if s == "*" {
		return 1
	}
	rest, isWeak := strings.CutPrefix(s, "W/")
	if !strings.HasPrefix(rest, `"`) {
		return 0
	}
	end := strings.IndexByte(rest[1:], '"')
	switch {
	case end < 0:
		return 0
	case isWeak:
		return end + 4
	}
	return end + 2
}

// isAmong tells whether a response's tag is one of a request's. Any stands for the star.
func isAmong(tag string, all []string, is func(a, b string) bool) bool {
	hasTag := tag != "" && tag != "*" && tagLength(tag) == len(tag)
	for _, other := range all {
		if other == "*" || hasTag && is(tag, other) {
			return true
		}
	}
	return false
}

// isStrongly and isWeakly are RFC 9110's two ways to compare tags (section 8.8.3.2).
func isStrongly(a, b string) bool { return a == b && a[0] == '"' }

func isWeakly(a, b string) bool { return strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/") }

// isLater and isNotLater are false where one of the times is none.
func isLater(modified, than string) bool {
	m, t, ok := times(modified, than)
	return ok && m.After(t)
}

func isNotLater(modified, than string) bool {
	m, t, ok := times(modified, than)
	return ok && !m.After(t)
}

func times(a, b string) (at, bt time.Time, ok bool) {
	at, err := http.ParseTime(a)
	if err != nil {
		return at, bt, false
	}
	bt, err = http.ParseTime(b)
	return at, bt, err == nil
}
