package middleware

import (
	"cmp"
	"context"
	"crypto/rand"

	"github.com/gwport/gwport/bridge"
)

// RequestID names each request, in the environ and in its response.
type RequestID struct {
	// Field is the field that has the name, in the request and in the response: "X-Request-Id" if it is empty.
	Field string

	// Accept takes the name that a request comes with, if it has 1 to 64 letters, digits, dots, dashes and underscores.
	// It is for who stands behind a proxy that names requests: else clients choose what the log says of them.
	Accept bool
}

// Around is a [bridge.Middleware]. A name of its own is 26 characters that cannot be guessed.
func (o RequestID) Around(app bridge.App) bridge.App {
	field := cmp.Or(o.Field, "X-Request-Id")
	key := keyOf("RequestID.Field", field)
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		id := env.String(key)
		if !o.Accept || !isPlainName(id) {
			id = rand.Text()
		}
		env[key] = id
		return bridge.Then(app(ctx, env), func(res bridge.Response) bridge.Response {
			res.Headers = set(res.Headers, field, id)
			return res
		})
	}
}

// isPlainName holds a client's choice to what is harmless in a log and in a header.
func isPlainName(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 64
}
