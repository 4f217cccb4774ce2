package middleware

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// MethodOverride has a POST say that it is another method, for clients that can send no other: in a field, or in the
// query of an HTML form's action. No other method is looked at. What is not in the list is 400, lest an app take it for
// the POST that it is not.
type MethodOverride struct {
	// Field is "X-HTTP-Method-Override" if it is empty.
	Field string

	// Parameter is a parameter of the query that says it where the field is missing, "_method" for example; none is looked
	// at if it is empty.
	Parameter string

	// Methods are those that may be said: PUT, PATCH and DELETE if there are none here.
	Methods []string
}

// Around is a [bridge.Middleware].
func (o MethodOverride) Around(app bridge.App) bridge.App {
	key := keyOf("MethodOverride.Field", cmp.Or(o.Field, "X-HTTP-Method-Override"))
	methods := o.Methods
	if len(methods) == 0 {
		methods = []string{"PUT", "PATCH", "DELETE"}
	}
	for _, m := range methods {
		if !wire.IsToken(m) || m != strings.ToUpper(m) {
			wrong("MethodOverride.Methods", m, "a method in capitals, such as PUT")
		}
	}
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		method := strings.ToUpper(o.said(env, key))
		switch {
		case env.Method() != "POST" || method == "" || method == "POST":
		case !slices.Contains(methods, method):
			return bridge.Text(400, "A POST may not stand for this method.\n")
		default:
			env["REQUEST_METHOD"] = method
			delete(env, key)
		}
		return app(ctx, env)
	}
}

// said is what the request says that it is.
func (o MethodOverride) said(env bridge.Environ, key string) string {
	if said := env.String(key); said != "" || o.Parameter == "" {
		return said
	}
	query, _ := url.ParseQuery(env.String("QUERY_STRING")) // what of it can be read
	return query.Get(o.Parameter)
}
