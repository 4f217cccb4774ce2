package middleware

import (
	"context"
	"net/url"
	"strings"

	"github.com/gwport/gwport/bridge"
)

// Prefix has another App answer what is below a path, as if it were mounted there: SCRIPT_NAME ends with the path, and
// PATH_INFO is what is behind it. The App that it is around answers the rest.
type Prefix struct {
	// At is the path, decoded, in the environ's PATH_INFO: "/shop", with no slash at its end. "/shop" and "/shop/cart"
	// are below it, "/shopping" is not.
	At string

	// App is what is mounted there.
	App bridge.App
}

// Around is a [bridge.Middleware].
func (o Prefix) Around(app bridge.App) bridge.App {
	if !strings.HasPrefix(o.At, "/") || strings.HasSuffix(o.At, "/") {
		wrong("Prefix.At", o.At, "a path such as /shop")
	}
	if o.App == nil {
		wrong("Prefix.App", o.App, "an App")
	}
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		if o.shift(env) {
			return o.App(ctx, env)
		}
		return app(ctx, env)
	}
}

// shift moves the prefix from PATH_INFO to SCRIPT_NAME, and in their raw forms, where these are the same path: middleware
// may have changed the one and not the other.
func (o Prefix) shift(env bridge.Environ) bool {
	info, ok := behind(env.String("PATH_INFO"), o.At)
	if !ok {
		return false
	}
	raw := env.String("gwport.path_info")
	if decoded, err := url.PathUnescape(raw); err == nil && decoded == env.String("PATH_INFO") {
		at := rawPrefix(raw, strings.Count(o.At, "/"))
		if decoded, _ := url.PathUnescape(at); decoded != o.At {
			return false // a slash of At is inside of a segment, and parts none
		}
		env["gwport.script_name"] = env.String("gwport.script_name") + at
		env["gwport.path_info"] = raw[len(at):]
	}
	env["SCRIPT_NAME"] = env.String("SCRIPT_NAME") + o.At
	env["PATH_INFO"] = info
	return true
}

// behind is what stands behind a prefix that ends where a segment does.
func behind(path, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// rawPrefix is the first so many segments of a path.
func rawPrefix(path string, segments int) string {
	for i := range len(path) {
		if path[i] == '/' {
			if segments == 0 {
				return path[:i]
			}
			segments--
		}
	}
	return path
}
